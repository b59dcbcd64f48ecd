"""What more threads bring: one thread against two and so on, up to the number of cores.

    python -m benchmarks.threads

Wall time, so the machine has to be otherwise idle. As many restarts of a small table as the default
job makes of one type (3,232 x 2, K = 8), and few of a large one (1,000,000 x 5, K = 8).
"""

from __future__ import annotations

import os

import numpy as np

from benchmarks.rig.machine import headline, side_by_side, wall_s
from benchmarks.rig.soil_table import overlapping_groups, soil_table
from kmeans_core import MahalanobisKMeans

ROUNDS = 5


def scaling(name: str, table: np.ndarray, n_init: int, max_iter: int) -> None:
    """Print seconds by number of threads."""
    counts = sorted({1, 2, os.cpu_count() or 1})

    def fit(n_threads: int) -> None:
        MahalanobisKMeans(
            8, "full-untied", n_init=n_init, max_iter=max_iter, n_threads=n_threads
        ).fit(table)

    seconds = side_by_side(
        {str(count): lambda count=count: fit(count) for count in counts}, ROUNDS, wall_s
    )
    told = ", ".join(f"{count}: {1e3 * seconds[str(count)]:.0f} ms" for count in counts)
    gain = seconds["1"] / seconds["2"]
    print(f"{name}, {n_init:,} restarts; threads {told}; two give {gain:.2f} x", flush=True)
    headline(f"two threads against one, {name}, {n_init:,} restarts", f"{gain:.2f} ×", "1.8 ×")


def main() -> None:
    """Measure and print."""
    scaling("3,232 × 2", soil_table(), n_init=1_000, max_iter=300)
    large = np.ascontiguousarray(overlapping_groups(1_000_000, 5).T)
    scaling("1,000,000 × 5", large, n_init=3, max_iter=10)


if __name__ == "__main__":
    main()
