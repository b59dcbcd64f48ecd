"""The estimator's side of scikit-learn's conventions."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from kmeans_core import COVARIANCE_TYPES, MahalanobisKMeans
from kmeans_core.fitting import experiments
from kmeans_core.kernels.native import binding, crew
from tests.waiting import WAIT_S


class Inheriting(ClusterMixin, MahalanobisKMeans, BaseEstimator):
    """With scikit-learn's base classes: its checks of clusterers then run as well."""


# scikit-learn warns that the estimator does not inherit from its base class, which is the point.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        MahalanobisKMeans(),
        Inheriting(distance="mahalanobis"),
        *(Inheriting(covariance_type=covariance_type) for covariance_type in COVARIANCE_TYPES),
    ],
    ids=lambda e: f"{type(e).__name__}-{e.covariance_type}-{e.distance}",
)
def test_check_estimator(estimator):
    check_estimator(estimator)


def test_package_needs_no_scikit_learn():
    code = (
        "import sys, kmeans_core; m = kmeans_core.MahalanobisKMeans(1).fit([[0.], [1.]]);"
        "heavy = {'sklearn', 'scipy', 'pandas'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=WAIT_S)


def test_names_shapes_and_types(overlapping):
    model = MahalanobisKMeans(n_clusters=4, n_init=3, random_state=1).fit(overlapping)
    shapes = {
        "labels_": (240,),
        "cluster_centers_": (4, 3),
        "covariances_": (4, 3, 3),
        "weights_": (4,),
        "counts_": (4,),
    }
    assert {name: getattr(model, name).shape for name in shapes} == shapes
    assert model.labels_.dtype == np.int32
    for name in ("log_likelihood_", "classification_log_likelihood_", "bic_", "aic_", "icl_"):
        assert type(getattr(model, name)) is float
    assert type(model.n_iter_) is int
    assert type(model.converged_) is bool
    assert type(model.eligible_) is bool
    assert model.n_features_in_ == 3
    assert model.score(overlapping) == pytest.approx(model.log_likelihood_ / 240, rel=1e-12)
    np.testing.assert_array_equal(model.fit_predict(overlapping), model.labels_)


@pytest.mark.parametrize(
    ("covariance_type", "theirs"),
    [
        ("full-untied", "full"),
        ("diag-untied", "diag"),
        ("spher-untied", "spherical"),
        ("full-tied", "tied"),
    ],
)
def test_scores_are_minus_half_of_gaussian_mixtures(overlapping, covariance_type, theirs):
    model = MahalanobisKMeans(3, covariance_type).fit(overlapping)
    oracle = GaussianMixture(3, covariance_type=theirs)
    inverses = np.linalg.inv(model.covariances_)
    compact = {
        "full": inverses,
        "tied": inverses[0],
        "diag": np.diagonal(inverses, axis1=1, axis2=2),
        "spherical": inverses[:, 0, 0],
    }[theirs]
    oracle.weights_, oracle.means_ = model.weights_, model.cluster_centers_
    oracle.covariances_ = compact
    oracle.precisions_cholesky_ = (
        np.linalg.cholesky(compact) if theirs in ("full", "tied") else np.sqrt(compact)
    )
    assert model.bic_ == pytest.approx(-0.5 * oracle.bic(overlapping), rel=1e-9)
    assert model.aic_ == pytest.approx(-0.5 * oracle.aic(overlapping), rel=1e-9)


def test_data_frame_names(overlapping):
    frame = pd.DataFrame(overlapping, columns=["ec", "clay", "ph"])
    model = MahalanobisKMeans(2).fit(frame)
    assert model.feature_names_in_.tolist() == ["ec", "clay", "ph"]
    np.testing.assert_array_equal(model.predict(frame), model.labels_)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["clay", "ec", "ph"]])
    with pytest.raises(TypeError, match="all of them are strings"):
        model.fit(frame.rename(columns={"ph": 3}))
    model.fit(overlapping)
    assert not hasattr(model, "feature_names_in_")
    frame.loc[0, "clay"] = np.nan
    with pytest.raises(ValueError, match="Column 'clay' contains NaN"):
        model.fit(frame)


def test_not_fitted(overlapping):
    for call in ("predict", "score"):
        with pytest.raises(NotFittedError, match=r"not fitted yet\. Call fit"):
            getattr(MahalanobisKMeans(), call)(overlapping)


