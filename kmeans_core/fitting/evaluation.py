"""What a fitted model says of points, in one more pass: their clusters and their densities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmeans_core import kernels
from kmeans_core.fitting.settings import DEFAULT_DISTANCE, check_distance
from kmeans_core.model.cluster_model import ClusterModel
from kmeans_core.model.components import Components
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.parameters import Parameters, thetas
from kmeans_core.points.arrays import FloatArray, LabelArray, label_dtype


def assign(
    model: ClusterModel, columns: FloatArray, distance: str = DEFAULT_DISTANCE, n_threads: int = 1
) -> NDArray[np.int32]:
    """Labels (n,) int32 of points in prepared units, columns (d, n) float64.

    Raises ValueError for another number of columns or an unknown distance.
    """
    kind = CovarianceType.of(model.covariance_type)
    check_distance(distance)
    columns = np.require(columns, np.float64, ["C", "ALIGNED"])
    if columns.ndim != 2 or columns.shape[0] != model.means.shape[1]:
        raise ValueError(
            f"Expected columns of shape ({model.means.shape[1]}, n); got {columns.shape}."
        )
    theta = thetas(model.parameters(), kind, distance)
    k = model.n_clusters
    labels: LabelArray = np.full((1, columns.shape[1]), k, dtype=label_dtype(k))
    kernels.current().assign_accumulate(
        columns, kind, theta, labels, np.zeros(theta.shape), np.empty(1, dtype=np.int64), n_threads
    )
    found: NDArray[np.int32] = labels[0].astype(np.int32)
    return found


def point_log_likelihoods(
    model: ClusterModel, columns: FloatArray, n_threads: int = 1
) -> FloatArray:
    """log sum_j pi_j N(x; m_j, S_j) per point: columns (d, n) prepared -> (n,), prepared units."""
    columns = np.ascontiguousarray(columns, dtype=np.float64)
    points = kernels.current().point_log_likelihoods(_components(model), columns, n_threads)
    of_this: FloatArray = points[0]
    return of_this


def mixture_log_likelihood(model: ClusterModel, columns: FloatArray, n_threads: int = 1) -> float:
    """L = sum over points of log sum_j pi_j N(x; m_j, S_j), prepared units; higher is better.

    columns (d, n) float64, prepared units.
    """
    columns = np.ascontiguousarray(columns, dtype=np.float64)
    return float(kernels.current().log_likelihoods(_components(model), columns, n_threads)[0])


def mixture_log_likelihoods(
    kind: CovarianceType, parameters: Parameters, columns: FloatArray, n_threads: int = 1
) -> FloatArray:
    """L (R,) of R mixtures that are stacked in parameters; columns and units as above."""
    return kernels.current().log_likelihoods(Components.of(kind, parameters), columns, n_threads)


def _components(model: ClusterModel) -> Components:
    return Components.of(CovarianceType.of(model.covariance_type), model.parameters())
