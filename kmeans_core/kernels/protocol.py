"""What every kernel can do.

Throughout: n points, d columns, R restarts, K clusters, F features (see `CovarianceType`). Arrays
of numbers are float64, aligned, in C order and owned by the caller. `n_threads` has no effect on a
result: the compiled kernel shares the work, its twin is always a single thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kmeans_core.model.components import Components
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.problem import Problem
from kmeans_core.model.restarts import Pair, Restarts
from kmeans_core.points.arrangement import Arrangement
from kmeans_core.points.arrays import FloatArray, IntArray, LabelArray


class Kernel(Protocol):
    """The functions over all points; `name` is "native" or "numpy"."""

    name: str

    def assign_accumulate(
        self,
        columns: FloatArray,
        covariance_type: CovarianceType,
        thetas: FloatArray,
        labels: LabelArray,
        statistics: FloatArray,
        n_changed: IntArray,
        n_threads: int = 1,
        boxes: Arrangement | None = None,
        fresh: bool = False,
    ) -> None:
        """One assignment of all points for R restarts, with T updated by the difference.

        columns     (d, n): those of `boxes` where there are any.
        thetas      (R, K, F): the score of point i under cluster j is thetas[:, j] . phi(x_i).
        labels      (R, n) uint8 or int32, in and out: 0..K-1, or K where the point is in no cluster
                    yet (it is then only added). Ties go to the lowest cluster.
        statistics  (R, K, F), in and out: T_j = sum of phi over the points of j.
        n_changed   (R,), out: labels that changed.
        boxes       around the points: a kernel may use them to look at fewer of them.
        fresh       no point is in a cluster yet, whatever labels hold.

        The compiled kernel raises ValueError for an array of another type, shape or order.
        """
        ...

    def accumulate(
        self,
        columns: FloatArray,
        covariance_type: CovarianceType,
        labels: LabelArray,
        n_clusters: int,
        n_threads: int = 1,
        boxes: Arrangement | None = None,
    ) -> FloatArray:
        """T (R, K, F) of R labellings (R, n) of columns (d, n), summed afresh.

        Nothing drifts, as it does where differences are added up. labels are below K.
        """
        ...

    def iterate(
        self,
        problem: Problem,
        restarts: Restarts,
        max_iter: int,
        work: float,
        n_threads: int = 1,
    ) -> IntArray:
        """Go on with all restarts, in place; returns what each is left in (R,).

        GOING, CONVERGED, CYCLE or ITERATION_LIMIT of `model.restarts`. work: multiplications after
        which to come back; at least one iteration is made.
        """
        ...

    def extremes(
        self, table: FloatArray, origin: FloatArray, n_threads: int = 1
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Highest and lowest value of each column, and sums of x - origin: (d,) each.

        table (n, d) in any order. With values that are not finite the sums are not either, or an
        extreme is infinite.
        """
        ...

    def spreads(
        self,
        table: FloatArray,
        origin: FloatArray,
        for_mean: FloatArray,
        unit: FloatArray,
        n_threads: int = 1,
    ) -> tuple[FloatArray, FloatArray]:
        """Sums of y = x - origin - for_mean and of the squares of y / unit: (d,) each.

        table (n, d) in any order; origin, for_mean and unit (d,).
        """
        ...

    def scaled(
        self, table: FloatArray, shift: FloatArray, scale: FloatArray, n_threads: int = 1
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(x - shift) / scale as columns (d, n), their sums and sums of squares (d,).

        table (n, d) in any order. Every point gets the same arithmetic, wherever it stands.
        """
        ...

    def arrange(self, columns: FloatArray) -> Arrangement | None:
        """Columns (d, n) in an order that saves time; None when the order they have is as good."""
        ...

    def uniforms(self, seed: int, pairs: Sequence[Pair], n_seeds: int) -> FloatArray:
        """One number for each seed of each (experiment, restart), from 0 to below 1: (R, n_seeds).

        The stream of a pair depends on the seed and the pair alone, and fewer seeds are its
        beginning.
        """
        ...

    def draw(self, columns: FloatArray, uniforms: FloatArray, n_threads: int = 1) -> IntArray:
        """Row numbers (R, m) of m seeds for R restarts, from columns (d, n) and uniforms (R, m).

        Each next one is drawn with probability proportional to the squared distance D^2 from the
        nearest so far; all are as likely when every point coincides with a seed.
        """
        ...

    def point_log_likelihoods(
        self, components: Components, columns: FloatArray, n_threads: int = 1
    ) -> FloatArray:
        """log sum_j pi_j N(x; m_j, S_j) of M mixtures at columns (d, n): (M, n), prepared units."""
        ...

    def log_likelihoods(
        self, components: Components, columns: FloatArray, n_threads: int = 1
    ) -> FloatArray:
        """Sums of `point_log_likelihoods` over the points (M,); higher is better."""
        ...
