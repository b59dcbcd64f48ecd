"""The libraries that people use today, side by side with this one: same data, same restarts.

    python -m benchmarks.peers [--rounds 3]

One thread each, processor time, medians; 3,232 x 2 standardised soil-like data. scikit-learn's
KMeans stops at its usual tolerance, ours when no label changes any more.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from functools import partial

import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from benchmarks.rig.machine import headline, one_thread, side_by_side
from benchmarks.rig.soil_table import soil_table
from kmeans_core import MahalanobisKMeans

MATCHING = {
    "full-untied": "full",
    "full-tied": "tied",
    "diag-untied": "diag",
    "spher-untied": "spherical",
}
"""Our covariance types and scikit-learn's names for them; it has no diag-tied and spher-tied."""


def against_kmeans(table: np.ndarray, rounds: int, n_init: int = 100) -> None:
    """spher-tied under plain distances is K-means: K = 1 to 10.

    Their seeding looks at several candidates for each centre, so that a restart takes fewer
    iterations; hence the least sum of squares that as many restarts find is printed as well. (The
    one that ours reports need not be it: restarts are ranked by their likelihood.)
    """
    found: dict[int, float] = {}

    def ours() -> None:
        for k in range(1, 11):
            _plain(k, n_init, 0).fit(table)

    def theirs() -> None:
        for k in range(1, 11):
            found[k] = KMeans(k, n_init=n_init, random_state=0).fit(table).inertia_

    seconds = side_by_side({"ours": ours, "theirs": theirs}, rounds)
    ratio = seconds["theirs"] / seconds["ours"]
    print(
        f"spher-tied, K = 1 to 10, {n_init} restarts each: {seconds['ours']:.3f} s,"
        f" scikit-learn KMeans {seconds['theirs']:.2f} s: {ratio:.1f} x"
    )
    more = []
    for k in range(1, 11):
        fits = (_plain(k, 1, seed).fit(table) for seed in range(n_init))
        least = min(_squares(table, fit.cluster_centers_) for fit in fits)
        more.append(least / found[k] - 1)
    print(f"least sums of squares against theirs: {min(more):+.3%} to {max(more):+.3%}")
    what = f"spher-tied, K = 1-10, {n_init} restarts, against scikit-learn KMeans"
    headline(what, f"{ratio:.1f} ×", "8 ×")


def _plain(k: int, n_init: int, seed: int) -> MahalanobisKMeans:
    return MahalanobisKMeans(
        k, "spher-tied", n_init=n_init, distance="mahalanobis", random_state=seed, n_threads=1
    )


def _squares(table: np.ndarray, centres: np.ndarray) -> float:
    """Sum of the squared distances of all rows from their nearest centres; lower is better."""
    return float(((table[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum())


def against_mixture(table: np.ndarray, rounds: int, n_init: int = 10) -> None:
    """Per fit, for the four types that scikit-learn has: K = 2, 4, ... 10."""
    print("\n| type | ours, ms per fit | GaussianMixture, ms per fit | ratio |\n|---|---|---|---|")
    ratios = []
    for ours_name, theirs_name in MATCHING.items():

        def ours(name: str = ours_name) -> None:
            for k in range(2, 11, 2):
                MahalanobisKMeans(k, name, n_init=n_init, n_threads=1).fit(table)

        def theirs(name: str = theirs_name) -> None:
            for k in range(2, 11, 2):
                GaussianMixture(k, covariance_type=name, n_init=n_init, random_state=0).fit(table)

        seconds = side_by_side({"ours": ours, "theirs": theirs}, rounds)
        ours_ms, theirs_ms = (1e3 * seconds[who] / (5 * n_init) for who in ("ours", "theirs"))
        ratios.append(theirs_ms / ours_ms)
        print(f"| {ours_name} | {ours_ms:.3f} | {theirs_ms:.1f} | {ratios[-1]:.0f} × |", flush=True)
    headline(
        "per fit against scikit-learn GaussianMixture, four types, same K and restarts",
        f"{min(ratios):.0f} to {max(ratios):.0f} ×, median {statistics.median(ratios):.0f} ×",
        "25 ×",
    )


def per_pair(rounds: int) -> None:
    """One Lloyd iteration, nanoseconds per (row, cluster): long fits less short ones."""
    print("\n| d | ours, ns per pair | KMeans, ns per pair | ratio |\n|---|---|---|---|")
    wanted = {2: "8 ×", 40: "1 ×"}
    n_rows, k, short, long = 50_000, 8, 2, 42
    for d in (2, 5, 10, 20, 40):
        table = np.random.default_rng(d).random((n_rows, d))  # noise: it takes long to converge
        centres = table[:k].copy()
        n_iter: dict[str, int] = {}

        def ours(name: str, max_iter: int) -> None:
            fitted = MahalanobisKMeans(
                k,
                "spher-tied",
                n_init=1,
                init=centres,  # noqa: B023 - called within this round
                max_iter=max_iter,
                distance="mahalanobis",
                n_threads=1,
            ).fit(table)  # noqa: B023
            n_iter[name] = fitted.n_iter_  # noqa: B023

        def theirs(name: str, max_iter: int) -> None:
            fitted = KMeans(k, n_init=1, init=centres, max_iter=max_iter, tol=0).fit(table)  # noqa: B023
            n_iter[name] = fitted.n_iter_  # noqa: B023

        programs = {
            f"{who} {length}": partial(fit, f"{who} {length}", length)
            for who, fit in (("ours", ours), ("theirs", theirs))
            for length in (short, long)
        }
        seconds = side_by_side(programs, rounds)
        ns = []
        for who in ("ours", "theirs"):
            more = n_iter[f"{who} {long}"] - n_iter[f"{who} {short}"]
            spent_s = seconds[f"{who} {long}"] - seconds[f"{who} {short}"]
            ns.append(1e9 * spent_s / (n_rows * k * more))
        print(f"| {d} | {ns[0]:.3f} | {ns[1]:.2f} | {ns[1] / ns[0]:.1f} × |", flush=True)
        if d in wanted:
            headline(
                f"time of an iteration against scikit-learn's Lloyd, d = {d}",
                f"{ns[0]:.2f} ns per pair, {ns[1] / ns[0]:.1f} × faster",
                wanted[d],
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    table = soil_table()
    with one_thread():
        against_kmeans(table, options.rounds)
        against_mixture(table, options.rounds)
        per_pair(options.rounds)


if __name__ == "__main__":
    main()
