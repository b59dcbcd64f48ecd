"""Degenerate data: a defined result, counted, or an error that names the problem and the remedy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmeans_core import COVARIANCE_TYPES, MahalanobisKMeans, assign, fit_experiments, prepare
from kmeans_core.model.flooring import Floor
from kmeans_core.model.sweeping import certainly_above, invert

pytestmark = pytest.mark.usefixtures("kernel")


def _assert_defined(model: MahalanobisKMeans, X: np.ndarray) -> None:
    scores = [model.bic_, model.aic_, model.icl_, model.score(X), model.log_likelihood_]
    assert np.isfinite(scores).all()
    assert np.isfinite(model.cluster_centers_).all()
    assert (np.linalg.eigvalsh(model.covariances_) > 0).all()
    assert model.counts_.sum() == len(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
class TestDefinedResults:
    def test_constant_column(self, covariance_type, overlapping):
        X = np.column_stack([overlapping[:, 0], np.full(240, 1e8 / 3), overlapping[:, 1]])
        model = MahalanobisKMeans(3, covariance_type).fit(X)
        _assert_defined(model, X)
        np.testing.assert_array_equal(model.cluster_centers_[:, 1], 1e8 / 3)
        assert (model.n_floored_ > 0) == (not covariance_type.startswith("spher"))

    def test_duplicate_columns(self, covariance_type, overlapping):
        X = overlapping[:, [0, 1, 0, 0]]
        model = MahalanobisKMeans(3, covariance_type).fit(X)
        _assert_defined(model, X)
        assert (model.n_floored_ > 0) == covariance_type.startswith("full")

    def test_all_columns_constant(self, covariance_type):
        X = np.full((12, 2), -3.5)
        model = MahalanobisKMeans(1, covariance_type).fit(X)
        _assert_defined(model, X)
        assert model.n_floored_ == 1
        assert model.covariances_[0] == pytest.approx(1e-6 * np.eye(2))

    def test_one_column(self, covariance_type, overlapping):
        X = overlapping[:, :1]
        model = MahalanobisKMeans(4, covariance_type).fit(X)
        _assert_defined(model, X)
        assert model.covariances_.shape == (4, 1, 1)

    def test_one_column_is_the_same_for_every_shape(self, covariance_type, overlapping):
        sharing = covariance_type.split("-")[1]
        model = MahalanobisKMeans(4, covariance_type).fit(overlapping[:, :1])
        other = MahalanobisKMeans(4, f"spher-{sharing}").fit(overlapping[:, :1])
        assert model.bic_ == pytest.approx(other.bic_, rel=1e-12)

    def test_more_columns_than_rows(self, covariance_type):
        X = np.random.default_rng(0).normal(size=(8, 20))
        model = MahalanobisKMeans(2, covariance_type, min_members=3).fit(X)
        _assert_defined(model, X)
        assert (model.n_floored_ > 0) == covariance_type.startswith("full")

    def test_as_many_clusters_as_rows(self, covariance_type):
        X = np.random.default_rng(1).normal(size=(9, 2))
        model = MahalanobisKMeans(9, covariance_type, distance="mahalanobis").fit(X)
        _assert_defined(model, X)
        assert model.counts_.tolist() == [1] * 9

    def test_one_row(self, covariance_type):
        model = MahalanobisKMeans(1, covariance_type).fit([[4.0, 5.0]])
        _assert_defined(model, np.array([[4.0, 5.0]]))
        assert model.cluster_centers_.tolist() == [[4.0, 5.0]]

    def test_far_outlier(self, covariance_type, overlapping):
        X = np.concatenate([overlapping, [[1e12, -1e12, 1e12]]])
        _assert_defined(MahalanobisKMeans(3, covariance_type).fit(X), X)


class TestErrors:
    def test_more_clusters_than_rows(self, overlapping):
        expected = "n_clusters=241 .*n_samples=240.* at most 240 clusters"
        with pytest.raises(ValueError, match=expected):
            MahalanobisKMeans(241).fit(overlapping)
        with pytest.raises(ValueError, match=expected):
            fit_experiments(prepare(overlapping), "full-tied", [2, 241], [0], 1)

    @pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
    def test_not_finite_names_the_column(self, overlapping, value, word):
        X = overlapping.copy()
        X[[3, 7], 1] = value
        with pytest.raises(ValueError, match=f"'clay' contains {word}: 2 of 240 .*Drop those rows"):
            prepare(X, column_names=["ec", "clay", "elevation"])
        with pytest.raises(ValueError, match=f"Column 1 contains {word}"):
            MahalanobisKMeans(2).fit(X)
        model = MahalanobisKMeans(2).fit(overlapping)
        with pytest.raises(ValueError, match=f"Column 1 contains {word}"):
            model.predict(X)

    def test_squares_that_overflow(self):
        with pytest.raises(ValueError, match=r"Column 'b' .*too large.*Divide"):
            prepare([[1.0, 1e308], [2.0, -1e308], [0.0, 0.0]], column_names=["a", "b"])

    @pytest.mark.parametrize("shape", [(0, 3), (4, 0), (5,), (2, 2, 2)])
    def test_not_a_table(self, shape):
        with pytest.raises(ValueError, match="at least one row and one column"):
            prepare(np.zeros(shape))

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"n_clusters": 0}, "n_clusters must be at least 1; got 0"),
            ({"n_clusters": 2.5}, "n_clusters must be a whole number; got 2.5"),
            ({"covariance_type": "full"}, "full-tied, diag-tied, .*; got 'full'"),
            ({"distance": "euclid"}, "likelihood, mahalanobis; got 'euclid'"),
            ({"n_init": 0}, "restarts must be at least 1"),
            ({"max_iter": 0}, "max_iter must be at least 1"),
            ({"min_members": 0}, "min_members must be at least 1 or None"),
            ({"reg_covar": True}, "reg_covar must be a number; got True"),
            ({"reg_covar": -1.0}, "reg_covar.*must be from 1e-12 to 1; got -1.0"),
            ({"n_threads": 0}, "n_threads must be at least 1 or None"),
            ({"random_state": "x"}, "random_state must be None"),
            ({"random_state": -1}, "random_state must be None"),
            ({"init": "random"}, 'init must be "k-means\\+\\+" or an array'),
            ({"init": [[0.0, 0.0]]}, r"\(4, 3\) centres; got an array of shape \(1, 2\)"),
        ],
    )
    def test_settings(self, overlapping, settings, expected):
        with pytest.raises(ValueError, match=expected):
            MahalanobisKMeans(**settings).fit(overlapping)

    @pytest.mark.parametrize("experiments", [[0, 0], [-1], [3, 1, 3]])
    def test_experiments(self, overlapping, experiments):
        with pytest.raises(ValueError, match="experiments must be different whole numbers from 0"):
            fit_experiments(prepare(overlapping), "full-tied", [2], experiments, 1)

    def test_distance_of_an_assignment(self, overlapping):
        data = prepare(overlapping)
        (fit,) = fit_experiments(data, "full-tied", [2], [0], 1).fits
        with pytest.raises(ValueError, match=r"distance must be one of .*; got 'euclid'"):
            assign(fit.model, data.columns, "euclid")


class TestFlooring:
    @pytest.mark.parametrize("d", [1, 2, 3, 6])
    def test_floored_covariance_is_the_constrained_maximum(self, d):
        rng = np.random.default_rng(d)
        floor = Floor(reference=rng.uniform(0.5, 2.0, d), reg_covar=0.3)
        A = rng.normal(size=(d, d))
        S = A @ np.diag(np.r_[0.01, np.ones(d - 1)]) @ A.T
        (best,), (floored,) = floor.clip(S[None], "full")
        least = 0.3 * np.diag(floor.reference)
        assert floored
        assert np.linalg.eigvalsh(best - least).min() > -1e-12

        def likelihood(T: np.ndarray) -> float:
            return -np.linalg.slogdet(T)[1] - float(np.trace(np.linalg.solve(T, S)))

        for _ in range(200):
            B = rng.normal(size=(d, d)) * rng.choice([0.03, 0.3])
            # A step from the optimum, brought back into the allowed set by mixing.
            other = best + B @ B.T * rng.choice([0.1, 1.0])
            mixed = least + 0.9 * (best - least) + 0.1 * np.diag(rng.uniform(0, 1, d))
            assert likelihood(best) >= likelihood(other) - 1e-10
            assert likelihood(best) >= likelihood(mixed) - 1e-10

    def test_nothing_is_changed_above_the_floor(self):
        S = np.cov(np.random.default_rng(0).normal(size=(4, 50)))
        same, floored = Floor(np.ones(4), 1e-6).clip(S[None], "full")
        np.testing.assert_array_equal(same[0], S)
        assert not floored.any()

    @settings(max_examples=200, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), d=st.integers(1, 6), exponent=st.floats(-12, 0))
    def test_the_cheap_test_never_misses(self, seed, d, exponent):
        rng = np.random.default_rng(seed)
        rotation, _ = np.linalg.qr(rng.normal(size=(d, d)))
        values = 10.0 ** rng.uniform(-13, 1, d)
        S = rotation @ np.diag(values) @ rotation.T
        S = 0.5 * (S + S.T)
        least = 10.0**exponent
        if np.linalg.eigvalsh(S).min() < least:
            assert not certainly_above(S[None], least)[0]
        if np.linalg.eigvalsh(S).min() > 1.01 * least + 1e-12 * np.trace(S):
            assert certainly_above(S[None], least)[0]

    def test_a_collapsed_cluster_is_counted(self, overlapping):
        X = np.concatenate([overlapping, np.tile([50.0, 50.0, 50.0], (30, 1))])
        for covariance_type in COVARIANCE_TYPES:
            model = MahalanobisKMeans(4, covariance_type).fit(X)
            assert 30 in model.counts_
            assert model.n_floored_ == (1 if covariance_type.endswith("untied") else 0)


@pytest.mark.parametrize("d", [1, 2, 3, 8, 20])
def test_inverse_and_determinant_of_a_stack(d):
    A = np.random.default_rng(d).normal(size=(7, 3, d, 2 * d))
    S = A @ np.swapaxes(A, -1, -2)
    inverse, log_determinant = invert(S)
    np.testing.assert_allclose(inverse, np.linalg.inv(S), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(log_determinant, np.linalg.slogdet(S)[1], rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(inverse, np.swapaxes(inverse, -1, -2))
    np.testing.assert_array_equal(invert(S[2:3, 1:2])[0][0, 0], inverse[2, 1])
