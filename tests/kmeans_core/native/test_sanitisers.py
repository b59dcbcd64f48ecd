"""The kernel built with address and undefined-behaviour checks, over the cases of the other tests.

NumPy's arrays come from malloc, which the sanitiser watches: reading or writing one number before
or after any of them ends the process.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kmeans_core.kernels.native import compile as build
from tests.waiting import COMPILE_S

ROOT = Path(__file__).resolve().parents[3]
#: Several short processes: none is near the limit of a test, even on a machine with much to do.
CASES = (
    *(f"native/test_boxes.py {part}/4" for part in (1, 2, 3, 4)),
    "native/test_random_shapes.py 1/1",
    "test_assignment.py 1/1",
    "test_degenerate.py 1/1",
    "test_determinism.py 1/1",
    "test_iterations.py 1/1",
)
#: The library with checks, which takes half a minute to compile, and what it was made from.
KEPT = ROOT / "build" / "sanitised"
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
def sanitised() -> Path:
    """The library with checks; skips where this machine's compiler cannot make one."""
    if shutil.which("gcc") is None:
        pytest.skip("the kernel's memory checks: no gcc (apt-get install gcc)")
    output, record = KEPT / build.library_name(), KEPT / "made_from"
    version = subprocess.run(["gcc", "-v"], capture_output=True, check=True).stderr
    # All of them, in whatever folder: a library that was kept must be the one of these sources.
    sources = sorted(path for path in build.HERE.rglob("*") if path.suffix in (".c", ".h", ".py"))
    assert build.SOURCE in sources
    parts = (version, *(path.read_bytes() for path in sources))
    made_from = hashlib.sha256(b"\0".join(parts)).hexdigest()
    if output.exists() and record.exists() and record.read_text() == made_from:
        return output
    record.unlink(missing_ok=True)
    try:
        build.compile_kernel(build.SOURCE, output, ["gcc"], sanitise=True)
    except build.KernelNotBuilt as problem:
        pytest.skip(f"the kernel's memory checks: gcc has none (Debian's gcc does): {problem}")
    record.write_text(made_from)
    return output


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
        # Selenium, Flask and the rest take longer to import under the sanitiser than the cases.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMPILE_S,
    )


@pytest.mark.parametrize("cases", CASES)
def test_no_case_reads_or_writes_out_of_bounds(sanitised: Path, cases: str) -> None:
    name, part = cases.split()
    options = ("-q", "-p", "no:cacheprovider", "--kernel-shapes=48", "--part", part)
    chosen = ("-k", "not numpy", str(Path(__file__).parents[1] / name))
    done = run(sanitised, "-m", "pytest", *options, *chosen)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 25
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("missing", [0, 1])
def test_one_byte_too_few_is_noticed(sanitised: Path, missing: int) -> None:
    done = run(sanitised, "-c", SHORT_BY_ONE, str(sanitised), str(missing))
    assert ("heap-buffer-overflow" in done.stderr) == bool(missing), done.stderr
    assert ("done" in done.stdout) == (not missing)
