"""Every C header says what it is, and is complete: it can be opened alone, in an editor or by a
checker."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kmeans_core.kernels.native import compile as build
from tests.waiting import COMPILE_S

SOURCES = build.SOURCE.parent
HEADERS = sorted(SOURCES.rglob("*.h"))
MARKS = {
    "plain": r"/\* Plain header\.\n",
    "templates": r"/\* Template header, once per (tile size and )?instruction set\.\n",
}
VARIANTS = {
    "x86_64": ("VARIANT_SSE2", "VARIANT_AVX2", "VARIANT_AVX512"),
    "aarch64": ("VARIANT_NEON",),
}


def compilers() -> list[str]:
    found = [name for name in ("clang", "gcc") if shutil.which(name)]
    if not found:
        pytest.skip("the kernel's headers one by one: no compiler (apt-get install gcc)")
    return found


def complaint(compiler: str, header: Path, *options: str) -> str:
    """What the compiler says of a header alone, "" when nothing."""
    flags = (SOURCES / "compile_flags.txt").read_text(encoding="utf-8").split()
    done = subprocess.run(
        [compiler, *flags, *options, "-fsyntax-only", str(header)],
        capture_output=True,
        text=True,
        timeout=COMPILE_S,
    )
    return done.stderr or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def test_there_are_headers_of_both_kinds() -> None:
    assert {path.parent.relative_to(SOURCES).as_posix() for path in HEADERS} == set(MARKS)
    assert len(HEADERS) >= 20


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_the_first_comment_says_what_a_header_is(header: Path) -> None:
    text = header.read_text(encoding="utf-8")
    assert re.match(MARKS[header.parent.name], text), text[:100]


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_a_header_alone_has_all_that_it_needs(header: Path) -> None:
    for compiler in compilers():
        assert complaint(compiler, header) == ""


def test_a_plain_header_counts_once(tmp_path: Path) -> None:
    twice = tmp_path / "twice.c"
    plain = [path for path in HEADERS if path.parent.name == "plain"]
    twice.write_text("".join(f'#include "{path}"\n' for path in 2 * plain))
    assert complaint(compilers()[0], twice) == ""


def test_templates_are_complete_for_every_instruction_set() -> None:
    compiler = compilers()[0]
    machine = subprocess.run(
        [compiler, "-dumpmachine"], capture_output=True, text=True, timeout=COMPILE_S, check=True
    ).stdout.split("-")[0]
    everything = SOURCES / "templates" / "variant.h"
    assert complaint(compiler, everything, "-DNO_VECTORS") == ""
    for variant in VARIANTS.get(machine, ()):
        assert complaint(compiler, everything, f"-DCENTAURUS_VARIANT={variant}") == ""
