"""The hot loop alone: time per pair of row and cluster, and the share of what the core can do.

    python -m benchmarks.kernel_speed

Ten restarts on 3,232 rows of overlapping groups, K = 8, one core: what ten iterations more cost,
from the fourth on, with all that belongs to an iteration. Only the multiply-adds of the scores
count as work, F - 1 per pair (the leading 1 costs none); features, comparisons, the sums that move
and the new parameters are overhead.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from benchmarks.fma_peak import fma_peak_gflops
from benchmarks.machine import cpu_s, headline, one_thread
from benchmarks.soil_table import N_ROWS, overlapping_groups
from kmeans_core import COVARIANCE_TYPES, SeedBank, prepare
from kmeans_core.covariance import covariance_type_of
from kmeans_core.experiments import states_from_centres
from kmeans_core.lloyd import run_restarts
from kmeans_core.parameters import Problem
from kmeans_core.preparation import PreparedData

COLUMNS = (2, 3, 5, 8, 10)
N_CLUSTERS, N_RESTARTS = 8, 10
SHORT, LONG = 3, 13
ROUNDS = 15


def pair_s(data: PreparedData, covariance_type: str) -> float:
    """Seconds per row, cluster and iteration."""
    kind = covariance_type_of(covariance_type)
    problem = Problem.of(data, kind, "likelihood", 1e-6)
    pairs = [(0, r) for r in range(N_RESTARTS)]
    states = states_from_centres(kind, pairs, SeedBank(data, 0).centres(pairs, N_CLUSTERS))
    n_iter: dict[int, int] = {}

    def until(max_iter: int) -> Callable[[], None]:
        def work() -> None:
            outcomes, _ = run_restarts(problem, states, max_iter)
            n_iter[max_iter] = sum(outcome.n_iter for outcome in outcomes)

        return work

    taken = [cpu_s(until(LONG)) - cpu_s(until(SHORT)) for _ in range(ROUNDS)]
    n_pairs = (n_iter[LONG] - n_iter[SHORT]) * data.n_rows * N_CLUSTERS
    return statistics.median(taken) / n_pairs


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
                gflops = 2.0 * (covariance_type_of(code).n_features(d) - 1) / ns
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
