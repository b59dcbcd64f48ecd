"""The compiled kernel as Python functions of the same names and arguments as the NumPy ones.

Every array is checked here, as C cannot: type, shape, C order. Calls release the GIL; all memory
that C writes to is made or checked here, one workspace per call.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmeans_core import assignment
from kmeans_core.assignment import LabelArray
from kmeans_core.covariance import CovarianceType
from kmeans_core.features import FloatArray
from kmeans_core.native.library import ProblemRecord

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
        n_features = covariance_type.n_features(d)
        place = address("labels", labels, np.uint8, (n,))
        if labels.max() >= n_clusters:
            raise ValueError(f"labels must be below {n_clusters}; got {labels.max()}.")
        statistics = np.empty((n_clusters, n_features))
        workspace = self._workspace(d, n_features, n_clusters)
        self._library.centaurus_accumulate(
            self._variant,
            self._record(columns, covariance_type),
            n_clusters,
            place,
            statistics.ctypes.data,
            workspace.ctypes.data,
        )
        return statistics

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