@pytest.mark.parametrize(
    ("column", "error", "expected"),
    [
        (["a"] * 240, ValueError, r"Column 'soil' holds 'a', which is not a number \("),
        ([b"\xff"] * 240, ValueError, r"Column 'soil' holds b'\\xff', which is not a number \("),
        (pd.array([1, None] * 120, dtype="Int64"), TypeError, "Column 'soil' holds <NA>, which"),
        (pd.date_range("2020", periods=240), TypeError, "Column 'soil' holds Timestamp"),
    ],
    ids=["text", "bytes", "missing", "dates"],
)
def test_values_that_are_no_numbers_name_the_column(overlapping, column, error, expected):
    frame = pd.DataFrame(overlapping, columns=["ec", "clay", "ph"])
    model = MahalanobisKMeans(2).fit(frame)
    frame["ph"] = column
    with pytest.raises(error, match=r"Column 'ph' holds .* Leave the column out"):
        model.predict(frame)
    with pytest.raises(error, match=expected):
        MahalanobisKMeans(2).fit(frame.rename(columns={"ph": "soil"}))


def test_dates_are_not_numbers():
    with pytest.raises(TypeError, match="Dates and durations not supported"):
        MahalanobisKMeans(1).fit(np.array([["2020-01-01"], ["NaT"]], dtype="datetime64[D]"))


def test_masked_values_are_missing(overlapping):
    masked = np.ma.masked_greater(overlapping, overlapping.max() - 1e-9)
    with pytest.raises(ValueError, match=r"contains NaN: 1 of 240"):
        MahalanobisKMeans(2).fit(masked)
    whole = np.ma.masked_greater(overlapping, np.inf)
    reference = MahalanobisKMeans(2).fit(overlapping)
    np.testing.assert_array_equal(MahalanobisKMeans(2).fit(whole).labels_, reference.labels_)


def test_predict_goes_by_the_rule_of_the_fit(overlapping):
    model = MahalanobisKMeans(3, "spher-untied").fit(overlapping)
    other = MahalanobisKMeans(3, "spher-untied", distance="mahalanobis").fit(overlapping)
    assert (other.labels_ != model.labels_).any()
    model.set_params(distance="mahalanobis")
    np.testing.assert_array_equal(model.predict(overlapping), model.labels_)
    np.testing.assert_array_equal(model.fit(overlapping).predict(overlapping), other.labels_)


def test_threads_by_default_are_the_cores_that_may_be_used(monkeypatch, overlapping):
    asked: list[int] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, n_threads: int) -> None:
            asked.append(n_threads)
            super().__init__(n_threads)

    def call_with_help(library, n_threads, *arguments):
        if n_threads > 1:
            asked.append(n_threads)
        crew.call_with_help(library, n_threads, *arguments)

    monkeypatch.setattr(experiments, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(binding, "call_with_help", call_with_help)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    X = np.tile(overlapping, (60, 1))
    MahalanobisKMeans(5, max_iter=2).fit(X)
    assert max(asked) == 3
    asked.clear()
    MahalanobisKMeans(5, max_iter=2).fit(X[:240])
    assert asked == []


def test_pickle_clone_pipeline(overlapping):
    model = MahalanobisKMeans(3, "diag-tied", random_state=4).fit(overlapping)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(overlapping), model.labels_)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "labels_")
    assert repr(copy.set_params(n_clusters=7)).startswith("MahalanobisKMeans(covariance_type='diag")
    with pytest.raises(ValueError, match="Invalid parameter 'k'"):
        copy.set_params(k=3)
    pipeline = make_pipeline(StandardScaler(), MahalanobisKMeans(3)).fit(overlapping)
    assert pipeline.predict(overlapping).shape == (240,)


def test_random_state_kinds(overlapping):
    def fit(random_state):
        return MahalanobisKMeans(6, n_init=1, random_state=random_state).fit(overlapping)

    np.testing.assert_array_equal(fit(3).labels_, fit(np.int64(3)).labels_)
    for make in (np.random.RandomState, np.random.default_rng):
        np.testing.assert_array_equal(fit(make(5)).labels_, fit(make(5)).labels_)
    assert len({fit(seed).bic_ for seed in range(5)}) > 1
    assert len({fit(None).bic_ for _ in range(8)}) > 1


def test_initial_centres_are_taken_in_the_units_of_the_data(overlapping):
    X = overlapping * 1e5 + 1e7
    init = X[[0, 100, 200]]
    model = MahalanobisKMeans(3, "full-tied", init=init, max_iter=1).fit(X)
    same = MahalanobisKMeans(3, "full-tied", init=overlapping[[0, 100, 200]], max_iter=1)
    np.testing.assert_array_equal(model.labels_, same.fit(overlapping).labels_)


@pytest.mark.parametrize(
    "settings", [{"max_iter": 10**30}, {"n_threads": 5000}, {"max_iter": np.int64(300)}]
)
def test_settings_of_any_size_are_taken_for_what_they_are(settings, overlapping):
    model = MahalanobisKMeans(3, **settings).fit(overlapping)
    reference = MahalanobisKMeans(3).fit(overlapping)
    assert (model.n_iter_, model.converged_) == (reference.n_iter_, True)
    np.testing.assert_array_equal(model.labels_, reference.labels_)
