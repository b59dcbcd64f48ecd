"""The one step of the build that pyproject.toml cannot say: compile the kernel where possible."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
NATIVE = ROOT / "kmeans_core" / "kernels" / "native"


def build_tool() -> ModuleType:
    """compile.py by its path: the package cannot be imported before NumPy is there."""
    spec = importlib.util.spec_from_file_location("compile_kernel", NATIVE / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = build_tool()


class BuildKernel(build_ext):
    """Compiles the shared library; warns and goes on where that is not possible."""

    def build_extension(self, ext: Extension) -> None:
        output = Path(self.get_ext_fullpath(ext.name))
        try:
            TOOL.compile_kernel(TOOL.SOURCE, output)
        except TOOL.KernelNotBuilt as problem:
            output.unlink(missing_ok=True)
            self.warn(TOOL.fallback_sentence(str(problem)))

    def copy_extensions_to_source(self) -> None:
        # A library of older sources must not stay where the new ones could not be compiled.
        (NATIVE / TOOL.library_name()).unlink(missing_ok=True)
        super().copy_extensions_to_source()

    def get_ext_filename(self, fullname: str) -> str:
        # Plain C without Python's headers: one library for every version of Python.
        return os.path.join(*fullname.split(".")[:-1], TOOL.library_name())


class PlatformWheel(bdist_wheel):
    """Tagged for the platform of the library and for any Python 3."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


setup(
    ext_modules=[
        Extension(
            "kmeans_core.kernels.native._kernel",
            sources=[str(TOOL.SOURCE.relative_to(ROOT))],
            depends=[str(path.relative_to(ROOT)) for path in TOOL.SOURCE.parent.rglob("*.h")],
            optional=True,  # the package works without it
        )
    ],
    cmdclass={"build_ext": BuildKernel, "bdist_wheel": PlatformWheel},
)
