"""The densities of mixtures at many points, from squared Mahalanobis distances to every centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmeans_core.assignment import points_per_block
from kmeans_core.covariance import CovarianceType
from kmeans_core.features import FloatArray
from kmeans_core.parameters import Parameters

_LOG_2_PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True)
class Components:
    """The clusters of M mixtures: pi_j N(x; m_j, S_j) =
    exp(constant_j - 1/2 |whitener_j (x - mean_j)|^2).

    constants (M, K), -inf for a cluster without points; means (M, K, d); whiteners (M, K, d, d),
    lower triangles, or (M, K, d) when diagonal.
    """

    constants: FloatArray
    means: FloatArray
    whiteners: FloatArray

    @classmethod
    def of(cls, kind: CovarianceType, parameters: Parameters) -> Components:
        """Of the mixtures that are stacked in parameters."""
        n_models, n_clusters, d = parameters.means.shape
        if kind.shape == "full":
            factors = np.linalg.cholesky(parameters.covariances)
            spread = np.diagonal(factors, axis1=-2, axis2=-1)
            whiteners = np.tril(np.linalg.inv(factors))
        else:
            spread = np.sqrt(parameters.covariances)
            if kind.shape == "spher":
                spread = spread[..., None]
            spread = np.broadcast_to(spread, (*spread.shape[:2], d))
            whiteners = 1.0 / spread
        weights = parameters.weights
        constants = np.full(weights.shape, -np.inf)
        np.log(weights, out=constants, where=weights > 0)
        constants -= np.log(spread).sum(axis=-1) + 0.5 * d * _LOG_2_PI
        shape = (n_models, n_clusters, *whiteners.shape[2:])  # of a tied type there is one
        whiteners = np.ascontiguousarray(np.broadcast_to(whiteners, shape))
        return cls(constants, np.ascontiguousarray(parameters.means), whiteners)


def point_log_likelihoods(
    components: Components,
    columns: FloatArray,
    n_threads: int = 1,  # noqa: ARG001
) -> FloatArray:
    """log sum_j pi_j N(x; m_j, S_j) per point of columns (d, n): (M, n), prepared units."""
    n_models, n_clusters, d = components.means.shape
    out = np.empty((n_models, columns.shape[1]))
    width = points_per_block(max(n_clusters, d), d)
    for model in range(n_models):
        for start in range(0, columns.shape[1], width):
            block = slice(start, start + width)
            terms = _terms(components, model, columns[:, block])
            largest = terms.max(axis=0)
            # A point so far away that its squared distance overflows has density 0 everywhere.
            largest[largest == -np.inf] = 0.0
            terms -= largest
            with np.errstate(divide="ignore"):
                out[model, block] = largest + np.log(np.exp(terms, out=terms).sum(axis=0))
    return out


def log_likelihoods(components: Components, columns: FloatArray, n_threads: int = 1) -> FloatArray:
    """Sums of `point_log_likelihoods` (M,); higher is better."""
    return point_log_likelihoods(components, columns, n_threads).sum(axis=1)


def _terms(components: Components, model: int, columns: FloatArray) -> FloatArray:
    """log pi_j + log N(x; m_j, S_j): columns (d, m) -> (K, m)."""
    means, whiteners = components.means[model], components.whiteners[model]
    terms = np.empty((len(means), columns.shape[1]))
    for k, (mean, whitener) in enumerate(zip(means, whiteners, strict=True)):
        offset = columns - mean[:, None]
        if whitener.ndim == 1:
            offset *= whitener[:, None]
        else:
            offset = np.matmul(whitener, offset)
        with np.errstate(over="ignore"):
            np.square(offset, out=offset)
        terms[k] = components.constants[model, k] - 0.5 * offset.sum(axis=0)
    return terms
