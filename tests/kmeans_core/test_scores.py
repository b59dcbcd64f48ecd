"""Scores against scipy's multivariate normal and parameters counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from kmeans_core import (
    COVARIANCE_TYPES,
    MahalanobisKMeans,
    assign,
    fit_experiments,
    mixture_log_likelihood,
    n_parameters,
    prepare,
)

pytestmark = pytest.mark.usefixtures("kernel")


def _maximum_likelihood_covariance(X: np.ndarray, shape: str) -> np.ndarray:
    S = np.cov(X.T, bias=True).reshape(X.shape[1], X.shape[1])
    if shape == "full":
        return S
    if shape == "diag":
        return np.diag(np.diag(S))
    return np.eye(len(S)) * np.trace(S) / len(S)


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_one_cluster_is_the_multivariate_normal(overlapping, covariance_type, standardise):
    X = overlapping * [1e-3, 40.0, 1.0] + [-120.67, 90.0, 5.0]
    in_units = (X - X.mean(axis=0)) / X.std(axis=0) if standardise else X
    covariance = _maximum_likelihood_covariance(in_units, covariance_type.split("-")[0])
    expected = multivariate_normal(in_units.mean(axis=0), covariance).logpdf(in_units).sum()

    (fit,) = fit_experiments(prepare(X, standardise), covariance_type, [1], [0], 3).fits

    assert fit.log_likelihood == pytest.approx(expected, rel=1e-9)
    assert fit.classification_log_likelihood == pytest.approx(expected, rel=1e-9)
    assert fit.counts.tolist() == [len(X)]


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("distance", ["likelihood", "mahalanobis"])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_likelihoods_equal_direct_evaluation(overlapping, covariance_type, distance, standardise):
    X = overlapping * [1.0, 3.0, 0.5] + [0.0, 50.0, -7.0]
    data = prepare(X, standardise)
    batch = fit_experiments(data, covariance_type, [2, 5], [0, 1], 3, distance=distance)
    assert [(f.n_clusters, f.experiment) for f in batch.fits] == [(2, 0), (2, 1), (5, 0), (5, 1)]
    for fit in batch.fits:
        # Everything in the units that scores refer to, from labels and parameters alone.
        scale = np.ones(3) if standardise else data.preparation.scale
        points = data.columns.T * scale
        labels = assign(fit.model, data.columns, distance)
        covariances = fit.model.full_covariances() * np.outer(scale, scale)
        terms = np.column_stack(
            [
                np.log(weight) + multivariate_normal(mean * scale, covariance).logpdf(points)
                for weight, mean, covariance in zip(
                    fit.model.weights, fit.model.means, covariances, strict=True
                )
            ]
        )
        assert fit.counts.tolist() == np.bincount(labels, minlength=fit.n_clusters).tolist()
        assert fit.log_likelihood == pytest.approx(logsumexp(terms, axis=1).sum(), rel=1e-10)
        assert fit.classification_log_likelihood == pytest.approx(
            terms[np.arange(len(labels)), labels].sum(), rel=1e-10
        )


@pytest.mark.parametrize(
    ("covariance_type", "expected"),
    # K = 4, d = 3: 3 weights + 12 means + covariances
    [
        ("full-tied", 15 + 6),
        ("diag-tied", 15 + 3),
        ("spher-tied", 15 + 1),
        ("full-untied", 15 + 24),
        ("diag-untied", 15 + 12),
        ("spher-untied", 15 + 4),
    ],
)
def test_criteria_from_parameters_counted_by_hand(overlapping, covariance_type, expected):
    (fit,) = fit_experiments(prepare(overlapping), covariance_type, [4], [0], 2).fits
    penalty = expected / 2 * np.log(240)
    assert n_parameters(covariance_type, 4, 3) == fit.n_parameters == expected
    assert fit.bic == pytest.approx(fit.log_likelihood - penalty, rel=1e-14)
    assert fit.aic == pytest.approx(fit.log_likelihood - expected, rel=1e-14)
    assert fit.icl == pytest.approx(fit.classification_log_likelihood - penalty, rel=1e-14)
    assert fit.icl <= fit.bic


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_parameters_are_the_moments_of_the_labels(overlapping, covariance_type):
    model = MahalanobisKMeans(3, covariance_type, n_init=3).fit(overlapping)
    shape, sharing = covariance_type.split("-")
    own = [_maximum_likelihood_covariance(overlapping[model.labels_ == k], shape) for k in range(3)]
    pooled = np.einsum("k,kij->ij", model.weights_, own)
    expected = own if sharing == "untied" else [pooled] * 3
    means = [overlapping[model.labels_ == k].mean(axis=0) for k in range(3)]
    assert model.converged_
    np.testing.assert_allclose(model.cluster_centers_, means, rtol=1e-9)
    np.testing.assert_allclose(model.weights_, np.bincount(model.labels_) / 240, rtol=1e-14)
    np.testing.assert_allclose(model.covariances_, expected, rtol=1e-8, atol=1e-9)


def test_mixture_log_likelihood_of_a_model(overlapping):
    data = prepare(overlapping)
    (fit,) = fit_experiments(data, "diag-untied", [3], [0], 2).fits
    assert mixture_log_likelihood(fit.model, data.columns) == fit.log_likelihood
    halves = [
        mixture_log_likelihood(fit.model, data.columns[:, s])
        for s in (slice(100), slice(100, None))
    ]
    assert sum(halves) == pytest.approx(fit.log_likelihood, rel=1e-12)


def test_clusters_are_ordered_by_size(draw):
    X, _ = draw("full-untied")
    data = prepare(np.concatenate([X, X[X[:, 0] > 5]]))
    for covariance_type in COVARIANCE_TYPES:
        for fit in fit_experiments(data, covariance_type, [4], range(3), 3).fits:
            assert fit.counts.tolist() == sorted(fit.counts.tolist(), reverse=True)
            labels = assign(fit.model, data.columns)
            assert fit.counts.tolist() == np.bincount(labels, minlength=4).tolist()
            np.testing.assert_allclose(fit.model.weights, fit.counts / data.n_rows)
            for k in range(4):
                own = data.columns[:, labels == k]
                np.testing.assert_allclose(fit.model.means[k], own.mean(axis=1), atol=1e-12)
                if covariance_type == "full-untied":
                    np.testing.assert_allclose(
                        fit.model.covariances[k], np.cov(own, bias=True), atol=1e-12
                    )


def test_of_equally_large_clusters_the_lower_mean_comes_first():
    rng = np.random.default_rng(0)
    centres = np.array([[9.0, 9.0], [0.0, 9.0], [9.0, 0.0], [0.0, 0.0]])
    X = np.repeat(centres, 20, axis=0) + 0.1 * rng.normal(size=(80, 2))
    (fit,) = fit_experiments(prepare(X), "spher-untied", [4], [0], 9).fits
    assert fit.counts.tolist() == [20] * 4
    firsts = fit.model.means[:, 0]
    assert (np.diff(firsts) > 0).all()
