"""What must not change the result: origin, order of rows, units, memory layout, number type."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kmeans_core import COVARIANCE_TYPES, MahalanobisKMeans, fit_experiments, prepare

_SCORES = ("log_likelihood_", "classification_log_likelihood_", "bic_", "aic_", "icl_")


def _scores(model: MahalanobisKMeans) -> np.ndarray:
    return np.array([getattr(model, name) for name in _SCORES])


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_shift(overlapping, covariance_type):
    # Steps of 1/1024 keep the shifted values exact, so that only the arithmetic is tested.
    X = np.round(overlapping * 1024) / 1024
    model = MahalanobisKMeans(3, covariance_type).fit(X)
    moved = MahalanobisKMeans(3, covariance_type).fit(X + np.array([1e8, -1e6, 12.0]))
    np.testing.assert_array_equal(moved.labels_, model.labels_)
    np.testing.assert_allclose(_scores(moved), _scores(model), rtol=1e-9)
    np.testing.assert_allclose(moved.covariances_, model.covariances_, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_order_of_rows(overlapping, covariance_type):
    order = np.random.default_rng(0).permutation(len(overlapping))
    init = overlapping[[5, 100, 200]]
    model = MahalanobisKMeans(3, covariance_type, init=init).fit(overlapping)
    other = MahalanobisKMeans(3, covariance_type, init=init).fit(overlapping[order])
    np.testing.assert_array_equal(other.labels_, model.labels_[order])
    np.testing.assert_allclose(_scores(other), _scores(model), rtol=1e-10)


@pytest.mark.parametrize(
    "covariance_type", [t for t in COVARIANCE_TYPES if not t.startswith("spher")]
)
def test_units_of_a_column(overlapping, covariance_type):
    units = np.array([1e-6, 2.54, 1e5])
    model = MahalanobisKMeans(3, covariance_type).fit(overlapping)
    other = MahalanobisKMeans(3, covariance_type).fit(overlapping * units)
    jacobian = -len(overlapping) * np.log(units).sum()
    np.testing.assert_array_equal(other.labels_, model.labels_)
    np.testing.assert_allclose(_scores(other), _scores(model) + jacobian, rtol=1e-9)
    np.testing.assert_allclose(
        other.covariances_, model.covariances_ * np.outer(units, units), rtol=1e-7
    )


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_one_common_unit(overlapping, covariance_type):
    model = MahalanobisKMeans(3, covariance_type).fit(overlapping)
    for unit in (1e-150, 1e-3, 1e9):
        other = MahalanobisKMeans(3, covariance_type).fit(overlapping * unit)
        jacobian = -overlapping.size * np.log(unit)
        np.testing.assert_array_equal(other.labels_, model.labels_)
        np.testing.assert_allclose(_scores(other), _scores(model) + jacobian, rtol=1e-9)
        np.testing.assert_allclose(other.cluster_centers_, model.cluster_centers_ * unit, rtol=1e-9)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_standardised_scores_do_not_depend_on_units(overlapping, covariance_type):
    (a,) = fit_experiments(prepare(overlapping), covariance_type, [4], [0], 5).fits
    (b,) = fit_experiments(
        prepare(overlapping * [1e-4, 1.0, 300.0] + [7.0, -2.0, 0.0]), covariance_type, [4], [0], 5
    ).fits
    assert b.bic == pytest.approx(a.bic, rel=1e-9)
    assert b.counts.tolist() == a.counts.tolist()


def test_unstandardised_equals_standardised_after_the_jacobian(overlapping):
    X = overlapping * [1.0, 1.2, 0.9]
    raw, standardised = prepare(X, standardise=False), prepare(X)
    jacobian = -len(X) * np.log(X.std(axis=0)).sum()
    for covariance_type in ("full-untied", "full-tied", "diag-untied", "diag-tied"):
        (a,) = fit_experiments(standardised, covariance_type, [1], [0], 1).fits
        (b,) = fit_experiments(raw, covariance_type, [1], [0], 1).fits
        assert b.log_likelihood == pytest.approx(a.log_likelihood + jacobian, rel=1e-10)


def test_fine_longitude_beside_coarse_conductivity(draw):
    X, truth = draw("full-untied")
    X = X * [0.001, 40.0] + [-120.67, 90.0]
    model = MahalanobisKMeans(3).fit(X)
    assert len({(a, b) for a, b in zip(truth, model.labels_, strict=True)}) < 8
    oracle = sum(
        np.log(model.weights_[k]) * c
        - 0.5 * c * (np.linalg.slogdet(2 * np.pi * np.e * model.covariances_[k])[1])
        for k, c in enumerate(model.counts_)
    )
    # At the fitted moments every squared distance averages d: C has this closed form.
    assert model.classification_log_likelihood_ == pytest.approx(oracle, rel=1e-9)


def test_layout_and_type_of_the_input(overlapping):
    X = np.round(overlapping * 16)
    reference = MahalanobisKMeans(3).fit(X)
    wide = np.zeros((480, 6))
    wide[::2, ::2] = X
    for same in (
        np.asfortranarray(X),
        wide[::2, ::2],
        X.astype(np.float32),
        X.astype(np.int16),
        X.tolist(),
        pd.DataFrame(X, columns=["a", "b", "c"]),
        X.astype(object),
    ):
        model = MahalanobisKMeans(3).fit(same)
        np.testing.assert_array_equal(model.labels_, reference.labels_)
        np.testing.assert_array_equal(model.cluster_centers_, reference.cluster_centers_)
        np.testing.assert_array_equal(model.predict(same), reference.labels_)
        assert model.bic_ == reference.bic_
    np.testing.assert_array_equal(X, np.round(overlapping * 16))


def test_preparation_maps_there_and_back(overlapping):
    X = overlapping * [1.0, 30.0, 0.01] + [5.0, -1e4, 0.0]
    for standardise in (True, False):
        data = prepare(X, standardise)
        assert data.columns.flags.c_contiguous
        assert data.columns.shape == (3, 240)
        np.testing.assert_array_equal(data.preparation.to_prepared(X), data.columns)
        np.testing.assert_allclose(
            data.preparation.means_to_data_units(data.columns.T), X, rtol=1e-12
        )
        np.testing.assert_allclose(data.columns.mean(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose(
            data.preparation.covariances_to_data_units(np.cov(data.columns, bias=True)[None])[0],
            np.cov(X.T, bias=True),
            rtol=1e-9,
        )
    np.testing.assert_allclose(prepare(X).columns.std(axis=1), 1)
    common = prepare(X, standardise=False)
    assert common.variances.mean() == pytest.approx(1.0)
    assert np.ptp(common.preparation.scale) == 0
    assert common.preparation.log_jacobian == pytest.approx(
        -3 * np.log(common.preparation.scale[0])
    )
