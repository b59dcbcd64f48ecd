"""The density of a mixture at many points, from squared Mahalanobis distances to every centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmeans_core.assignment import points_per_block
from kmeans_core.covariance import covariance_type_of
from kmeans_core.features import FloatArray
from kmeans_core.model import ClusterModel

_LOG_2_PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True)
class Components:
    """The clusters of a mixture that have points: pi_j N(x; m_j, S_j) =
    exp(constant_j - 1/2 |whitener_j (x - mean_j)|^2).

    constants (K,), means (K, d), whiteners (K, d, d), lower triangles, or (K, d) when diagonal.
    """

    constants: FloatArray
    means: FloatArray
    whiteners: FloatArray

    @classmethod
    def of(cls, model: ClusterModel) -> Components:
        filled = model.weights > 0
        d = model.means.shape[1]
        kind = covariance_type_of(model.covariance_type)
        covariances = np.asarray(model.covariances)
        if kind.tied:
            covariances = covariances[None]
        if kind.shape == "full":
            factors = np.linalg.cholesky(covariances)
            spread = np.diagonal(factors, axis1=-2, axis2=-1)
            whiteners = np.tril(np.linalg.inv(factors))
        else:
            spread = np.sqrt(covariances if kind.shape == "diag" else covariances[:, None])
            spread = np.broadcast_to(spread, (len(spread), d))
            whiteners = 1.0 / spread
        log_roots = np.log(spread).sum(axis=-1)
        if kind.tied:
            log_roots = np.repeat(log_roots, model.n_clusters)
            whiteners = np.repeat(whiteners, model.n_clusters, axis=0)
        constants = np.log(model.weights[filled]) - log_roots[filled] - 0.5 * d * _LOG_2_PI
        return cls(constants, model.means[filled], np.ascontiguousarray(whiteners[filled]))


def point_log_likelihoods(
    components: Components,
    columns: FloatArray,
    n_threads: int = 1,  # noqa: ARG001
) -> FloatArray:
    """log sum_j pi_j N(x; m_j, S_j) per point: columns (d, n) prepared -> (n,), prepared units."""
    n_clusters, d = components.means.shape
    out = np.empty(columns.shape[1])
    width = points_per_block(max(n_clusters, d), d)
    for start in range(0, columns.shape[1], width):
        block = slice(start, start + width)
        terms = _terms(components, columns[:, block])
        largest = terms.max(axis=0)
        # A point so far away that its squared distance overflows has density 0 everywhere.
        largest[largest == -np.inf] = 0.0
        terms -= largest
        with np.errstate(divide="ignore"):
            out[block] = largest + np.log(np.exp(terms, out=terms).sum(axis=0))
    return out


def log_likelihood(components: Components, columns: FloatArray, n_threads: int = 1) -> float:
    """Sum of `point_log_likelihoods`; higher is better."""
    return float(point_log_likelihoods(components, columns, n_threads).sum())


def _terms(components: Components, columns: FloatArray) -> FloatArray:
    """log pi_j + log N(x; m_j, S_j): columns (d, m) -> (K, m)."""
    terms = np.empty((len(components.means), columns.shape[1]))
    for k, (mean, whitener) in enumerate(zip(components.means, components.whiteners, strict=True)):
        offset = columns - mean[:, None]
        if whitener.ndim == 1:
            offset *= whitener[:, None]
        else:
            offset = np.matmul(whitener, offset)
        with np.errstate(over="ignore"):
            np.square(offset, out=offset)
        terms[k] = components.constants[k] - 0.5 * offset.sum(axis=0)
    return terms
