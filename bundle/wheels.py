"""NumPy's wheel for the target: fetched once, unpacked without what a function never imports."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from bundle.target import BuildProblem, Target

DOWNLOAD_TIMEOUT_S = 300

LEFT_OUT_FOLDERS = frozenset(
    {"tests", "testing", "doc", "_examples", "include", "f2py", "distutils", "_pyinstaller"}
    | {"fft", "polynomial", "ma", "core"}
)
"""Folders inside numpy/ that fitting does not import, at whatever depth."""

LEFT_OUT_SUFFIXES = frozenset(
    {".pyi", ".pxd", ".pyx", ".in", ".typed", ".h", ".c", ".a", ".pc", ".ini", ".build", ".md"}
)
"""Type stubs, C and Cython interfaces, static libraries."""

LEFT_OUT_FILES = ("*_tests.*.so", "_simd.*.so", "conftest.py", "matlib.py", "mypy_plugin.py")
"""C code that only NumPy's own tests call, and modules for other tools."""

EMPTIED_FILES = ("numpy/_core/_add_newdocs.py", "numpy/_core/_add_newdocs_scalars.py")
"""Modules that do nothing but write docstrings of C functions, 5 to 8 ms of each cold start."""

KEPT_METADATA = ("METADATA", "licenses")
"""Of numpy-*.dist-info: the licences of what is in the wheel, and its version for scanners."""


def pinned_version(package: str, requirements: Path, python_version: str) -> str:
    """The version of `package` that `requirements` pins for a version of Python.

    Raises BuildProblem when there is none.
    """
    environment = {"python_version": python_version, "python_full_version": f"{python_version}.0"}
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if not re.match(rf"{package}\s*==", line):
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            return str(requirement.specifier).removeprefix("==")
    raise BuildProblem(
        f"Expected {requirements.name} to pin {package} for Python {python_version}, got no such"
        " line. Run make lock."
    )


def fetch_wheel(package: str, version: str, target: Target, folder: Path) -> Path:
    """The wheel for `target`, from `folder` or else downloaded there. Raises BuildProblem."""
    pattern = f"{package}-{version}-{target.python_tag}-*_{target.machine}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    if found := sorted(folder.glob(pattern)):
        return found[0]
    # An interrupted download must not look like a wheel.
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        _download(f"{package}=={version}", target, Path(unfinished))
        (downloaded,) = Path(unfinished).glob(pattern)
        return downloaded.rename(folder / downloaded.name)


def _download(requirement: str, target: Target, folder: Path) -> None:
    platforms = [part for tag in target.wheel_platforms for part in ("--platform", tag)]
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary", ":all:", "--dest", str(folder), *platforms),
        *("--implementation", "cp", "--python-version", target.python_version),
        *("--abi", target.python_tag, requirement),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S)
    if ran.returncode != 0:
        raise BuildProblem(
            f"Expected a wheel of {requirement} for Python {target.python_version} on"
            f" {target.machine}, got: {ran.stderr.strip()[-500:]} Check the network, or choose"
            " another PYTHON_VERSION."
        )


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Put the kept files of `wheel` into `folder`."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if not member.is_dir() and is_kept(PurePosixPath(member.filename)):
                archive.extract(member, folder)
    for emptied in EMPTIED_FILES:
        (folder / emptied).write_text("# Docstrings of C functions: left out.\n", encoding="utf-8")


def is_kept(path: PurePosixPath) -> bool:
    """Whether a file of the wheel belongs in the bundle."""
    top, *inner = path.parts
    if top.endswith(".dist-info"):
        return inner[0] in KEPT_METADATA
    if LEFT_OUT_FOLDERS.intersection(inner[:-1]):
        return False
    if path.suffix in LEFT_OUT_SUFFIXES:
        return False
    return not any(fnmatchcase(path.name, pattern) for pattern in LEFT_OUT_FILES)
