"""k-means++ seeds (Arthur & Vassilvitskii 2007) that are prefixes of one another.

The stream of a restart depends on (seed, experiment, restart) alone and gives one uniform per
centre, in order; so the first K of K+1 centres are the K centres, for every covariance type.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kmeans_core.features import FloatArray
from kmeans_core.preparation import PreparedData

Pair = tuple[int, int]

# Distances held at a time while seeding, in numbers: 8 MB.
_DISTANCES_AT_A_TIME = 1 << 20


class SeedBank:
    """Row numbers of the seeds of each (experiment, restart), drawn on demand and kept.

    Safe to share between threads; `data` is the prepared data that will be fitted.
    """

    def __init__(self, data: PreparedData, seed: int) -> None:
        self._columns = data.columns
        self._seed = seed
        self._rows: dict[Pair, NDArray[np.int64]] = {}
        self._lock = threading.Lock()

    @property
    def seed(self) -> int:
        return self._seed

    def rows(self, pairs: Sequence[Pair], n_clusters: int) -> NDArray[np.int64]:
        """Row numbers (R, K) of the first K seeds of each pair."""
        n = self._columns.shape[1]
        if n_clusters > n:
            raise ValueError(
                f"n_clusters={n_clusters} seeds need as many rows; the data have n_samples={n}. "
                "Ask for fewer clusters or supply more rows."
            )
        with self._lock:
            missing = [p for p in pairs if len(self._rows.get(p, ())) < n_clusters]
            if missing:
                # Drawing starts at the first seed again, so draw a few more than are needed now.
                n_seeds = min(n, max(8, -(-n_clusters // 4) * 4))
                at_a_time = max(1, _DISTANCES_AT_A_TIME // n)
                for first in range(0, len(missing), at_a_time):
                    batch = missing[first : first + at_a_time]
                    drawn = _draw(self._columns, self._uniforms(batch, n_seeds))
                    self._rows.update(zip(batch, drawn, strict=True))
            return np.array([self._rows[p][:n_clusters] for p in pairs], dtype=np.int64).reshape(
                len(pairs), n_clusters
            )

    def centres(self, pairs: Sequence[Pair], n_clusters: int) -> FloatArray:
        """Seeds (R, K, d) in prepared units."""
        rows = self.rows(pairs, n_clusters)
        return np.ascontiguousarray(np.moveaxis(self._columns[:, rows], 0, -1))

    def _uniforms(self, pairs: Sequence[Pair], n_seeds: int) -> FloatArray:
        streams = (
            np.random.Generator(np.random.PCG64(np.random.SeedSequence((self._seed, *pair))))
            for pair in pairs
        )
        return np.stack([stream.random(n_seeds) for stream in streams])


def _draw(columns: FloatArray, uniforms: FloatArray) -> NDArray[np.int64]:
    """Rows (R, m): each next one with probability proportional to the squared distance D^2 from
    the nearest so far; uniform when every point coincides with a seed."""
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
