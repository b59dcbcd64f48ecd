"""How time grows with rows and with columns, one core.

    python -m benchmarks.growth [--most-rows 10000000]

Rows: d = 5, K = 8, full-untied, one experiment of four restarts and ten iterations each, of which
the time per row is asked to stay the same from 1e5 to 1e7 rows. Columns: d = 2 to 40 at 20,000
rows, for all types.
"""

from __future__ import annotations

import argparse
import statistics

from benchmarks.rig.machine import cpu_s, headline, one_thread
from benchmarks.rig.soil_table import overlapping_groups
from kmeans_core import COVARIANCE_TYPES, fit_experiments, prepare
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.points.prepared import PreparedData

N_CLUSTERS, N_RESTARTS, N_ITERATIONS = 8, 4, 10


def fit_s(data: PreparedData, covariance_type: str, rounds: int) -> tuple[float, int]:
    """Seconds of one experiment, seeding and scores included, and its assignments: one to begin
    with and one for each iteration, of every restart."""

    def fit() -> None:
        fit_experiments(data, covariance_type, [N_CLUSTERS], [0], N_RESTARTS, max_iter=N_ITERATIONS)

    taken = [cpu_s(fit) for _ in range(rounds)]
    return statistics.median(taken), N_RESTARTS * (1 + N_ITERATIONS)


def over_rows(most_rows: int) -> None:
    """1e3 rows, 1e4, ... up to `most_rows`."""
    print("| rows | prepare, ns per row | fit, ns per row and assignment |\n|---|---|---|")
    per_row_ns = {}
    n_rows = 1_000
    while n_rows <= most_rows:
        columns = overlapping_groups(n_rows, 5)
        prepare_s = cpu_s(lambda columns=columns: prepare(columns.T))
        data = prepare(columns.T)
        del columns
        seconds, n_assignments = fit_s(data, "full-untied", 5 if n_rows <= 10**5 else 3)
        per_row_ns[n_rows] = 1e9 * seconds / (n_assignments * n_rows)
        print(
            f"| {n_rows:,} | {1e9 * prepare_s / n_rows:.0f} | {per_row_ns[n_rows]:.2f} |",
            flush=True,
        )
        n_rows *= 10
    large = [ns for rows, ns in per_row_ns.items() if rows >= 10**5]
    if len(large) > 1:
        headline(
            f"time per row from 1e5 to {max(per_row_ns):.0e} rows, d = 5, K = 8, full-untied",
            f"{min(large):.1f} to {max(large):.1f} ns per assignment,"
            f" {max(large) / min(large) - 1:.0%} apart",
            "15 %",
        )


def over_columns() -> None:
    """Nanoseconds per row, cluster and assignment."""
    widths = (2, 5, 10, 20, 40)
    print("\n| type | " + " | ".join(f"d = {d}" for d in widths) + " |")
    print("|---|" + "---|" * len(widths))
    for code in COVARIANCE_TYPES:
        cells = []
        for d in widths:
            data = prepare(overlapping_groups(20_000, d).T)
            seconds, n_assignments = fit_s(data, code, 3)
            ns = 1e9 * seconds / (n_assignments * data.n_rows * N_CLUSTERS)
            n_features = CovarianceType.of(code).n_features(d)
            cells.append(f"{ns:.2f} ({1e3 * ns / n_features:.0f})")
        print(f"| {code} | " + " | ".join(cells) + " |", flush=True)
    print("ns per row, cluster and assignment (ps per feature as well)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most-rows", type=int, default=10**7)
    options = parser.parse_args()
    with one_thread():
        over_rows(options.most_rows)
        over_columns()


if __name__ == "__main__":
    main()
