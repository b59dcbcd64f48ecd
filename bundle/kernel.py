"""The C kernel for the target, cross-compiled with zig's C compiler; no container needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from bundle.target import BuildProblem, Target

FOLDER = Path("kmeans_core/kernels/native")
SOURCE = FOLDER / "src" / "kernel.c"
RECIPE = FOLDER / "compile.py"
LIBRARY = "_kernel.so"


def has_kernel(root: Path) -> bool:
    """Whether this checkout has the kernel's source and the recipe that compiles it."""
    return (root / SOURCE).is_file() and (root / RECIPE).is_file()


def build_kernel(root: Path, folder: Path, target: Target) -> Path:
    """Compile the kernel of the checkout `root` to kmeans_core/kernels/native/ in `folder`.

    Raises BuildProblem when the cross-compiler is missing or fails.
    """
    if importlib.util.find_spec("ziglang") is None:
        raise BuildProblem(
            "Expected the package ziglang, whose C compiler builds for Lambda, got an environment"
            " without it. Use make build, which installs it, or pip install ziglang."
        )
    recipe = _recipe(root)
    try:
        output = folder / FOLDER / LIBRARY
        return Path(recipe.compile_kernel(root / SOURCE, output, target=target.architecture))
    except recipe.KernelNotBuilt as problem:
        raise BuildProblem(
            f"Expected zig to compile the kernel for {target.architecture}, got: {problem}"
        ) from problem


def _recipe(root: Path) -> ModuleType:
    """The kernel's own recipe, by its path: importing its package would need NumPy here."""
    path = root / RECIPE
    spec = importlib.util.spec_from_file_location("kernel_recipe", path)
    if spec is None or spec.loader is None:
        raise BuildProblem(f"Expected {path} to be a Python module, got something else.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
