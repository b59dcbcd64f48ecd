"""What single points are to a fitted mixture: which cluster, how surely, and how likely at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kmeans_core import kernels
from kmeans_core.fitting.evaluation import assign
from kmeans_core.fitting.settings import DEFAULT_DISTANCE
from kmeans_core.model.cluster_model import ClusterModel
from kmeans_core.model.components import Components
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.points.arrays import FloatArray

FAR = 1e7
"""Log-likelihoods below minus this are rounded by more than 1e-9."""


@dataclass(frozen=True, slots=True)
class PointScores:
    """Of n points under one model.

    labels           (n,) int32: the cluster to which the distance rule assigns the point.
    certainties      (n,) float64: the probability of that cluster among all clusters of the
                     mixture, pi_l N(x; m_l, S_l) / sum_j pi_j N(x; m_j, S_j); 0 where the point is
                     so far away that no density can be told from 0.
    log_likelihoods  (n,) float64: log sum_j pi_j N(x; m_j, S_j), prepared units; higher is better.
    """

    labels: NDArray[np.int32]
    certainties: FloatArray
    log_likelihoods: FloatArray


def score_points(
    model: ClusterModel,
    columns: FloatArray,
    distance: str = DEFAULT_DISTANCE,
    n_threads: int = 1,
) -> PointScores:
    """Score points in prepared units, columns (d, n) float64.

    Raises ValueError for another number of columns or an unknown distance.
    """
    columns = np.ascontiguousarray(columns, dtype=np.float64)
    labels = assign(model, columns, distance, n_threads)
    kind = CovarianceType.of(model.covariance_type)
    components = Components.of(kind, model.parameters())
    total = kernels.current().point_log_likelihoods(components, columns, n_threads)[0]
    own = _own_terms(components, columns, labels)
    certainties = np.zeros(len(total))
    known = np.isfinite(total) & np.isfinite(own)
    certainties[known] = np.exp(np.minimum(own[known] - total[known], 0.0))
    far = known & (total < -FAR)
    if far.any():
        certainties[far] = _from_all_terms(components, columns[:, far], labels[far])
    return PointScores(labels, certainties, total)


def _own_terms(
    components: Components, columns: FloatArray, labels: NDArray[np.int32]
) -> FloatArray:
    """log pi_l + log N(x; m_l, S_l) of each point's own cluster l: columns (d, n) -> (n,)."""
    terms = np.empty(columns.shape[1])
    # Points by cluster: one stable sort instead of a search for every cluster.
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=components.means.shape[1]))
    for k, end in enumerate(ends):
        mine = order[ends[k - 1] if k else 0 : end]
        terms[mine] = _terms(components, k, columns[:, mine])
    return terms


def _from_all_terms(
    components: Components, columns: FloatArray, labels: NDArray[np.int32]
) -> FloatArray:
    """Certainties (n,) of points so far away that two ways to their own term differ by rounding."""
    terms = np.stack([_terms(components, k, columns) for k in range(components.means.shape[1])])
    ratios = np.exp(terms - terms.max(axis=0))
    own: FloatArray = ratios[labels, np.arange(len(labels))] / ratios.sum(axis=0)
    return own


def _terms(components: Components, k: int, columns: FloatArray) -> FloatArray:
    """log pi_k + log N(x; m_k, S_k): columns (d, m) -> (m,)."""
    mean, whitener = components.means[0, k], components.whiteners[0, k]
    offset = columns - mean[:, None]
    offset = offset * whitener[:, None] if whitener.ndim == 1 else whitener @ offset
    with np.errstate(over="ignore"):
        squares = np.einsum("in,in->n", offset, offset)
    terms: FloatArray = components.constants[0, k] - 0.5 * squares
    return terms
