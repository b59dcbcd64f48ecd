"""Bytecode of the target's Python, so that a cold start does not compile 150 modules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

COMPILE_TIMEOUT_S = 300
TASK_ROOT = "/var/task"
"""Where a bundle lies on Lambda."""

_ASK_TIMEOUT_S = 20
_ASK_VERSION = (
    "import sys; v = sys.version_info; print(sys.implementation.name, f'{v.major}.{v.minor}')"
)


def find_interpreter(python_version: str) -> Path | None:
    """A CPython of exactly this version on this machine, or None.

    Looked for: this process, `python3.x` on the path, pyenv's and uv's installations.
    """
    for candidate in _candidates(python_version):
        if _is_version(candidate, python_version):
            return candidate
    return None


def compile_tree(folder: Path, interpreter: Path) -> None:
    """Compile every module under `folder`. Raises CalledProcessError with the syntax error."""
    program = Path(__file__).with_name("docless.py")
    command = [str(interpreter), "-I", str(program), str(folder), TASK_ROOT]
    subprocess.run(command, check=True, capture_output=True, timeout=COMPILE_TIMEOUT_S)


def _candidates(python_version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    if on_path := shutil.which(f"python{python_version}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{python_version}.*/bin/python"), reverse=True)
    uv = Path.home() / ".local/share/uv/python"
    yield from sorted(uv.glob(f"cpython-{python_version}.*/bin/python3"), reverse=True)


def _is_version(interpreter: Path, python_version: str) -> bool:
    try:
        ran = subprocess.run(
            [str(interpreter), "-I", "-c", _ASK_VERSION],
            capture_output=True,
            text=True,
            timeout=_ASK_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    # A shim of pyenv exists on the path even where its version is not switched on.
    return ran.returncode == 0 and ran.stdout.split() == ["cpython", python_version]
