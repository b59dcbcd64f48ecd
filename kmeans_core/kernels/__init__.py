"""Who does the heavy work: the compiled kernel where it is there, else its NumPy twin.

Both have the same functions and agree on the results up to rounding. Callers go through `current()`
at every call, so that tests can run the same case on both.
"""

from __future__ import annotations

from kmeans_core.kernels.native.binding import NativeKernel
from kmeans_core.kernels.native.library import load_if_there
from kmeans_core.kernels.protocol import Kernel
from kmeans_core.kernels.twin.kernel import NumpyKernel

__all__ = ["KERNEL", "Kernel", "NativeKernel", "NumpyKernel", "current"]


def _best() -> Kernel:
    library = load_if_there()
    return NumpyKernel() if library is None else NativeKernel(library)


_current = _best()

KERNEL: str = _current.name
"""Which one this process uses, "native" or "numpy"; results record it."""


def current() -> Kernel:
    """The kernel of this process."""
    return _current
