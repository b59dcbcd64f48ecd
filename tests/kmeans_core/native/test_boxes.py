"""Boxes of points change which points are looked at, and nothing else: not one bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kmeans_core import COVARIANCE_TYPES, SeedBank, kernels, prepare
from kmeans_core.fitting.experiments import states_from_centres
from kmeans_core.fitting.lloyd import _start, problem_of
from kmeans_core.kernels.native import library
from kmeans_core.kernels.native.binding import NativeKernel
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.problem import Problem
from kmeans_core.model.restarts import GOING, Restarts
from kmeans_core.points.arrangement import (
    BRANCH,
    GROUP,
    LEAST_ROWS,
    MOST_COLUMNS,
    MOST_ROWS,
    Arrangement,
    is_worth_arranging,
)

try:
    _NATIVE = NativeKernel(library.load())
except OSError:
    pytest.skip("the compiled kernel (apt-get install gcc, then make)", allow_module_level=True)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes for every table that the kernel can take them of, worth it or not."""
    monkeypatch.setattr("kmeans_core.kernels.native.binding.is_worth_arranging", lambda *_: True)


TABLES = ("groups", "grid", "duplicates", "line", "outliers", "magnitudes")


def table_of(kind: str, rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """(n, d), of one of TABLES."""
    centres = 4.0 * rng.normal(size=(5, d))
    table = centres[rng.integers(5, size=n)] + rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    if kind == "grid":  # equal distances, and scores that tie
        return np.rint(table / 3.0)
    if kind == "duplicates":
        return table[rng.integers(max(1, n // 9), size=n)]
    if kind == "line":
        return np.outer(rng.normal(size=n), np.ones(d)) + 1e-9 * table
    if kind == "outliers":
        table[:: n // 7] *= 1e4
    if kind == "magnitudes":
        table = 1e6 + table * 10.0 ** rng.uniform(-4, 4, size=d)
    return table


def begun(problem: Problem, n_clusters: int, seed: int) -> Restarts:
    """Three restarts from their seeds, none of the work done with boxes."""
    pairs = [(seed, r) for r in range(3)]
    data = prepare(problem.columns.T, standardise=False)
    centres = SeedBank(data, seed).centres(pairs, n_clusters)
    scale = np.abs(problem.columns).max() / max(np.abs(data.columns).max(), 1e-300)
    states = states_from_centres(problem.covariance_type, pairs, scale * centres)
    return _start(replace(problem, boxes=None), states, 1)


def iterated(kernel: NativeKernel, problem: Problem, restarts: Restarts) -> Restarts:
    """To their ends, in several calls."""
    for _ in range(100):
        work = 5.0 * restarts.theta.size * problem.columns.shape[1]
        if not (kernel.iterate(problem, restarts, 60, work) == GOING).any():
            break
    return restarts


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_labels_and_statistics_are_the_same_to_the_bit(every_native_kernel, covariance_type, kind):
    for seed in range(6):
        rng = np.random.default_rng([seed, TABLES.index(kind)])
        d = int(rng.integers(1, MOST_COLUMNS + 1)) if seed else 2
        n = int(rng.integers(2, 3_000))
        k = int(rng.integers(min(2, n), 1 + min(64, n)))
        data = prepare(table_of(kind, rng, n, d))
        distance = "mahalanobis" if seed % 3 == 2 else "likelihood"
        problem = problem_of(data, CovarianceType.of(covariance_type), distance, 1e-6)
        assert problem.boxes is not None
        ours = iterated(every_native_kernel, problem, begun(problem, k, seed))
        without = replace(problem, boxes=None)
        plain = iterated(every_native_kernel, without, begun(problem, k, seed))
        case = f"{kind}, {covariance_type}, seed {seed}: n={n}, d={d}, K={k}"
        assert (ours.labels == plain.labels).all(), case
        assert (ours.statistics == plain.statistics).all(), case
        assert (ours.theta == plain.theta).all(), case
        assert ours.n_iter.tolist() == plain.n_iter.tolist(), case
        assert ours.n_reseeded.tolist() == plain.n_reseeded.tolist(), case
        check_sums(every_native_kernel, problem, ours.theta, case)


def check_sums(kernel: NativeKernel, problem: Problem, theta: np.ndarray, case: str) -> None:
    """A fresh assignment and a sum of its labels, with boxes: the same labels, sums to rounding."""
    shape = len(theta), problem.columns.shape[1]
    labels, twin_labels = (np.full(shape, theta.shape[1], dtype=np.uint8) for _ in range(2))
    sums, twin_sums = np.zeros(theta.shape), np.zeros(theta.shape)
    n_changed, twin_n_changed = (np.empty(len(theta), dtype=np.int64) for _ in range(2))
    kind, columns = problem.covariance_type, problem.columns
    kernel.assign_accumulate(columns, kind, theta, labels, sums, n_changed, 1, problem.boxes)
    kernel.assign_accumulate(columns, kind, theta, twin_labels, twin_sums, twin_n_changed)
    assert (labels == twin_labels).all(), case
    assert n_changed.tolist() == twin_n_changed.tolist(), case
    again = kernel.accumulate(columns, kind, labels, theta.shape[1], 1, problem.boxes)
    largest = problem.columns.shape[1] * max(1.0, np.abs(columns).max()) ** 2
    for found in (sums, again):
        np.testing.assert_allclose(found, twin_sums, rtol=1e-12, atol=1e-13 * largest)
        assert (found[..., 0] == twin_sums[..., 0]).all(), case


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("n", [7, 31, 32, 33, 256, 257, 287, 300, 511, 512, 513, 4_096, 5_001])
@pytest.mark.parametrize("kind", TABLES)
def test_boxes_hold_all_points_once(kind, n):
    table = table_of(kind, np.random.default_rng(n), n, 3)
    data = prepare(table)
    arranged = data.arranged_by(kernels.current())
    assert arranged is not None
    ours, given = (
        np.sort(c.T.copy().view("f8,f8,f8"), axis=0) for c in (arranged.columns, data.columns)
    )
    assert (ours == given).all()
    for boxes, length in ((arranged.leaves, GROUP), (arranged.branches, GROUP * BRANCH)):
        centre, half = (part[:, np.arange(n) // length] for part in boxes)
        assert (np.abs(arranged.columns - centre) <= half).all()


def test_neighbours_come_together():
    rng = np.random.default_rng(0)
    arranged = prepare(rng.random((8_192, 2))).arranged_by(kernels.current())
    assert arranged is not None
    # 256 boxes of 32 points in a square: a sixteenth of its side each, give or take.
    sides = 2.0 * arranged.leaves[1] / np.ptp(arranged.columns, axis=1)[:, None]
    assert np.median(sides) == pytest.approx(1 / 16, rel=0.15)
    assert sides.max() < 1 / 4


def test_what_is_not_worth_it_stays_as_it_is():
    rng = np.random.default_rng(0)
    for n, d in [(LEAST_ROWS - 1, 1), (1_100, 2), (6_000, 3), (60_000, 5), (MOST_ROWS + 1, 1)]:
        assert not is_worth_arranging(n, d)
        data = prepare(rng.normal(size=(n, d)))
        assert data.arranged_by(kernels.current()) is None
        problem = problem_of(data, CovarianceType.of("full-tied"), "likelihood", 1e-6)
        assert problem.boxes is None
        assert problem.columns is data.columns


def test_what_is_worth_it_is_arranged():
    rng = np.random.default_rng(0)
    for n, d in [(LEAST_ROWS, 1), (1_200, 2), (7_000, 3), (MOST_ROWS, 4)]:
        assert prepare(rng.normal(size=(n, d))).arranged_by(kernels.current()) is not None


@pytest.mark.usefixtures("always")
def test_boxes_of_another_table_are_refused():
    rng = np.random.default_rng(0)
    small, large = (prepare(rng.normal(size=(n, 2))) for n in (300, 900))
    problem = problem_of(small, CovarianceType.of("full-tied"), "likelihood", 1e-6)
    assert isinstance(large.arranged_by(kernels.current()), Arrangement)
    states = states_from_centres(problem.covariance_type, [(0, 0)], small.columns.T[None, :3])
    restarts = _start(problem, states, 1)
    with pytest.raises(ValueError, match=r"leaves must be float64 of shape \(2, 2, 16\)"):
        _NATIVE.iterate(
            replace(problem, boxes=large.arranged_by(kernels.current())), restarts, 5, 1.0
        )


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(("n", "d"), [(MOST_ROWS + 1, 2), (2_000, MOST_COLUMNS + 1)])
def test_boxes_of_a_table_too_large_for_them_are_refused(n, d):
    data = prepare(np.random.default_rng(0).normal(size=(n, d)))
    problem = problem_of(data, CovarianceType.of("full-untied"), "likelihood", 1e-6)
    states = states_from_centres(problem.covariance_type, [(0, 0)], data.columns.T[None, :3])
    with pytest.raises(ValueError, match="Boxes are for at most"):
        _start(problem, states, 1)


@pytest.mark.parametrize("n", [3_000, 20_000])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_any_number_of_threads_gives_the_same_bits(covariance_type, n):
    data = prepare(table_of("groups", np.random.default_rng(n), n, 2))
    problem = problem_of(data, CovarianceType.of(covariance_type), "likelihood", 1e-6)
    pairs = [(0, r) for r in range(11)]
    centres = SeedBank(data, 0).centres(pairs, 6)
    found = []
    for n_threads in (1, 2, 3, 7):
        states = states_from_centres(problem.covariance_type, pairs, centres)
        restarts = _start(problem, states, n_threads)
        _NATIVE.iterate(problem, restarts, 40, 1e15, n_threads)
        found.append(
            (restarts.labels.tobytes(), restarts.theta.tobytes(), restarts.n_iter.tolist())
        )
    assert found[1:] == 3 * found[:1]
