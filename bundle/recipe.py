"""The bundle, made from the checkout: our two packages, the kernel, NumPy, bytecode.

Made in a folder of its own and then moved into place, so that whoever reads the bundle meanwhile
sees the old one or the new one. Same inputs, same bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bundle.bytecode import compile_tree, find_interpreter
from bundle.kernel import FOLDER, RECIPE, build_kernel, has_kernel
from bundle.lock import exclusive
from bundle.target import Target
from bundle.wheels import fetch_wheel, pinned_version, unpack_wheel

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("compute_lambda", "kmeans_core")
NUMPY = "numpy"

NOT_RUN = frozenset({RECIPE.as_posix()})
"""Modules of ours that are for building."""

_TIME_STAMP = (2020, 1, 1, 0, 0, 0)
_TIME_STAMP_S = 1_577_836_800
"""The same moment, so that folder and zip agree."""
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was made: where it is, how large, and what is in it.

    `kernel` is "native" or "numpy"; `bytecode_by` the interpreter that compiled, "" when there was
    none for the target (a cold start then compiles for itself, slowly).
    """

    folder: Path
    archive: Path
    unzipped_bytes: int
    zipped_bytes: int
    numpy_version: str
    kernel: str
    bytecode_by: str
    fingerprint: str

    def describe(self) -> str:
        """Lines for a person."""
        bytecode = (
            f"compiled by {self.bytecode_by}"
            if self.bytecode_by
            else "none: no interpreter of this version was found, so cold starts are 0.1 s slower"
        )
        return (
            f"{self.folder}\n"
            f"  unzipped {self.unzipped_bytes / _MIB:.1f} MiB, zipped"
            f" {self.zipped_bytes / _MIB:.1f} MiB ({self.archive.name})\n"
            f"  NumPy {self.numpy_version}, kernel: {self.kernel}\n"
            f"  bytecode: {bytecode}"
        )

    def save(self, path: Path) -> None:
        """Write this record to `path` as JSON, to be read by `load`."""
        record = {name: str(value) for name, value in dataclasses.asdict(self).items()}
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """What `save` wrote; None when it is not there or not readable."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                folder=Path(record["folder"]),
                archive=Path(record["archive"]),
                unzipped_bytes=int(record["unzipped_bytes"]),
                zipped_bytes=int(record["zipped_bytes"]),
                **{name: record[name] for name in ("numpy_version", "kernel")},
                **{name: record[name] for name in ("bytecode_by", "fingerprint")},
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


def build_bundle(target: Target, *, root: Path = ROOT, builds: Path | None = None) -> Bundle:
    """The bundle of the checkout `root` for `target`, in `builds` (default `<root>/build`).

    Made only when something that goes into it has changed. Safe to call from several processes.
    Raises BuildProblem, and CalledProcessError of a compiler.
    """
    builds = builds or root / "build"
    builds.mkdir(parents=True, exist_ok=True)
    folder, archive = builds / target.name, builds / f"{target.name}.zip"
    record = builds / f"{target.name}.json"
    version = pinned_version(NUMPY, root / "requirements.txt", target.python_version)
    interpreter = find_interpreter(target.python_version)
    with exclusive(builds / f"{target.name}.lock"):
        fingerprint = _fingerprint(root, target, version, str(interpreter or ""))
        known = Bundle.load(record)
        if known and known.fingerprint == fingerprint and folder.is_dir() and archive.is_file():
            return known
        wheel = fetch_wheel(NUMPY, version, target, builds / "wheels")
        with tempfile.TemporaryDirectory(prefix=f"{target.name}-", dir=builds) as space:
            made = Path(space) / "bundle"
            fill(made, wheel, target, root=root, interpreter=interpreter)
            made_archive = Path(space) / "bundle.zip"
            write_zip(made, made_archive)
            record.unlink(missing_ok=True)
            if folder.exists():
                folder.rename(Path(space) / "before")
            made.rename(folder)
            made_archive.replace(archive)
        bundle = Bundle(
            folder=folder,
            archive=archive,
            unzipped_bytes=sum(path.stat().st_size for path in _files(folder)),
            zipped_bytes=archive.stat().st_size,
            numpy_version=version,
            kernel="native" if has_kernel(root) else "numpy",
            bytecode_by=str(interpreter or ""),
            fingerprint=fingerprint,
        )
        bundle.save(record)
    return bundle


def fill(
    folder: Path, wheel: Path, target: Target, *, root: Path, interpreter: Path | None
) -> None:
    """Put everything that a function runs into `folder`, which must not exist."""
    folder.mkdir(mode=0o755)
    for relative in _modules(root):
        copy = folder / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / relative, copy)
    if has_kernel(root):
        build_kernel(root, folder, target)
    unpack_wheel(wheel, folder)
    if interpreter is not None:
        compile_tree(folder, interpreter)
    _make_uniform(folder)


def write_zip(folder: Path, archive: Path) -> None:
    """`folder` as a zip that depends on names and contents only."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _TIME_STAMP)
            entry.external_attr = path.stat().st_mode << 16
            out.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)


def _modules(root: Path) -> list[Path]:
    """Our modules that a function runs, relative to the checkout."""
    found = (path.relative_to(root) for name in PACKAGES for path in (root / name).rglob("*.py"))
    return sorted(path for path in found if path.as_posix() not in NOT_RUN)


def _fingerprint(root: Path, target: Target, numpy_version: str, interpreter: str) -> str:
    """sha256 of everything that the bundle's bytes depend on."""
    digest = hashlib.sha256(repr((target, numpy_version, interpreter)).encode())
    sources = [*_modules(root), RECIPE, *_kernel_sources(root), *_recipe(root)]
    for relative in sources:
        digest.update(f"\n{relative.as_posix()}\n".encode())
        digest.update((root / relative).read_bytes())
    return digest.hexdigest()


def _kernel_sources(root: Path) -> list[Path]:
    found = (path for pattern in ("*.c", "*.h") for path in (root / FOLDER).rglob(pattern))
    return sorted(path.relative_to(root) for path in found)


def _recipe(root: Path) -> list[Path]:
    return sorted(path.relative_to(root) for path in (root / "bundle").glob("*.py"))


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))


def _make_uniform(folder: Path) -> None:
    """Readable by Lambda's user, with one time stamp: neither umask nor clock shows."""
    for path in (folder, *folder.rglob("*")):
        executable = path.is_dir() or path.suffix == ".so"
        path.chmod(0o755 if executable else 0o644)
        with contextlib.suppress(OSError):
            os.utime(path, (_TIME_STAMP_S, _TIME_STAMP_S))
