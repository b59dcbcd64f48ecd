"""The hot loop alone: time per pair of row and cluster, and the share of what the core can do.

    python -m benchmarks.kernel_speed

Ten restarts on 3,232 rows of overlapping groups, K = 8, one core: their iterations from k-means++
seeds until all have converged, thirty at most, with all that belongs to them. Only the
multiply-adds of the scores count as work, F - 1 per pair (the leading 1 costs none); features,
comparisons, the sums that move and the new parameters are overhead.
"""

from __future__ import annotations

import statistics
import time
from functools import partial

import numpy as np

from benchmarks.rig.fma_peak import fma_peak_gflops
from benchmarks.rig.machine import cpu_s, headline, one_thread
from benchmarks.rig.soil_table import N_ROWS, overlapping_groups
from kmeans_core import COVARIANCE_TYPES, SeedBank, kernels, prepare
from kmeans_core.fitting.experiments import states_from_centres
from kmeans_core.fitting.settings import DEFAULT_DISTANCE, DEFAULT_REG_COVAR
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.problem import Problem
from kmeans_core.model.restarts import GOING, Restarts
from kmeans_core.points.arrays import label_dtype
from kmeans_core.points.prepared import PreparedData

COLUMNS = (2, 3, 5, 8, 10)
N_CLUSTERS, N_RESTARTS = 8, 10
MOST_ITERATIONS = 30
AT_LEAST_S = 0.15


def pair_s(data: PreparedData, covariance_type: str) -> float:
    """Seconds per row, cluster and iteration; the median of many runs."""
    kind = CovarianceType.of(covariance_type)
    # Every pair is looked at: boxes around the points would leave most of them out.
    problem = Problem.of(data, kind, DEFAULT_DISTANCE, DEFAULT_REG_COVAR, boxes=None)
    pairs = [(0, r) for r in range(N_RESTARTS)]
    states = states_from_centres(kind, pairs, SeedBank(data, 0).centres(pairs, N_CLUSTERS))
    kernel = kernels.current()
    theta = states.theta
    labels = np.full((N_RESTARTS, data.n_rows), N_CLUSTERS, dtype=label_dtype(N_CLUSTERS))
    sums, n_changed = np.zeros(theta.shape), np.empty(N_RESTARTS, dtype=np.int64)
    kernel.assign_accumulate(data.columns, kind, theta, labels, sums, n_changed)
    pair_seconds: list[float] = []
    give_up_at = time.perf_counter() + AT_LEAST_S
    while len(pair_seconds) < 5 or time.perf_counter() < give_up_at:
        restarts = Restarts.of(states, labels.copy(), sums.copy())
        seconds = cpu_s(partial(_iterate, kernel, problem, restarts))
        n_pairs = int(restarts.n_iter.sum()) * data.n_rows * N_CLUSTERS
        pair_seconds.append(seconds / n_pairs)
    return statistics.median(pair_seconds)


def _iterate(kernel: kernels.Kernel, problem: Problem, restarts: Restarts) -> None:
    # The compiled kernel makes as many iterations as the last argument pays for, the twin one.
    while (kernel.iterate(problem, restarts, MOST_ITERATIONS, 1e15) == GOING).all():
        pass


def main() -> None:
    """Measure and print."""
    with one_thread():
        peak = fma_peak_gflops()
        print(f"peak of one core: {peak:.0f} GFLOP/s, double precision")
        print("\n| type | d | ns per pair | GFLOP/s | of the peak |\n|---|---|---|---|---|")
        shares = []
        for code in COVARIANCE_TYPES:
            for d in COLUMNS:
                data = prepare(overlapping_groups(N_ROWS, d).T)
                ns = 1e9 * pair_s(data, code)
                gflops = 2.0 * (CovarianceType.of(code).n_features(d) - 1) / ns
                if code == "full-untied" and d >= 3:
                    shares.append(gflops / peak)
                print(
                    f"| {code} | {d} | {ns:.3f} | {gflops:.1f} | {gflops / peak:.0%} |", flush=True
                )
        headline(
            "share of the core's FMA peak, full-untied, d = 3 to 10",
            f"{min(shares):.0%} to {max(shares):.0%}, median {statistics.median(shares):.0%}"
            f" of {peak:.0f} GFLOP/s",
            "50 %",
        )


if __name__ == "__main__":
    main()
