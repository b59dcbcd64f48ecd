"""The kernel as it is built for arm64, run here under qemu: a test of results, not of speed.

A program for arm64 holds the kernel and a loop that takes calls from its standard input:
`EmulatedLibrary` stands where the binding expects the loaded library, so that everything above it
is the code that runs in earnest.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kmeans_core import COVARIANCE_TYPES, MahalanobisKMeans, kernels
from kmeans_core.kernels.native import binding, library
from kmeans_core.kernels.native import compile as build
from tests.waiting import COMPILE_S

SIGNATURES = {"centaurus_abi_version": (ctypes.c_int64, []), **library._SIGNATURES}
N_SHAPES = 400
GLIBC = Path("/usr/aarch64-linux-gnu")
"""Debian's glibc for arm64. Linked to it a program takes 13 s to make where nothing is cached; a
static one 86 s, nearly all of it for musl, which zig compiles from its sources."""

PROGRAM = """
#include "@KERNEL@"
#include <stdio.h>
#include <stdlib.h>

typedef struct { int64_t size; char *bytes; } Memory;

static void get(void *to, size_t size)
{
    if (size && fread(to, 1, size, stdin) != size)
        exit(0);
}
static int64_t whole(void) { int64_t x; get(&x, sizeof x); return x; }
static double real(void) { double x; get(&x, sizeof x); return x; }
static Memory memory(void)
{
    Memory m;
    m.size = whole();
    m.bytes = m.size < 0 ? NULL : malloc((size_t)m.size + !m.size);
    if (m.bytes)
        get(m.bytes, (size_t)m.size);
    return m;
}
static void give_back(Memory m)
{
    if (m.bytes)
        fwrite(m.bytes, 1, (size_t)m.size, stdout);
    free(m.bytes);
}

