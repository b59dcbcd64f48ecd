"""k-means++ seeds (Arthur & Vassilvitskii 2007) that are prefixes of one another.

The stream of a restart depends on (seed, experiment, restart) alone and gives one uniform per
centre, in order; so the first K of K+1 centres are the K centres, for every covariance type.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Sequence

import numpy as np

from kmeans_core import kernels
from kmeans_core.model.restarts import Pair
from kmeans_core.points.arrays import FloatArray, IntArray
from kmeans_core.points.prepared import PreparedData


class SeedBank:
    """Row numbers of the seeds of each (experiment, restart), drawn on demand and kept.

    Safe to share between threads; `data` is the prepared data that will be fitted.
    """

    def __init__(self, data: PreparedData, seed: int) -> None:
        self._columns = data.columns
        self._seed = operator.index(seed)
        if self._seed < 0:
            raise ValueError(f"seed must be a whole number from 0; got {seed}.")
        self._place: dict[Pair, int] = {}
        self._rows = np.empty((0, 0), dtype=np.int64)
        self._lock = threading.Lock()

    @property
    def seed(self) -> int:
        """What all draws depend on."""
        return self._seed

    def rows(self, pairs: Sequence[Pair], n_clusters: int, n_threads: int = 1) -> IntArray:
        """Row numbers (R, K) of the first K seeds of each pair."""
        n = self._columns.shape[1]
        if n_clusters > n:
            raise ValueError(
                f"n_clusters={n_clusters} seeds need as many rows; the data have n_samples={n}. "
                "Ask for fewer clusters or supply more rows."
            )
        with self._lock:
            missing = list(dict.fromkeys(pair for pair in pairs if pair not in self._place))
            if n_clusters > self._rows.shape[1]:
                # Drawing starts at the first seed again, so draw a few more than are needed now.
                n_seeds = min(n, max(8, -(-n_clusters // 4) * 4))
                missing = [*self._place, *missing]
                self._place, self._rows = {}, np.empty((0, n_seeds), dtype=np.int64)
            if missing:
                kernel = kernels.current()
                uniforms = kernel.uniforms(self._seed, missing, self._rows.shape[1])
                drawn = kernel.draw(self._columns, uniforms, n_threads)
                first = len(self._rows)
                self._rows = np.concatenate([self._rows, drawn])
                self._place.update(zip(missing, range(first, first + len(missing)), strict=True))
            return self._rows[[self._place[pair] for pair in pairs], :n_clusters]

    def centres(self, pairs: Sequence[Pair], n_clusters: int, n_threads: int = 1) -> FloatArray:
        """Seeds (R, K, d) in prepared units."""
        rows = self.rows(pairs, n_clusters, n_threads)
        return np.ascontiguousarray(np.moveaxis(self._columns[:, rows], 0, -1))
