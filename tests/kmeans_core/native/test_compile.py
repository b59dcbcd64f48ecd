"""The build of the kernel: with a compiler, without one, with one that fails, for Lambda."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kmeans_core.kernels.native import compile as build
from kmeans_core.kernels.native.library import load
from tests.waiting import COMPILE_S, WAIT_S

ROOT = Path(__file__).resolve().parents[3]
NATIVE = build.HERE.relative_to(ROOT)
# In the place of the kernel where only the build is tested: the kernel takes seconds to compile.
TRIVIAL = """
__attribute__((visibility("default"))) long long centaurus_abi_version(void);
long long centaurus_abi_version(void) { return 0; }
"""


@pytest.fixture
def no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH on which nothing is found."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("CC", raising=False)


def compiler() -> list[str]:
    found = build.compilers()
    if not found:
        pytest.skip("the kernel's build: no C compiler (apt-get install gcc)")
    return found[0]


def sources(directory: Path) -> Path:
    """A copy of the checkout's build files and the core, a trivial kernel, without any library."""
    copy = directory / "checkout"
    ignored = shutil.ignore_patterns("__pycache__", "_kernel.*", ".kernel-*")
    copy.mkdir()
    shutil.copytree(ROOT / "kmeans_core", copy / "kmeans_core", ignore=ignored)
    (copy / NATIVE / "src" / "kernel.c").write_text(TRIVIAL)
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    return copy


def setup(checkout: Path, *command: str) -> str:
    """Run setup.py; what it printed. Fails unless it succeeds."""
    done = subprocess.run(
        [sys.executable, "setup.py", *command],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=COMPILE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_compiler_makes_a_library_that_loads(tmp_path: Path) -> None:
    library = build.compile_kernel(build.SOURCE, tmp_path / "new" / "k.so", compiler())
    assert load(library).centaurus_best_variant() >= 0
    assert [path.name for path in library.parent.iterdir()] == ["k.so"]


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_the_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(build.KernelNotBuilt, match="no C compiler was found"):
        build.compile_kernel(build.SOURCE, tmp_path / "k.so")
    assert not (tmp_path / "k.so").exists()


def test_a_compiler_that_fails_is_passed_over_and_named_when_none_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = shutil.which(compiler()[0])
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho no licence >&2\nexit 3\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(build, "compilers", lambda: [[str(broken)], [str(working)]])
    source = sources(tmp_path) / NATIVE / "src" / "kernel.c"
    assert build.compile_kernel(source, tmp_path / "k.so").exists()
    monkeypatch.setattr(build, "compilers", lambda: [[str(broken)]])
    with pytest.raises(build.KernelNotBuilt, match="cc failed: no licence"):
        build.compile_kernel(source, tmp_path / "k.so")


def test_cc_names_the_only_compiler_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "ccache 'my gcc' -m64")
    assert build.compilers() == [["ccache", "my gcc", "-m64"]]
    monkeypatch.setenv("CC", "")
    assert all(shutil.which(command) for (command,) in build.compilers())


def test_a_library_is_made_anew_only_when_sources_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler()
    native = sources(tmp_path) / NATIVE
    monkeypatch.setattr(build, "HERE", native)
    monkeypatch.setattr(build, "SOURCE", native / "src" / "kernel.c")
    library = native / build.library_name()
    assert build.refresh() is None
    made = library.stat().st_ino
    assert build.refresh() is None
    assert library.stat().st_ino == made
    later = library.stat().st_mtime + 10
    os.utime(native / "src" / "kernel.c", (later, later))
    assert build.refresh() is None
    assert library.stat().st_ino != made


@pytest.mark.usefixtures("no_compiler")
def test_a_library_of_older_sources_goes_when_the_new_ones_cannot_be_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = sources(tmp_path) / NATIVE
    monkeypatch.setattr(build, "HERE", native)
    monkeypatch.setattr(build, "SOURCE", native / "src" / "kernel.c")
    library = native / build.library_name()
    library.write_bytes(b"older")
    os.utime(library, (1, 1))
    sentence = build.refresh()
    assert sentence is not None
    assert "without its compiled kernel" in sentence
    assert "no C compiler was found" in sentence
    assert not library.exists()


def test_an_install_with_a_compiler_has_the_library_and_its_sources(tmp_path: Path) -> None:
    compiler()
    checkout = sources(tmp_path)
    said = setup(checkout, "bdist_wheel", "--dist-dir", str(tmp_path))
    assert "without its compiled kernel" not in said
    (wheel,) = tmp_path.glob("*.whl")
    python, abi, platform = wheel.stem.split("-")[-3:]
    assert (python, abi) == ("py3", "none")
    assert platform != "any"
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if "/native/" in name}
    assert {build.library_name(), "kernel.c", "compile.py"} <= names
    c_sources = {
        path.name for path in build.SOURCE.parent.rglob("*") if path.suffix in {".c", ".h"}
    }
    assert c_sources <= names


@pytest.mark.usefixtures("no_compiler")
def test_an_install_without_a_compiler_works_and_computes_with_numpy(tmp_path: Path) -> None:
    checkout = sources(tmp_path)
    said = setup(checkout, "build", "--build-base", str(tmp_path / "build"))
    assert "works without its compiled kernel" in said
    assert "no C compiler was found" in said
    built = next((tmp_path / "build").glob("lib*"))
    assert not list(built.rglob("_kernel.*"))
    program = (
        "import warnings; warnings.simplefilter('error'); import kmeans_core\n"
        "model = kmeans_core.MahalanobisKMeans(2, n_init=2).fit([[0.0, 1], [1, 0], [9, 8], [8, 9]])"
        "\nprint(kmeans_core.__file__, kmeans_core.KERNEL, *sorted(model.counts_))"
    )
    environment = {**os.environ, "PYTHONPATH": str(built)}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert answer.returncode == 0, answer.stderr
    path, kernel, *counts = answer.stdout.split()
    assert Path(path).is_relative_to(built)
    assert (kernel, counts) == ("numpy", ["2", "2"])


@pytest.mark.usefixtures("no_compiler")
def test_an_editable_install_without_a_compiler_removes_an_older_library(tmp_path: Path) -> None:
    checkout = sources(tmp_path)
    library = checkout / NATIVE / build.library_name()
    library.write_bytes(b"older")
    assert "without its compiled kernel" in setup(checkout, "build_ext", "--inplace")
    assert not library.exists()


@pytest.mark.parametrize(("target", "machine"), [("x86_64", 62), ("arm64", 183)])
def test_zig_builds_for_lambda(tmp_path: Path, target: str, machine: int) -> None:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("the kernel for Lambda: no zig (pip install ziglang)")
    library = build.compile_kernel(build.SOURCE, tmp_path / "k.so", target=target)
    header = library.read_bytes()[:20]
    assert header[:5] == b"\x7fELF\x02"
    assert int.from_bytes(header[18:20], "little") == machine
    versions = re.findall(rb"GLIBC_2\.(\d+)", library.read_bytes())
    assert all(int(minor) <= 17 for minor in versions)