int main(void)
{
    for (;;) {
        int64_t result = 0;
        switch (whole()) {
@CASES@
        }
        fwrite(&result, sizeof result, 1, stdout);
        fflush(stdout);
    }
}
"""


def c_case(number: int, name: str, result: Any, arguments: list[Any]) -> str:
    """C that takes the arguments, calls and gives the arrays back."""
    read, call, back = [], [], []
    for i, kind in enumerate(arguments):
        if kind is ctypes.c_int64:
            read.append(f"int64_t a{i} = whole();")
            call.append(f"a{i}")
        elif kind is ctypes.c_double:
            read.append(f"double a{i} = real();")
            call.append(f"a{i}")
        elif kind is ctypes.c_void_p:
            read.append(f"Memory a{i} = memory();")
            call.append(f"(void *)a{i}.bytes")
            back.append(f"give_back(a{i});")
        else:
            structure = kind._type_.__name__.removesuffix("Record")
            read.append(f"{structure} a{i}; Memory a{i}_0 = memory();")
            for field, of in kind._type_._fields_:
                if of is ctypes.c_void_p:
                    slot = f"a{i}_{field}"
                    read.append(f"Memory {slot} = memory(); a{i}.{field} = (void *){slot}.bytes;")
                    back.append(f"free({slot}.bytes);")
                else:
                    take = "real" if of is ctypes.c_double else "whole"
                    read.append(f"a{i}.{field} = {take}();")
            call.append(f"&a{i}")
            back.append(f"free(a{i}_0.bytes);")
    kept = "" if result is None else "result = "
    body = " ".join([*read, f"{kept}{name}({', '.join(call)});", *back])
    return f"case {number}: {{ {body} break; }}"


class EmulatedLibrary:
    """Functions of the arm64 kernel; pointers are followed, and what C wrote is copied back."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1 << 20
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.sizes: dict[int, int] = {}
        self._usable = ctypes.CDLL(None).malloc_usable_size
        self._usable.argtypes, self._usable.restype = [ctypes.c_void_p], ctypes.c_size_t

    def close(self) -> None:
        self._stdin.close()
        self._process.wait(timeout=COMPILE_S)

    def __getattr__(self, name: str) -> Callable[..., int]:
        number = list(SIGNATURES).index(name)
        return lambda *arguments: self._call(number, SIGNATURES[name][1], arguments)

    def _size(self, address: int) -> int:
        # Memory that the binding did not check is an array of its own: malloc knows how long.
        return self.sizes.get(address) or self._usable(address)

    def _memory(self, address: int | None) -> bytes:
        if not address:
            return struct.pack("q", -1)
        size = self._size(address)
        return struct.pack("q", size) + ctypes.string_at(address, size)

    def _call(self, number: int, kinds: list[Any], arguments: tuple[Any, ...]) -> int:
        sent, written = [struct.pack("q", number)], []
        for kind, value in zip(kinds, arguments, strict=True):
            if kind is ctypes.c_int64:
                sent.append(struct.pack("q", int(value)))
            elif kind is ctypes.c_double:
                sent.append(struct.pack("d", value))
            elif kind is ctypes.c_void_p:
                sent.append(self._memory(value))
                written += [value] if value else []
            else:
                sent.append(struct.pack("q", -1))
                for field, of in kind._type_._fields_:
                    inner = getattr(value, field)
                    pack = struct.pack("d" if of is ctypes.c_double else "q", inner or 0)
                    sent.append(self._memory(inner) if of is ctypes.c_void_p else pack)
        self._stdin.write(b"".join(sent))
        self._stdin.flush()
        for address in written:
            size = self._size(address)
            ctypes.memmove(address, self._answer(size), size)
        if written:
            self.sizes.clear()  # the next call's arrays may lie where these were
        return struct.unpack("q", self._answer(8))[0]

    def _answer(self, size: int) -> bytes:
        data = self._stdout.read(size)
        assert len(data) == size, "the arm64 program has ended"
        return data


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kernels.Kernel]:
    """The arm64 kernel; skips where it cannot be built or run."""
    qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if qemu is None:
        pytest.skip("the kernel for arm64: no qemu-user (apt-get install qemu-user)")
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("the kernel for arm64: no zig (pip install ziglang)")
    directory = tmp_path_factory.mktemp("arm64")
    cases = [c_case(i, name, *signature) for i, (name, signature) in enumerate(SIGNATURES.items())]
    source = directory / "program.c"
    program = PROGRAM.replace("@KERNEL@", str(build.SOURCE)).replace("@CASES@", "\n".join(cases))
    source.write_text(program)
    flags = [flag for flag in build.FLAGS if flag not in ("-shared", "-fPIC", "-Wextra")]
    linked_to_glibc = (GLIBC / "lib" / "ld-linux-aarch64.so.1").exists()
    target = build.TARGETS["arm64"] if linked_to_glibc else "aarch64-linux-musl"
    flags += ["-target", target, "-Wno-unused-function"] + ["-static"] * (not linked_to_glibc)
    command = [*build.zig(), *flags, "-o", str(directory / "program"), str(source), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_S)
    assert done.returncode == 0, done.stderr
    emulated = EmulatedLibrary([qemu, "-L", str(GLIBC), str(directory / "program")])
    checked = binding.address

    def remembering(name: str, array: np.ndarray, *rest: Any, **options: Any) -> int:
        address = checked(name, array, *rest, **options)
        emulated.sizes[address] = array.nbytes
        return address

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binding, "address", remembering)
        yield binding.NativeKernel(emulated)  # type: ignore[arg-type]
    emulated.close()


def test_it_is_this_version_and_for_arm64(arm64: Any) -> None:
    emulated = arm64._library
    assert emulated.centaurus_abi_version() == library.ABI_VERSION
    assert emulated.centaurus_best_variant() == 4
    program = Path(emulated._process.args[-1]).read_bytes()
    assert int.from_bytes(program[18:20], "little") == 183


@pytest.mark.parametrize("part", range(4))
def test_labels_and_statistics_equal_the_twin(arm64, random_case, compare_with_twin, part) -> None:
    for seed in range(part, N_SHAPES, 4):
        compare_with_twin(arm64, random_case(seed))


@pytest.mark.parametrize("code", COVARIANCE_TYPES)
def test_whole_fits_equal_the_twin(arm64, monkeypatch, code) -> None:
    rng = np.random.default_rng(3)
    X = 2.0 * rng.normal(size=(4, 2))[rng.integers(4, size=1_303)] + rng.normal(size=(1_303, 2))

    def fit(kernel: Any) -> MahalanobisKMeans:
        monkeypatch.setattr(kernels, "_current", kernel)
        return MahalanobisKMeans(4, code, n_init=3, n_threads=1).fit(X)

    ours, twin = fit(arm64), fit(kernels.NumpyKernel())
    np.testing.assert_array_equal(ours.labels_, twin.labels_)
    assert ours.n_iter_ == twin.n_iter_
    np.testing.assert_allclose(ours.covariances_, twin.covariances_, rtol=1e-8)
    assert ours.bic_ == pytest.approx(twin.bic_, rel=1e-10)
