"""The kernel built with address and undefined-behaviour checks, over the cases of the other tests.

NumPy's arrays come from malloc, which the sanitiser watches: reading or writing one number before
or after any of them ends the process.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kmeans_core.kernels.native import compile as build

ROOT = Path(__file__).resolve().parents[3]
CASES = (
    "native/test_boxes.py",
    "native/test_random_shapes.py",
    "test_assignment.py",
    "test_degenerate.py",
    "test_determinism.py",
    "test_iterations.py",
)
SHORT_BY_ONE = """
import ctypes, sys
import numpy as np
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.kernels.native import binding, library

def unchecked(name, array, *_, **__):
    return array.ctypes.data

binding.address = unchecked
kernel = binding.NativeKernel(library.load(sys.argv[1]))
n = 4099
labels = np.zeros((1, n - int(sys.argv[2])), dtype=np.uint8)
kernel.assign_accumulate(np.zeros((2, n)), CovarianceType.of("full-untied"), np.zeros((1, 3, 6)),
                         labels, np.zeros((1, 3, 6)), np.zeros(1, dtype=np.int64))
print("done")
"""


@pytest.fixture(scope="module")
def sanitised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library with checks; skips where this machine's compiler cannot make one."""
    if shutil.which("gcc") is None:
        pytest.skip("the sanitised build is made with gcc, which is not on this machine")
    output = tmp_path_factory.mktemp("sanitised") / build.library_name()
    try:
        return build.compile_kernel(build.SOURCE, output, ["gcc"], sanitise=True)
    except build.KernelNotBuilt as problem:
        pytest.skip(f"gcc has no sanitisers here: {problem}")


def run(sanitised: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the sanitiser's malloc, which has to be there before anything else."""
    asked = ["gcc", "-print-file-name=libasan.so"]
    runtime = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    environment = {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter's own
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "KERNEL_UNDER_TEST": str(sanitised),
        "LD_PRELOAD": str(Path(runtime).resolve()),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_no_case_reads_or_writes_out_of_bounds(sanitised: Path) -> None:
    cases = [str(Path(__file__).parents[1] / name) for name in CASES]
    options = ("-q", "-p", "no:cacheprovider", "-k", "not numpy", "--kernel-shapes=48")
    done = run(sanitised, "-m", "pytest", *options, *cases)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 100


@pytest.mark.parametrize("missing", [0, 1])
def test_one_byte_too_few_is_noticed(sanitised: Path, missing: int) -> None:
    done = run(sanitised, "-c", SHORT_BY_ONE, str(sanitised), str(missing))
    assert ("heap-buffer-overflow" in done.stderr) == bool(missing), done.stderr
    assert ("done" in done.stdout) == (not missing)
