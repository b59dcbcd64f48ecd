"""What the iterations do: climb, agree with K-means, end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from kmeans_core import COVARIANCE_TYPES, MahalanobisKMeans, fit_experiments, prepare
from kmeans_core.model.covariance import CovarianceType

pytestmark = pytest.mark.usefixtures("kernel")


@st.composite
def tables(draw_from) -> np.ndarray:
    """Random tables: lumps, duplicated rows, duplicated and constant columns, odd scales."""
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32 - 1)))
    n, d = draw_from(st.integers(6, 60)), draw_from(st.integers(1, 4))
    X = rng.normal(size=(n, d)) + 4.0 * rng.integers(0, 3, size=(n, 1)) * rng.normal(size=d)
    if draw_from(st.booleans()):
        X = X[rng.integers(0, max(2, n // 3), size=n)]
    if d > 1 and draw_from(st.booleans()):
        X[:, 1] = X[:, 0]
    if d > 2 and draw_from(st.booleans()):
        X[:, 2] = 7.0
    if draw_from(st.booleans()):
        X = np.round(X)
    return X * draw_from(st.sampled_from([1.0, 1e-7, 1e7]))


@settings(max_examples=200, deadline=None)
@given(X=tables(), k=st.integers(1, 6), covariance_type=st.sampled_from(COVARIANCE_TYPES))
def test_classification_likelihood_never_decreases(X, k, covariance_type):
    data = prepare(X)
    path = []
    for max_iter in range(1, 60):
        (fit,) = fit_experiments(data, covariance_type, [k], [0], 1, max_iter=max_iter).fits
        path.append(fit.classification_log_likelihood)
        assert fit.counts.sum() == len(X)
        if fit.converged:
            break
    assert fit.converged
    assert np.isfinite(path).all()
    assert (np.diff(path) >= -1e-8 * (1 + np.abs(path[:-1]))).all()


@pytest.mark.parametrize("seed", range(6))
def test_spherical_tied_mahalanobis_is_kmeans(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 3)) * [1.0, 2.0, 0.5] + 3 * rng.integers(0, 3, size=(400, 1))
    centres = X[rng.choice(400, 5, replace=False)]
    oracle = KMeans(5, init=centres, n_init=1, algorithm="lloyd", tol=0, max_iter=1000).fit(X)
    model = MahalanobisKMeans(
        5, "spher-tied", distance="mahalanobis", init=centres, max_iter=1000
    ).fit(X)
    inertia = ((X - model.cluster_centers_[model.labels_]) ** 2).sum()
    np.testing.assert_array_equal(model.labels_, oracle.labels_)
    np.testing.assert_allclose(model.cluster_centers_, oracle.cluster_centers_, rtol=1e-10)
    assert inertia == pytest.approx(oracle.inertia_, rel=1e-12)
    # The pooled spherical variance is the inertia per point and column.
    assert model.covariances_[0, 0, 0] == pytest.approx(oracle.inertia_ / X.size, rel=1e-12)
    assert model.converged_


def test_likelihood_and_mahalanobis_rules_differ_as_defined(draw):
    X, _ = draw("spher-untied")
    likelihood = MahalanobisKMeans(3, "spher-untied").fit(X)
    plain = MahalanobisKMeans(3, "spher-untied", distance="mahalanobis").fit(X)
    for model in (likelihood, plain):
        offset = X[:, None] - model.cluster_centers_
        squared = np.einsum("nki,kij,nkj->nk", offset, np.linalg.inv(model.covariances_), offset)
        score = -0.5 * squared
        if model is likelihood:
            score += np.log(model.weights_) - 0.5 * np.linalg.slogdet(model.covariances_)[1]
        np.testing.assert_array_equal(model.labels_, score.argmax(axis=1))


def test_a_cycle_is_recognised_and_said(overlapping):
    data = prepare(overlapping)
    arguments = (data, "full-untied", [3], [0], 1)
    settings = {"distance": "mahalanobis", "should_stop": lambda: True}
    first = fit_experiments(*arguments, **settings).resume
    second = fit_experiments(*arguments, **settings, resume=first).resume
    assert [resume["states"][0]["n_iter"] for resume in (first, second)] == [1, 2]
    # As if the labels of iteration 2 had been there before: real cycles are very rare.
    first["states"][0]["cycle_mark"] = second["states"][0]["cycle_mark"]
    (fit,) = fit_experiments(*arguments, distance="mahalanobis", resume=first).fits
    assert (fit.converged, fit.stopped_by, fit.n_iter) == (False, "cycle", 2)
    assert fit.counts.sum() == len(overlapping)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_mahalanobis_rule_comes_to_an_end(covariance_type, overlapping):
    data = prepare(overlapping)
    batch = fit_experiments(data, covariance_type, [2, 4, 9], range(3), 2, distance="mahalanobis")
    assert all(fit.n_iter < 300 for fit in batch.fits)
    assert all(fit.converged == (fit.stopped_by == "converged") for fit in batch.fits)


def test_iteration_limit_is_said(overlapping):
    model = MahalanobisKMeans(6, max_iter=1, n_init=1).fit(overlapping)
    assert (model.n_iter_, model.converged_, model.stopped_by_) == (1, False, "max_iter")
    np.testing.assert_array_equal(model.labels_, model.predict(overlapping))
    assert model.counts_.tolist() == np.bincount(model.labels_, minlength=6).tolist()


def test_an_emptied_cluster_starts_again_at_the_worst_point():
    X = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [9.0, 9.0]])
    X = np.concatenate([X[:4] + 0.01 * i for i in range(5)] + [X[4:]])
    far = [[0.1, 0.1], [-500.0, -500.0]]
    model = MahalanobisKMeans(2, "spher-tied", distance="mahalanobis", init=far).fit(X)
    assert model.n_reseeded_ == 1
    assert model.counts_.tolist() == [20, 1]
    np.testing.assert_allclose(model.cluster_centers_[1], [9.0, 9.0])


@pytest.mark.parametrize("distance", ["likelihood", "mahalanobis"])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_identical_points_leave_clusters_empty(covariance_type, distance):
    X = np.tile([3.0, -2.0], (20, 1))
    model = MahalanobisKMeans(3, covariance_type, distance=distance).fit(X)
    assert model.counts_.tolist() == [20, 0, 0]
    assert model.weights_.tolist() == [1.0, 0.0, 0.0]
    assert not model.eligible_
    assert model.converged_
    assert np.isfinite([model.bic_, model.icl_, model.score(X)]).all()


def test_best_restart_is_the_best_eligible_one(overlapping):
    data = prepare(overlapping)
    singles = [
        fit_experiments(data, "full-untied", [6], [0], r, min_members=1).fits[0]
        for r in range(1, 21)
    ]
    best = singles[-1]
    # Adding restarts never makes the best worse, and the best is one of them.
    scores = [fit.classification_log_likelihood for fit in singles]
    assert (np.diff(scores) >= -1e-8).all()
    assert best.eligible
    assert best.n_eligible == best.n_restarts == 20

    (strict,) = fit_experiments(data, "full-untied", [6], [0], 20, min_members=15).fits
    assert strict.eligible
    assert strict.counts.min() >= 15 > best.counts.min()
    assert 0 < strict.n_eligible < 20
    assert strict.classification_log_likelihood < best.classification_log_likelihood

    (none,) = fit_experiments(data, "full-untied", [6], [0], 20, min_members=40).fits
    assert (none.eligible, none.n_eligible) == (False, 0)
    assert none.restart == best.restart


def test_default_smallest_size(overlapping):
    data = prepare(overlapping)
    for k, least in [(2, 10), (24, 10), (40, 6), (240, 1)]:
        (default,) = fit_experiments(data, "diag-tied", [k], [0], 4).fits
        (same,) = fit_experiments(data, "diag-tied", [k], [0], 4, min_members=least).fits
        assert (default.n_eligible, default.restart) == (same.n_eligible, same.restart)
        assert default.eligible == (default.counts.min() >= least)
    wide = [CovarianceType.smallest_cluster(1000, d, 4) for d in (8, 9, 10, 64)]
    assert wide == [10, 10, 11, 65]


def test_of_equally_good_restarts_the_first_is_kept():
    X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0.0], [1000.0]], 30, axis=0)
    fits = fit_experiments(prepare(X), "spher-tied", [2], range(5), 8).fits
    assert len({round(fit.bic, 6) for fit in fits}) == 1
    assert [fit.restart for fit in fits] == [0] * 5
