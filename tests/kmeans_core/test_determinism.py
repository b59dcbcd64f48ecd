"""The same (seed, experiment, restart) is the same fit to the bit, however work is divided."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from kmeans_core import (
    COVARIANCE_TYPES,
    DISTANCES,
    ExperimentFit,
    MahalanobisKMeans,
    PreparedData,
    SeedBank,
    fit_experiments,
    prepare,
)
from kmeans_core.kernels.twin import drawing

pytestmark = pytest.mark.usefixtures("kernel")


def _assert_same(a: ExperimentFit, b: ExperimentFit) -> None:
    for field in ExperimentFit.__slots__:
        if field == "model":
            continue
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field), err_msg=field)
    for field in ("weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(a.model, field), getattr(b.model, field))


def _table(n: int, d: int) -> PreparedData:
    rng = np.random.default_rng(n + d)
    return prepare(rng.normal(size=(n, d)) + 3 * rng.integers(0, 3, size=(n, 1)))


@pytest.mark.parametrize(("n", "d"), [(300, 1), (4500, 2), (300, 5), (120, 11)])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_any_batching_of_experiments(covariance_type, n, d):
    data = _table(n, d)
    whole = fit_experiments(data, covariance_type, [1, 3, 8], range(4), 3, max_iter=25, seed=7)
    parts = [
        fit
        for k in (1, 3, 8)
        for experiments in ([0], [1, 2], [3])
        for fit in fit_experiments(
            data, covariance_type, [k], experiments, 3, max_iter=25, seed=7
        ).fits
    ]
    assert len(whole.fits) == len(parts) == 12
    for a, b in zip(whole.fits, parts, strict=True):
        assert (a.n_clusters, a.experiment) == (b.n_clusters, b.experiment)
        _assert_same(a, b)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_any_batching_where_clusters_empty_and_collapse(covariance_type, distance):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, size=(90, 4)).astype(float)[rng.integers(0, 25, size=90)]
    data = prepare(np.column_stack([X, X[:, 0], np.ones(90)]))
    settings = {"distance": distance, "max_iter": 30}
    whole = fit_experiments(data, covariance_type, [12], range(6), 4, **settings).fits
    for experiment in range(6):
        (alone,) = fit_experiments(data, covariance_type, [12], [experiment], 4, **settings).fits
        _assert_same(alone, whole[experiment])
    assert max(fit.n_floored for fit in whole) > 0 or covariance_type.startswith("spher")


def test_a_restart_is_the_same_alone_and_among_others(overlapping):
    data = prepare(overlapping)
    for covariance_type in COVARIANCE_TYPES:
        (best,) = fit_experiments(data, covariance_type, [5], [2], 30).fits
        (fewer,) = fit_experiments(data, covariance_type, [5], [2], best.restart + 1).fits
        assert fewer.restart == best.restart
        for field in ("weights", "means", "covariances"):
            np.testing.assert_array_equal(getattr(best.model, field), getattr(fewer.model, field))
        assert (fewer.bic, fewer.icl) == (best.bic, best.icl)


def test_any_number_of_threads(overlapping):
    for covariance_type in COVARIANCE_TYPES:
        models = [
            MahalanobisKMeans(5, covariance_type, n_init=9, n_threads=t).fit(overlapping)
            for t in (1, 2, 4)
        ]
        for other in models[1:]:
            for name in ("labels_", "cluster_centers_", "covariances_", "weights_", "bic_", "icl_"):
                np.testing.assert_array_equal(getattr(models[0], name), getattr(other, name))


@pytest.mark.parametrize("covariance_type", ["full-untied", "diag-tied"])
def test_any_number_of_threads_over_many_points(covariance_type):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40_007, 2)) + 4 * rng.integers(0, 3, size=(40_007, 1))
    models = [
        MahalanobisKMeans(6, covariance_type, n_init=3, max_iter=12, n_threads=t).fit(X)
        for t in (1, 2, 5)
    ]
    for other in models[1:]:
        for name in ("labels_", "cluster_centers_", "covariances_", "bic_", "icl_", "n_iter_"):
            np.testing.assert_array_equal(getattr(models[0], name), getattr(other, name))


def test_calls_from_many_threads_with_one_seed_bank(overlapping):
    data = prepare(overlapping)
    tasks = [(t, k) for k in (9, 2, 5) for t in COVARIANCE_TYPES]
    shared = SeedBank(data, 0)

    def run(task, seeds=None):
        return fit_experiments(data, task[0], [task[1]], [0, 1], 3, seeds=seeds).fits

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda task: run(task, shared), tasks))
    for task, fits in zip(tasks, together, strict=True):
        for a, b in zip(fits, run(task), strict=True):
            _assert_same(a, b)


def test_seeds_are_prefixes(overlapping):
    data = prepare(overlapping)
    pairs = [(e, r) for e in range(3) for r in range(4)]
    most = SeedBank(data, 3).rows(pairs, 40)
    growing = SeedBank(data, 3)
    for k in (1, 2, 3, 7, 8, 9, 17, 40):
        np.testing.assert_array_equal(growing.rows(pairs, k), most[:, :k])
        np.testing.assert_array_equal(SeedBank(data, 3).rows(pairs[5:6], k)[0], most[5, :k])
    assert len({tuple(row) for row in most}) == len(pairs)
    assert all(len(set(row)) == 40 for row in most)
    assert (SeedBank(data, 4).rows(pairs, 40) != most).any()
    centres = growing.centres(pairs, 2)
    np.testing.assert_array_equal(centres[4, 1], data.columns[:, most[4, 1]])


@pytest.mark.parametrize("n_seeds", [9, 18])
def test_seeds_of_a_table_larger_than_the_caches(kernel, n_seeds):
    # Few seeds: the compiled kernel computes distances again; many: it keeps them.
    columns = np.random.default_rng(0).normal(size=(2, 270_001))
    uniforms = np.random.default_rng(1).random((5, n_seeds))
    rows = kernel.draw(columns, uniforms)
    np.testing.assert_array_equal(rows, drawing.draw(columns, uniforms))
    np.testing.assert_array_equal(rows, kernel.draw(columns, uniforms, n_threads=3))


def test_seeds_follow_the_squared_distance():
    # Three places with 1, 1 and 98 rows: after a seed in the crowd, the far place (D^2 = 100) is
    # drawn next 100 times as often as the near one (D^2 = 1), the crowd itself never.
    X = np.concatenate([np.zeros(98), [1.0], [10.0]])[:, None]
    rows = SeedBank(prepare(X), 0).rows([(0, r) for r in range(3000)], 2)
    after_crowd = rows[rows[:, 0] < 98][:, 1]
    first = np.bincount(rows[:, 0], minlength=100)
    assert set(after_crowd) == {98, 99}
    assert (after_crowd == 99).mean() == pytest.approx(100 / 101, abs=0.01)
    assert first.max() < 70
    assert first.min() > 5


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_stopping_after_every_iteration_changes_nothing(overlapping, covariance_type, distance):
    data = prepare(overlapping)
    settings = {"distance": distance, "max_iter": 20}
    whole = fit_experiments(data, covariance_type, [1, 2, 6], [0, 3], 3, **settings)
    assert whole.resume is None
    fits: list[ExperimentFit] = []
    resume, n_calls = None, 0
    while n_calls == 0 or resume is not None:
        batch = fit_experiments(
            data,
            covariance_type,
            [1, 2, 6],
            [0, 3],
            3,
            should_stop=lambda: True,
            resume=resume,
            **settings,
        )
        fits += batch.fits
        resume = json.loads(json.dumps(batch.resume, allow_nan=False))
        n_calls += 1
    assert n_calls > 6
    assert len(fits) == len(whole.fits)
    for a, b in zip(fits, whole.fits, strict=True):
        _assert_same(a, b)


def test_stopping_keeps_what_is_finished(overlapping):
    data = prepare(overlapping)
    polls: list[int] = []
    fit_experiments(
        data, "full-untied", [1, 2], [0], 5, should_stop=lambda: polls.append(0) is not None
    )
    answers = iter([False] * (len(polls) + 3))
    batch = fit_experiments(
        data, "full-untied", [1, 2, 6], [0], 5, should_stop=lambda: next(answers, True)
    )
    assert [fit.n_clusters for fit in batch.fits] == [1, 2]
    assert batch.resume["n_clusters"] == [6]
    rest = fit_experiments(data, "full-untied", [1, 2, 6], [0], 5, resume=batch.resume)
    assert [fit.n_clusters for fit in rest.fits] == [6]
    assert rest.resume is None


def test_stopping_between_two_numbers_of_clusters(overlapping):
    data = prepare(overlapping)
    # One cluster is done after one iteration, before anybody asks whether to stop.
    batch = fit_experiments(data, "full-tied", [1, 2], [0], 3, should_stop=lambda: True)
    assert [fit.n_clusters for fit in batch.fits] == [1]
    assert batch.resume["n_clusters"] == [2]
    assert batch.resume["states"] == []


def _nested(raw: dict, *path: str | int) -> Any:
    for key in path:
        raw = raw[key]
    return raw


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), "version", 99),
        ((), "n_clusters", [3, 2]),
        ((), "n_clusters", []),
        ((), "states", "none"),
        (("states", 0), "restart", 7),
        (("states", 0), "experiment", 1),
        (("states", 0), "theta", [[1.0]]),
        (("states", 0, "theta", 0), 0, float("nan")),
        (("states", 0), "n_iter", None),
        (("states", 0), "n_iter", 2**63),
        (("states", 0), "n_reseeded", -1),
        (("outcomes", 0), "counts", [1]),
        (("outcomes", 0, "counts"), 0, -1),
        (("outcomes", 0), "n_floored", []),
        (("outcomes", 0), "n_iter", -1),
        (("outcomes", 0), "stopped_by", "bored"),
        (("outcomes", 0), "classification_log_likelihood", "nan"),
        (("outcomes", 0), "covariances", [[1.0]]),
    ],
)
def test_a_resume_state_that_is_not_one_is_refused(overlapping, path, key, value):
    data = prepare(overlapping)
    arguments = (data, "full-tied", [6, 3], [0], 9)
    raw = None
    while raw is None or not raw["outcomes"]:
        raw = fit_experiments(*arguments, should_stop=lambda: True, resume=raw).resume
    assert raw["n_clusters"] == [6, 3]
    assert raw["states"]
    _nested(raw, *path)[key] = value
    with pytest.raises(ValueError, match="Start the fit again without it"):
        fit_experiments(*arguments, resume=raw)


def test_a_seed_bank_of_another_seed_is_refused(overlapping):
    data = prepare(overlapping)
    with pytest.raises(ValueError, match="SeedBank of seed 5, but seed=0"):
        fit_experiments(data, "full-tied", [2], [0], 1, seeds=SeedBank(data, 5))


def test_a_bank_of_seeds_takes_pairs_in_any_order_and_twice():
    data = prepare(np.random.default_rng(0).normal(size=(500, 2)))
    bank, fresh = SeedBank(data, 7), SeedBank(data, 7)
    twice = bank.rows([(0, 0), (0, 0)], 3)
    assert (twice[0] == twice[1]).all()
    assert bank.rows([(1, 1), (0, 0)], 12).tolist() == fresh.rows([(1, 1), (0, 0)], 12).tolist()
    assert bank.rows([(0, 0)], 3).tolist() == twice[:1].tolist()


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (5.0, TypeError)])
def test_a_seed_that_is_none_is_refused(seed, error):
    data = prepare(np.random.default_rng(0).normal(size=(500, 2)))
    with pytest.raises(error):
        fit_experiments(data, "spher-tied", [2], [0], 1, seed=seed)
    numpy_int = fit_experiments(data, "spher-tied", [2], [0], 1, seed=np.int64(5)).fits[0]
    assert numpy_int.bic == fit_experiments(data, "spher-tied", [2], [0], 1, seed=5).fits[0].bic


@pytest.mark.parametrize("experiments", [[], [2**63], [-1], [1, 1]])
def test_experiments_that_are_none_are_refused(experiments):
    data = prepare(np.random.default_rng(0).normal(size=(500, 2)))
    with pytest.raises(ValueError, match="experiments must be different whole numbers"):
        fit_experiments(data, "spher-tied", [2], experiments, 1)
