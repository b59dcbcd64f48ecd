"""The hot step: assign every point to its best cluster and keep the sufficient statistics.

`assign_accumulate` is the only loop over points x clusters in the package, and this is its NumPy
form. Everything it touches is owned by the caller; what it allocates for itself is bounded by
`_SCORES_PER_TILE`, whatever the number of points, restarts and clusters.

Determinism: a restart's labels and statistics are the same to the bit however many others are
stacked with it. Hence matrix products per restart, of shapes that depend on that restart alone, and
sums over points in an order that does as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.features import fill_features
from kmeans_core.points.arrangement import Arrangement
from kmeans_core.points.arrays import BoolArray, FloatArray, IntArray, LabelArray
from kmeans_core.points.blocks import points_per_block

_SCORES_PER_TILE = 131_072
"""Scores of one tile (restarts x clusters x points): a megabyte stays in a core's L2 cache."""

_MANY_FEATURES = 64
"""With more features than this, blocks are narrow, and T is made by a matrix product rather than by
one call of bincount per feature: at 64 columns and full-untied a fit takes a fifth of the time."""


def assign_accumulate(
    columns: FloatArray,
    covariance_type: CovarianceType,
    thetas: FloatArray,
    labels: LabelArray,
    statistics: FloatArray,
    n_changed: IntArray,
    n_threads: int = 1,  # noqa: ARG001
    boxes: Arrangement | None = None,  # noqa: ARG001
    fresh: bool = False,
) -> None:
    """One assignment of all points for R restarts, with T updated by the difference.

    columns     (d, n) float64, C order.
    thetas      (R, K, F) float64, C order: the score of point i under cluster j is
                thetas[:, j] . phi(x_i).
    labels      (R, n) uint8 or int32, C order, in and out: 0..K-1, or K where the point is in no
                cluster yet (it is then only added). Ties go to the lowest cluster.
    statistics  (R, K, F) float64, C order, in and out: T_j = sum of phi over the points of j.
    n_changed   (R,) int64, out: labels that changed.
    n_threads   threads to use; the compiled kernel does, this one is always a single thread.
    boxes       around the points, which the compiled kernel uses to look at fewer of them.
    fresh       no point is in a cluster yet, whatever labels hold.
    """
    n = columns.shape[1]
    n_restarts, n_clusters, n_features = thetas.shape
    width = points_per_block(n_clusters, n_features)
    stack = max(1, _SCORES_PER_TILE // (n_clusters * min(width, n)))
    phi = np.empty((n_features, min(width, n)))
    workspace = np.empty((min(stack, n_restarts), n_clusters, min(width, n)))
    n_changed[:] = 0
    if fresh:
        labels[:] = n_clusters
    for start in range(0, n, width):
        stop = min(start + width, n)
        block = fill_features(columns[:, start:stop], covariance_type, phi[:, : stop - start])
        for first in range(0, n_restarts, stack):
            tile = slice(first, min(first + stack, n_restarts))
            scores = workspace[: tile.stop - first, :, : stop - start]
            winners = best_clusters(np.matmul(thetas[tile], block, out=scores), labels.dtype)
            _move(block, winners, labels[tile, start:stop], statistics[tile], n_changed[tile])


def best_clusters(scores: FloatArray, dtype: np.dtype) -> LabelArray:
    """scores (R, K, m) -> (R, m) index of the largest score per point, the lowest one on ties.

    A running maximum over K whole rows: several times faster than argmax along that axis. As k
    grows, max(label, k where better) is the same as overwriting, and stays in vector registers.
    """
    best = scores[:, 0]
    running = np.empty(best.shape)
    winners: LabelArray = np.zeros(best.shape, dtype=dtype)
    better = np.empty(best.shape, dtype=bool)
    step = np.empty_like(winners)
    last = scores.shape[1] - 1
    for k in range(1, last + 1):
        candidate = scores[:, k]
        np.greater(candidate, best, out=better)
        if k < last:
            best = np.maximum(candidate, best, out=running)
        np.multiply(better, winners.dtype.type(k), out=step)
        np.maximum(winners, step, out=winners)
    return winners


def _move(
    phi: FloatArray,
    winners: LabelArray,
    labels: LabelArray,
    statistics: FloatArray,
    n_changed: IntArray,
) -> None:
    """Write the new labels (R, m) of one tile and move the points that changed between the T_j."""
    n_clusters = statistics.shape[1]
    fresh = labels[:, 0] == n_clusters
    if fresh.any():
        fresh = (labels == n_clusters).all(axis=1)
        for r in np.flatnonzero(fresh):
            _add_block(phi, winners[r], statistics[r])
            n_changed[r] += winners.shape[1]
            labels[r] = winners[r]
        if fresh.all():
            return
    changed = winners != labels
    per_restart = np.count_nonzero(changed, axis=1)
    if per_restart.any():
        _move_changed(phi, winners, labels, statistics, changed, per_restart)
        n_changed += per_restart
        labels[...] = winners


def _move_changed(
    phi: FloatArray,
    winners: LabelArray,
    labels: LabelArray,
    statistics: FloatArray,
    changed: BoolArray,
    per_restart: NDArray[np.intp],
) -> None:
    n_restarts, n_clusters, n_features = statistics.shape
    if n_features > _MANY_FEATURES:
        for r in np.flatnonzero(per_restart):
            at = np.flatnonzero(changed[r])
            gained = _membership(winners[r, at], n_clusters)
            lost = _membership(labels[r, at], n_clusters)
            statistics[r] += (gained - lost) @ phi[:, at].T
        return
    # Flat positions and repeats: much faster than the coordinates of a two-dimensional nonzero.
    position = np.flatnonzero(changed)
    restart = np.repeat(np.arange(n_restarts), per_restart)
    moved = np.take(phi, position - restart * winners.shape[1], axis=1)
    # One slot more than clusters takes what comes from "no cluster yet" and is dropped.
    slots = n_clusters + 1
    size = n_restarts * slots
    restart *= slots
    into = restart + winners.ravel()[position]
    out_of = restart + labels.ravel()[position]
    for f in range(n_features):
        difference = np.bincount(into, moved[f], size) - np.bincount(out_of, moved[f], size)
        statistics[:, :, f] += difference.reshape(n_restarts, slots)[:, :n_clusters]


def _add_block(phi: FloatArray, labels: LabelArray, statistics: FloatArray) -> None:
    """Add a block of points to the T (K, F) of one restart."""
    if len(phi) > _MANY_FEATURES:
        statistics += _membership(labels, len(statistics)) @ phi.T
        return
    cluster = labels.astype(np.intp)
    for f, values in enumerate(phi):
        statistics[:, f] += np.bincount(cluster, values, len(statistics))


def _membership(labels: LabelArray, n_clusters: int) -> FloatArray:
    """(K, m) with 1 where the point is in the cluster; a column of 0 for one that is in none."""
    clusters = np.arange(n_clusters, dtype=labels.dtype)
    membership: FloatArray = (labels == clusters[:, None]).astype(np.float64)
    return membership


def accumulate(
    columns: FloatArray,
    covariance_type: CovarianceType,
    labels: LabelArray,
    n_clusters: int,
    n_threads: int = 1,  # noqa: ARG001
    boxes: Arrangement | None = None,  # noqa: ARG001
) -> FloatArray:
    """T (R, K, F) of R labellings (R, n), summed afresh: no drift from differences."""
    d, n = columns.shape
    n_features = covariance_type.n_features(d)
    width = points_per_block(n_clusters, n_features)
    phi = np.empty((n_features, min(width, n)))
    statistics = np.zeros((len(labels), n_clusters, n_features))
    for start in range(0, n, width):
        stop = min(start + width, n)
        block = fill_features(columns[:, start:stop], covariance_type, phi[:, : stop - start])
        for own_labels, own in zip(labels, statistics, strict=True):
            _add_block(block, own_labels[start:stop], own)
    return statistics
