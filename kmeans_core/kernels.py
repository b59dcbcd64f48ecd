"""Who does the heavy work: the compiled kernel where it is there, else its NumPy twin.

Both have the same functions and agree on the results up to rounding. Callers go through `current()`
at every call, so that tests can run the same case on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kmeans_core import assignment, column_sums, densities, drawing, iteration
from kmeans_core.arrangement import Arrangement
from kmeans_core.assignment import LabelArray
from kmeans_core.covariance import CovarianceType
from kmeans_core.densities import Components
from kmeans_core.drawing import Pair
from kmeans_core.features import FloatArray
from kmeans_core.native.binding import NativeKernel
from kmeans_core.native.library import load_if_there
from kmeans_core.parameters import Problem
from kmeans_core.restarts import Restarts


class Kernel(Protocol):
    """The functions over all points; the NumPy ones say what they do."""

    name: str

    def assign_accumulate(
        self,
        columns: FloatArray,
        covariance_type: CovarianceType,
        thetas: FloatArray,
        labels: LabelArray,
        statistics: FloatArray,
        n_changed: NDArray[np.int64],
        n_threads: int = 1,
        boxes: Arrangement | None = None,
        fresh: bool = False,
    ) -> None: ...

    def accumulate(
        self,
        columns: FloatArray,
        covariance_type: CovarianceType,
        labels: LabelArray,
        n_clusters: int,
        n_threads: int = 1,
        boxes: Arrangement | None = None,
    ) -> FloatArray: ...

    def iterate(
        self,
        problem: Problem,
        restarts: Restarts,
        max_iter: int,
        work: float,
        n_threads: int = 1,
    ) -> NDArray[np.int64]: ...

    def extremes(
        self, table: FloatArray, origin: FloatArray, n_threads: int = 1
    ) -> tuple[FloatArray, FloatArray, FloatArray]: ...

    def spreads(
        self,
        table: FloatArray,
        origin: FloatArray,
        for_mean: FloatArray,
        unit: FloatArray,
        n_threads: int = 1,
    ) -> tuple[FloatArray, FloatArray]: ...

    def scaled(
        self, table: FloatArray, shift: FloatArray, scale: FloatArray, n_threads: int = 1
    ) -> tuple[FloatArray, FloatArray, FloatArray]: ...

    def arrange(self, columns: FloatArray) -> Arrangement | None: ...

    def uniforms(self, seed: int, pairs: Sequence[Pair], n_seeds: int) -> FloatArray: ...

    def draw(
        self, columns: FloatArray, uniforms: FloatArray, n_threads: int = 1
    ) -> NDArray[np.int64]: ...

    def point_log_likelihoods(
        self, components: Components, columns: FloatArray, n_threads: int = 1
    ) -> FloatArray: ...

    def log_likelihoods(
        self, components: Components, columns: FloatArray, n_threads: int = 1
    ) -> FloatArray: ...


class NumpyKernel:
    """The twin: the same functions, readable, and the oracle in the tests."""

    name = "numpy"
    assign_accumulate = staticmethod(assignment.assign_accumulate)
    accumulate = staticmethod(assignment.accumulate)
    iterate = staticmethod(iteration.iterate)
    extremes = staticmethod(column_sums.extremes)
    spreads = staticmethod(column_sums.spreads)
    scaled = staticmethod(column_sums.scaled)
    uniforms = staticmethod(drawing.uniforms)
    draw = staticmethod(drawing.draw)

    @staticmethod
    def arrange(columns: FloatArray) -> Arrangement | None:  # noqa: ARG004
        """None: every point is looked at, so their order does not matter."""
        return None

    point_log_likelihoods = staticmethod(densities.point_log_likelihoods)
    log_likelihoods = staticmethod(densities.log_likelihoods)


def _best() -> Kernel:
    library = load_if_there()
    return NumpyKernel() if library is None else NativeKernel(library)


_current = _best()

KERNEL: str = _current.name
"""Which one this process uses, "native" or "numpy"; results record it."""


def current() -> Kernel:
    return _current
