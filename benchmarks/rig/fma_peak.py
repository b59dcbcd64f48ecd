"""What one core of this machine can do at most: double-precision multiply-adds per second.

python -m benchmarks.rig.fma_peak
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path

from benchmarks.rig.machine import cpu_s
from kmeans_core.kernels.native.compile import compilers

SOURCE = Path(__file__).with_name("fma_peak.c")
STEPS = 4_000_000


def fma_peak_gflops() -> float:
    """GFLOP/s of one core, a multiply-add counted as two; the best of seven runs.

    Raises RuntimeError where there is no C compiler.
    """
    if not compilers():
        raise RuntimeError("Expected a C compiler for the measurement of the peak, found none.")
    with tempfile.TemporaryDirectory(prefix="peak-") as directory:
        output = Path(directory) / "peak.so"
        flags = ["-O3", "-march=native", "-ffp-contract=fast", "-funroll-loops", "-fPIC", "-shared"]
        subprocess.run([*compilers()[0], *flags, "-o", output, SOURCE], check=True, timeout=120)
        library = ctypes.CDLL(str(output))
    chains = library.centaurus_fma_chains
    chains.argtypes = [ctypes.c_long, ctypes.POINTER(ctypes.c_double)]
    sink = ctypes.c_double()
    width = chains(1, ctypes.byref(sink))
    flops = 2.0 * width * library.centaurus_chains() * STEPS
    return flops / min(cpu_s(lambda: chains(STEPS, ctypes.byref(sink))) for _ in range(7)) / 1e9


def main() -> None:
    """Measure and print."""
    print(f"peak of one core: {fma_peak_gflops():.0f} GFLOP/s, double precision", flush=True)


if __name__ == "__main__":
    main()
