"""The default job's 6,000 fits against K-means under Mahalanobis distance as it is usually written.

    python -m benchmarks.against_reference

Six types, K = 1 to 10, ten experiments of ten restarts on 3,232 x 2 standardised soil-like data,
one core, processor time. All of ours are computed, seeding and scores included; of the reference
(reference.py) a part: every type and K from the same seeds for a few restarts.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.rig import reference
from benchmarks.rig.machine import cpu_s, headline, one_thread
from benchmarks.rig.soil_table import soil_table
from kmeans_core import COVARIANCE_TYPES, SeedBank, fit_experiments, prepare
from kmeans_core.points.prepared import PreparedData

K_VALUES = tuple(range(1, 11))
N_EXPERIMENTS = N_RESTARTS = 10
N_FITS = len(COVARIANCE_TYPES) * len(K_VALUES) * N_EXPERIMENTS * N_RESTARTS


def ours_s(data: PreparedData) -> float:
    """All fits of the job."""

    def job() -> None:
        seeds = SeedBank(data, 0)
        for code in COVARIANCE_TYPES:
            fit_experiments(data, code, K_VALUES, range(N_EXPERIMENTS), N_RESTARTS, seeds=seeds)

    return float(np.median([cpu_s(job) for _ in range(3)]))


def reference_s(data: PreparedData, n_restarts: int) -> tuple[float, float]:
    """All fits of the job, from the mean over `n_restarts` of each type and K; and how many pairs
    of row and cluster one fit looks at, on average."""
    table = np.ascontiguousarray(data.columns.T)
    seeds = SeedBank(data, 0)
    spent_s, n_pairs = 0.0, 0
    for restart in range(n_restarts):
        for k in K_VALUES:
            centres = seeds.centres([(0, restart)], k)[0]
            for code in COVARIANCE_TYPES:
                began = time.process_time()
                fit = reference.fit(table, centres, code)
                spent_s += time.process_time() - began
                n_pairs += (1 + fit.n_iter) * k * data.n_rows
    n_measured = n_restarts * len(K_VALUES) * len(COVARIANCE_TYPES)
    return spent_s / n_measured * N_FITS, n_pairs / n_measured


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--restarts", type=int, default=3, help="of the reference")
    options = parser.parse_args()
    data = prepare(soil_table())
    with one_thread():
        ours = ours_s(data)
        theirs, n_pairs = reference_s(data, options.restarts)
    print(
        f"{N_FITS:,} fits on one core: {ours:.2f} s, {1e3 * ours / N_FITS:.3f} ms each; the"
        f" NumPy/SciPy reference {theirs:.0f} s, {1e3 * theirs / N_FITS:.0f} ms each; a fit looks"
        f" at {n_pairs:,.0f} pairs of row and cluster, {1e9 * ours / N_FITS / n_pairs:.3f} ns each"
        " with all that a fit needs"
    )
    headline(
        f"{N_FITS:,} fits of the default job against a NumPy/SciPy reference",
        f"{theirs / ours:.0f} × ({1e3 * ours / N_FITS:.2f} and {1e3 * theirs / N_FITS:.0f} ms per"
        " fit)",
        "500 ×",
    )


if __name__ == "__main__":
    main()
