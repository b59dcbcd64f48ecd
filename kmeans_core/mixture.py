"""The mixture log-likelihood, the one number that needs another pass over all points."""

from __future__ import annotations

import numpy as np

from kmeans_core import kernels
from kmeans_core.covariance import CovarianceType, covariance_type_of
from kmeans_core.densities import Components
from kmeans_core.features import FloatArray
from kmeans_core.model import ClusterModel
from kmeans_core.parameters import Parameters


def point_log_likelihoods(
    model: ClusterModel, columns: FloatArray, n_threads: int = 1
) -> FloatArray:
    """log sum_j pi_j N(x; m_j, S_j) per point: columns (d, n) prepared -> (n,), prepared units."""
    columns = np.ascontiguousarray(columns, dtype=np.float64)
    return kernels.current().point_log_likelihoods(_components(model), columns, n_threads)[0]


def mixture_log_likelihood(model: ClusterModel, columns: FloatArray, n_threads: int = 1) -> float:
    """L = sum over points of log sum_j pi_j N(x; m_j, S_j), prepared units; higher is better.

    columns (d, n) float64, prepared units.
    """
    columns = np.ascontiguousarray(columns, dtype=np.float64)
    return float(kernels.current().log_likelihoods(_components(model), columns, n_threads)[0])


def mixture_log_likelihoods(
    kind: CovarianceType, parameters: Parameters, columns: FloatArray, n_threads: int = 1
) -> FloatArray:
    """The same of all mixtures that are stacked in parameters: (R,)."""
    return kernels.current().log_likelihoods(Components.of(kind, parameters), columns, n_threads)


def _components(model: ClusterModel) -> Components:
    return Components.of(covariance_type_of(model.covariance_type), model.parameters())
