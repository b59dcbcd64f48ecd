"""The compiled kernel as Python functions of the same names and arguments as the NumPy ones.

Every array is checked here, as C cannot: type, shape, C order. Calls release the GIL; all memory
that C writes to is made or checked here, one workspace per call.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmeans_core import assignment, iteration
from kmeans_core.assignment import LabelArray
from kmeans_core.covariance import CovarianceType, covariance_type_of
from kmeans_core.densities import Components
from kmeans_core.features import FloatArray
from kmeans_core.native.library import ProblemRecord
from kmeans_core.parameters import Problem
from kmeans_core.restarts import Restarts

_SEED_BLOCK = _MIX_BLOCK = 256  # SEED_BLOCK and MOST_POINTS of the C sources
_ANY_TYPE = covariance_type_of("spher-tied")  # where the type does not matter
_MARK = re.compile("[0-9a-f]{32}")
_SHAPES = {"full": 0, "diag": 1, "spher": 2}


def address(
    name: str, array: NDArray[Any], dtype: type, shape: tuple[int, ...], written: bool = False
) -> int:
    """Where the numbers of a suitable array begin. Raises ValueError for any other array."""
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(
            f"{name} must be {np.dtype(dtype).name} of shape {shape} in C order; "
            f"got {array.dtype} of shape {array.shape}, strides {array.strides}."
        )
    if written and not array.flags.writeable:
        raise ValueError(f"{name} is written to, but the array is read-only.")
    return array.ctypes.data


class NativeKernel:
    """The functions of one loaded library; `variant` is one of those that the processor runs."""

    name = "native"

    def __init__(self, library: ctypes.CDLL, variant: int | None = None) -> None:
        self._library = library
        self._variant = library.centaurus_best_variant() if variant is None else variant

    def assign_accumulate(
        self,
        columns: FloatArray,
        covariance_type: CovarianceType,
        thetas: FloatArray,
        labels: LabelArray,
        statistics: FloatArray,
        n_changed: NDArray[np.int64],
    ) -> None:
        """As `assignment.assign_accumulate`, which does the work for more than 255 clusters."""
        if labels.dtype != np.uint8:
            assignment.assign_accumulate(
                columns, covariance_type, thetas, labels, statistics, n_changed
            )
            return
        d, n = columns.shape
        n_restarts, n_clusters, _ = thetas.shape
        n_features = covariance_type.n_features(d)
        record = self._record(columns, covariance_type)
        shape = (n_restarts, n_clusters, n_features)
        workspace = self._workspace(d, n_features, n_clusters)
        self._library.centaurus_assign_accumulate(
            self._variant,
            record,
            n_restarts,
            n_clusters,
            address("thetas", thetas, np.float64, shape),
            address("labels", labels, np.uint8, (n_restarts, n), written=True),
            address("statistics", statistics, np.float64, shape, written=True),
            address("n_changed", n_changed, np.int64, (n_restarts,), written=True),
            workspace.ctypes.data,
        )

    def accumulate(
        self,
        columns: FloatArray,
        covariance_type: CovarianceType,
        labels: LabelArray,
        n_clusters: int,
    ) -> FloatArray:
        """As `assignment.accumulate`. Raises ValueError for a label of n_clusters or more."""
        if labels.dtype != np.uint8:
            return assignment.accumulate(columns, covariance_type, labels, n_clusters)
        d, n = columns.shape
        n_restarts = len(labels)
        n_features = covariance_type.n_features(d)
        place = address("labels", labels, np.uint8, (n_restarts, n))
        if labels.max(initial=0) >= n_clusters:
            raise ValueError(f"labels must be below {n_clusters}; got {labels.max()}.")
        statistics = np.empty((n_restarts, n_clusters, n_features))
        workspace = self._workspace(d, n_features, n_clusters)
        self._library.centaurus_accumulate(
            self._variant,
            self._record(columns, covariance_type),
            n_restarts,
            n_clusters,
            place,
            statistics.ctypes.data,
            workspace.ctypes.data,
        )
        return statistics

    def draw(self, columns: FloatArray, uniforms: FloatArray) -> NDArray[np.int64]:
        """As `drawing.draw`."""
        n = columns.shape[1]
        n_restarts, n_seeds = uniforms.shape
        n_blocks = -(-n // _SEED_BLOCK)
        nearest, block_sums = np.empty(n_blocks * _SEED_BLOCK), np.empty(n_blocks)
        rows = np.empty((n_restarts, n_seeds), dtype=np.int64)
        self._library.centaurus_draw(
            self._variant,
            self._record(columns, _ANY_TYPE),
            n_restarts,
            n_seeds,
            address("uniforms", uniforms, np.float64, (n_restarts, n_seeds)),
            rows.ctypes.data,
            nearest.ctypes.data,
            block_sums.ctypes.data,
        )
        return rows

    def point_log_likelihoods(self, components: Components, columns: FloatArray) -> FloatArray:
        """As `densities.point_log_likelihoods`."""
        n_clusters, d = components.means.shape
        n = columns.shape[1]
        diagonal = components.whiteners.ndim == 2
        whitener_shape = (n_clusters, d) if diagonal else (n_clusters, d, d)
        out = np.empty(n)
        memory = np.empty((n_clusters + 2 * d) * _MIX_BLOCK)
        self._library.centaurus_mix(
            self._variant,
            self._record(columns, _ANY_TYPE),
            n_clusters,
            address("constants", components.constants, np.float64, (n_clusters,)),
            address("means", components.means, np.float64, (n_clusters, d)),
            address("whiteners", components.whiteners, np.float64, whitener_shape),
            diagonal,
            out.ctypes.data,
            memory.ctypes.data,
        )
        return out

    def iterate(
        self, problem: Problem, restarts: Restarts, max_iter: int, work: float
    ) -> NDArray[np.int64]:
        """As `iteration.iterate`, with as many iterations as `work` pays for."""
        if restarts.labels.dtype != np.uint8:
            return iteration.iterate(problem, restarts, max_iter, work)
        d, n = problem.columns.shape
        shape = restarts.theta.shape
        n_restarts, n_clusters, n_features = shape
        # Room to work in for C; the arrays must live until it is done.
        left_in = np.zeros(n_restarts, dtype=np.int64)
        n_changed, chosen = np.empty_like(left_in), np.empty_like(left_in)
        sums = np.empty(shape)
        marks = _packed(restarts.cycle_marks)
        workspace = self._workspace(d, n_features, n_clusters)
        total = np.ascontiguousarray(problem.total_second_moment)
        overall = np.ascontiguousarray(problem.overall_covariance)
        record = self._record(problem.columns, problem.covariance_type)
        moment = {"full": (d, d), "diag": (d,), "spher": (1,)}[problem.covariance_type.shape]
        record.total = address("total_second_moment", total, np.float64, moment)
        record.overall = address("overall_covariance", overall, np.float64, moment)
        record.reference = address("reference", problem.floor.reference, np.float64, (d,))
        record.reg_covar = problem.floor.reg_covar
        record.mahalanobis = problem.distance == "mahalanobis"
        if restarts.labels.max(initial=0) >= n_clusters:
            raise ValueError(f"labels must be below {n_clusters} before iterating.")
        self._library.centaurus_iterate(
            self._variant,
            record,
            n_restarts,
            n_clusters,
            max_iter,
            work,
            address("theta", restarts.theta, np.float64, shape, written=True),
            address("statistics", restarts.statistics, np.float64, shape, written=True),
            sums.ctypes.data,
            address("labels", restarts.labels, np.uint8, (n_restarts, n), written=True),
            address("n_iter", restarts.n_iter, np.int64, (n_restarts,), written=True),
            address("n_reseeded", restarts.n_reseeded, np.int64, (n_restarts,), written=True),
            left_in.ctypes.data,
            n_changed.ctypes.data,
            chosen.ctypes.data,
            marks.ctypes.data,
            workspace.ctypes.data,
        )
        if marks.any():
            restarts.cycle_marks[:] = _unpacked(marks)
        return left_in

    def _record(self, columns: FloatArray, covariance_type: CovarianceType) -> ProblemRecord:
        d, n = columns.shape
        return ProblemRecord(
            columns=address("columns", columns, np.float64, (d, n)),
            n=n,
            d=d,
            shape=_SHAPES[covariance_type.shape],
            tied=covariance_type.tied,
        )

    def _workspace(self, d: int, n_features: int, n_clusters: int) -> FloatArray:
        return np.empty(self._library.centaurus_workspace_doubles(d, n_features, n_clusters))


def _packed(marks: list[str]) -> NDArray[np.uint64]:
    """Hexadecimal marks as (R, 2) numbers, zeros where there is none or it is not one of ours."""
    packed = np.zeros((len(marks), 2), dtype=np.uint64)
    for r, mark in enumerate(marks):
        if mark and _MARK.fullmatch(mark):
            packed[r] = int(mark[:16], 16), int(mark[16:], 16)
    return packed


def _unpacked(marks: NDArray[np.uint64]) -> list[str]:
    return [f"{int(a):016x}{int(b):016x}" if a or b else "" for a, b in marks]
