"""The mixture log-likelihood of a model, the one number that needs a pass over all points."""

from __future__ import annotations

import numpy as np

from kmeans_core import kernels
from kmeans_core.densities import Components
from kmeans_core.features import FloatArray
from kmeans_core.model import ClusterModel


def point_log_likelihoods(
    model: ClusterModel, columns: FloatArray, n_threads: int = 1
) -> FloatArray:
    """log sum_j pi_j N(x; m_j, S_j) per point: columns (d, n) prepared -> (n,), prepared units."""
    columns = np.ascontiguousarray(columns, dtype=np.float64)
    return kernels.current().point_log_likelihoods(Components.of(model), columns, n_threads)


def mixture_log_likelihood(model: ClusterModel, columns: FloatArray, n_threads: int = 1) -> float:
    """L = sum over points of log sum_j pi_j N(x; m_j, S_j), prepared units; higher is better.

    columns (d, n) float64, prepared units.
    """
    columns = np.ascontiguousarray(columns, dtype=np.float64)
    return kernels.current().log_likelihood(Components.of(model), columns, n_threads)
