"""D^2 sampling: uniform numbers for each restart, and the rows of a table that these pick.

Each row is likely to be far from the earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kmeans_core.model.restarts import Pair
from kmeans_core.points.arrays import FloatArray, IntArray

_DISTANCES_AT_A_TIME = 1 << 20
"""Distances that are held in memory together: 8 MB."""


def uniforms(seed: int, pairs: Sequence[Pair], n_seeds: int) -> FloatArray:
    """One number for each seed of each (experiment, restart), from 0 to below 1: (R, n_seeds).

    The stream of a pair depends on the seed and the pair alone, and fewer seeds are its beginning.
    """
    streams = (
        np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, *pair))))
        for pair in pairs
    )
    return np.stack([stream.random(n_seeds) for stream in streams])


def draw(
    columns: FloatArray,
    uniforms: FloatArray,
    n_threads: int = 1,  # noqa: ARG001
) -> IntArray:
    """Rows (R, m) of m seeds for R restarts; columns (d, n), uniforms (R, m).

    Each next one is drawn with probability proportional to the squared distance D^2 from the
    nearest so far; all are as likely when every point coincides with a seed.
    """
    at_a_time = max(1, _DISTANCES_AT_A_TIME // columns.shape[1])
    batches = [
        _draw_batch(columns, uniforms[first : first + at_a_time])
        for first in range(0, len(uniforms), at_a_time)
    ]
    return np.concatenate(batches)


def _draw_batch(columns: FloatArray, uniforms: FloatArray) -> IntArray:
    n = columns.shape[1]
    n_restarts, n_seeds = uniforms.shape
    rows = np.empty((n_restarts, n_seeds), dtype=np.int64)
    rows[:, 0] = np.minimum((uniforms[:, 0] * n).astype(np.int64), n - 1)
    nearest = np.full((n_restarts, n), np.inf)
    distance, part = np.empty_like(nearest), np.empty_like(nearest)
    for m in range(1, n_seeds):
        distance[:] = 0.0
        for column in columns:
            np.subtract(column, column[rows[:, m - 1], None], out=part)
            np.multiply(part, part, out=part)
            distance += part
        np.minimum(nearest, distance, out=nearest)
        cumulative = np.cumsum(nearest, axis=1, out=part)
        for r in range(n_restarts):
            rows[r, m] = _pick(cumulative[r], uniforms[r, m])
    return rows


def _pick(cumulative: FloatArray, uniform: float) -> int:
    total = cumulative[-1]
    if total <= 0:
        return min(int(uniform * len(cumulative)), len(cumulative) - 1)
    # "right" finds the first sum above the target, a point with D^2 > 0; the target must stay
    # below the total even if the product rounds up to it.
    target = min(uniform * total, np.nextafter(total, 0.0))
    return int(np.searchsorted(cumulative, target, side="right"))
