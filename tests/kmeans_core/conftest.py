"""Seeded data whose structure is known, one generator per covariance type."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from kmeans_core import kernels
from kmeans_core.kernels.native.binding import NativeKernel
from kmeans_core.kernels.native.library import load

try:
    # Another build of it, see native/test_sanitisers.py.
    _LIBRARY = load(os.environ.get("KERNEL_UNDER_TEST"))
except OSError:  # no compiler: the twin alone is tested
    if "KERNEL_UNDER_TEST" in os.environ:
        raise
    _LIBRARY = None

Sample = tuple[np.ndarray, np.ndarray]

_CENTRES = np.array([[0.0, 0.0], [7.0, 1.0], [1.0, 9.0]])
_SLANTED = np.array([[1.0, 0.9], [0.9, 1.2]])
_OTHER_WAY = np.array([[1.5, -1.1], [-1.1, 1.2]])

# Covariance per cluster; each list has its type's structure and no simpler one.
_COVARIANCES = {
    "full-tied": [_SLANTED] * 3,
    "diag-tied": [np.diag([2.5, 0.3])] * 3,
    "spher-tied": [np.eye(2)] * 3,
    "full-untied": [_SLANTED, _OTHER_WAY, np.diag([0.2, 2.0])],
    "diag-untied": [np.diag([3.0, 0.2]), np.diag([0.3, 2.0]), np.diag([0.4, 0.1])],
    "spher-untied": [np.eye(2) * 0.1, np.eye(2), np.eye(2) * 3.0],
}


def _draw(covariance_type: str, seed: int = 0, per_cluster: int = 300) -> Sample:
    rng = np.random.default_rng(seed)
    parts = [
        rng.multivariate_normal(mean, covariance, per_cluster)
        for mean, covariance in zip(_CENTRES, _COVARIANCES[covariance_type], strict=True)
    ]
    order = rng.permutation(3 * per_cluster)
    return np.concatenate(parts)[order], np.repeat(np.arange(3), per_cluster)[order]


@pytest.fixture(scope="session")
def draw() -> Callable[..., Sample]:
    """draw(covariance_type, seed=0, per_cluster=300) -> X (n, 2) and true labels (n,)."""
    return _draw


@pytest.fixture(scope="session")
def overlapping() -> np.ndarray:
    """(240, 3): three overlapping groups, so that fits take many iterations."""
    rng = np.random.default_rng(5)
    mixing = rng.normal(size=(3, 3, 3))
    return np.concatenate(
        [2.0 * rng.normal(size=3) + rng.normal(size=(80, 3)) @ mixing[k] for k in range(3)]
    )


def _kernels() -> list:
    """The twin, then the compiled kernel in every variant that this processor runs."""
    found: list = [pytest.param(kernels.NumpyKernel(), id="numpy")]
    if _LIBRARY is not None:
        best = _LIBRARY.centaurus_best_variant()
        # The variants of one processor family are numbered in a row; see kernel.c.
        first = 1 if 1 <= best <= 3 else best
        for variant in range(first, best + 1):
            kernel = NativeKernel(_LIBRARY, variant)
            found.append(pytest.param(kernel, id=f"native-{variant}"))
    return found


def _use(kernel: kernels.Kernel) -> Iterator[kernels.Kernel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_current", kernel)
        yield kernel


@pytest.fixture(scope="module", params=[_kernels()[0], *_kernels()[1:][-1:]])
def kernel(request: pytest.FixtureRequest) -> Iterator[kernels.Kernel]:
    """The NumPy twin, then the compiled kernel, in use while a test runs."""
    yield from _use(request.param)


@pytest.fixture(scope="module", params=_kernels())
def every_kernel(request: pytest.FixtureRequest) -> Iterator[kernels.Kernel]:
    """As `kernel`, with the compiled one for every instruction set."""
    yield from _use(request.param)


@pytest.fixture(scope="module", params=_kernels()[1:])
def every_native_kernel(request: pytest.FixtureRequest) -> Iterator[kernels.Kernel]:
    """The compiled kernel for every instruction set, in use while a test runs."""
    yield from _use(request.param)
