"""`python -m bundle [--architecture arm64] [--python 3.13] [--into FOLDER | --same-as FOLDER]`."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from bundle.recipe import build_bundle
from bundle.target import ARCHITECTURES, LAMBDA_PYTHON_VERSION, BuildProblem, Target


def main(arguments: list[str] | None = None) -> int:
    """Build, print where it is and how large; 1 with a sentence when it cannot be built."""
    options = _parser().parse_args(arguments)
    try:
        bundle = build_bundle(Target.of(options.architecture, options.python))
    except BuildProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or b"").strip()
        print(said.decode(errors="replace") if isinstance(said, bytes) else said, file=sys.stderr)
        return 1
    if options.into is not None:
        shutil.copytree(bundle.folder, options.into, dirs_exist_ok=True)
    print(bundle.describe())
    if options.same_as is not None and contents(options.same_as) != contents(bundle.folder):
        print(f"Expected {options.same_as} to hold the same files, got others.", file=sys.stderr)
        return 1
    return 0


def contents(folder: Path) -> dict[str, bytes]:
    """sha256 of each file, by its path in `folder`."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in files
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bundle", description="Build what Lambda runs.")
    parser.add_argument("--architecture", default="arm64", help=f"{' or '.join(ARCHITECTURES)}")
    parser.add_argument("--python", default=LAMBDA_PYTHON_VERSION, help="version, like 3.13")
    parser.add_argument("--into", type=Path, help="also copy the bundle into this folder")
    parser.add_argument("--same-as", type=Path, help="fail unless this folder holds the same files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
