"""What a fit costs on a backend: a formula with six constants, measured once per machine.

    one restart's iteration = iteration_us + rows x K x (pair_ns + features x feature_ns) x share
    one experiment          = restarts x (restart_us + iterations x that)
    one task                = task_ms + its experiments

with the share box_share for tables whose points are in boxes, 1 for others. The constants hold
for one core. Iterations are not known beforehand; see `expected_iterations`. A prediction is meant
to be good to a factor of two, and decides how work is cut into tasks and what is said about time,
never about results.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from kmeans_core import DEFAULT_MAX_ITER, KERNEL, CovarianceType
from kmeans_core.points.arrangement import MOST_CLUSTERS, is_worth_arranging

STEPS_PER_DOUBLING = 2
"""Constants are rounded to powers of the square root of two: a second measurement rarely changes a
plan then."""


@dataclass(frozen=True, slots=True)
class CostModel:
    """Predicts durations in milliseconds on one core of a backend.

    `pair_ns`: nanoseconds per row, cluster and iteration; `feature_ns`: nanoseconds more per
    feature of the pair (`CovarianceType.n_features`); `iteration_us`: microseconds per restart and
    iteration that depend on no data; `task_ms`: milliseconds per task (request, reading back,
    recording);
    `restart_us`: microseconds per restart that depend neither on data nor on iterations, its share
    of its experiment's included. `box_share`: what remains of the time per pair for tables whose
    points are arranged in boxes (`kmeans_core.points.arrangement`).
    """

    pair_ns: float
    feature_ns: float
    iteration_us: float
    task_ms: float
    restart_us: float = 1.0
    box_share: float = 1.0

    def experiment_ms(
        self,
        covariance_type: str,
        k: int,
        n_rows: int,
        d: int,
        n_restarts: int,
        max_iter: int = DEFAULT_MAX_ITER,
    ) -> float:
        """One experiment: `n_restarts` fits of `k` clusters to `n_rows` rows and `d` columns."""
        if k == 1:  # every restart is the same fit, and is done once
            n_restarts = 1
        iterations = min(expected_iterations(n_rows, k), max_iter)
        pair_ns = self.pair_ns + self.feature_ns * CovarianceType.of(covariance_type).n_features(d)
        if 1 < k <= MOST_CLUSTERS and is_worth_arranging(n_rows, d):
            pair_ns *= self.box_share
        iteration_ms = self.iteration_us / 1e3 + n_rows * k * pair_ns / 1e6
        return n_restarts * (self.restart_us / 1e3 + iterations * iteration_ms)

    def rounded(self) -> CostModel:
        """Every constant as the nearest of STEPS_PER_DOUBLING powers for each doubling."""
        return CostModel(
            **{
                name: 2.0 ** (round(STEPS_PER_DOUBLING * math.log2(value)) / STEPS_PER_DOUBLING)
                for name, value in dataclasses.asdict(self).items()
            }
        )


NUMPY_COSTS = CostModel(pair_ns=0.5, feature_ns=0.4, iteration_us=8.0, task_ms=2.0, restart_us=75.0)
"""The NumPy twin on one x86-64 core."""

NATIVE_COSTS = CostModel(
    pair_ns=0.03, feature_ns=0.06, iteration_us=0.2, task_ms=2.0, restart_us=8.0, box_share=0.5
)
"""The compiled kernel on one x86-64 core with AVX-512."""


def default_costs(kernel: str = KERNEL) -> CostModel:
    """Constants for a kernel that nobody has measured yet, rounded like measured ones."""
    return (NUMPY_COSTS if kernel == "numpy" else NATIVE_COSTS).rounded()


def expected_iterations(n_rows: int, k: int) -> float:
    """Mean over restarts of the iterations until the labels stop changing.

    0.8 n^(1/3) sqrt(min(K, 8)): measured on simulated fields, separate groups and uniform noise of
    150 to 300,000 rows. Data with clear groups take half of it, large ones a quarter; noise takes
    up to half as many again.
    """
    if k == 1:
        return 1.0
    return max(2.0, 0.8 * math.cbrt(n_rows) * math.sqrt(min(k, 8)))
