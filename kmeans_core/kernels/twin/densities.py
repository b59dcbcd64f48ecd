"""The densities of mixtures at many points, from squared Mahalanobis distances to every centre."""

from __future__ import annotations

import numpy as np

from kmeans_core.model.components import Components
from kmeans_core.points.arrays import FloatArray
from kmeans_core.points.blocks import points_per_block


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
    sums: FloatArray = point_log_likelihoods(components, columns, n_threads).sum(axis=1)
    return sums


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
