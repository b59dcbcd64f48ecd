"""Single points under a fitted mixture, against scipy's multivariate normal."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from kmeans_core import (
    COVARIANCE_TYPES,
    DISTANCES,
    ClusterModel,
    assign,
    fit_experiments,
    mixture_log_likelihood,
    prepare,
    score_points,
)

pytestmark = pytest.mark.usefixtures("every_kernel")


def fitted(
    points: np.ndarray, covariance_type: str, n_clusters: int = 3, distance: str = "likelihood"
) -> tuple[ClusterModel, np.ndarray]:
    """A model of the points, and their prepared columns."""
    data = prepare(points)
    (fit,) = fit_experiments(data, covariance_type, [n_clusters], [0], 3, distance=distance).fits
    return fit.model, np.ascontiguousarray(data.columns)


def terms(model: ClusterModel, columns: np.ndarray) -> np.ndarray:
    """log pi_j + log N(x; m_j, S_j), (n, K), one normal distribution after the other."""
    found = np.full((columns.shape[1], model.n_clusters), -np.inf)
    for j, (weight, mean, covariance) in enumerate(
        zip(model.weights, model.means, model.full_covariances(), strict=True)
    ):
        if weight > 0:
            density = multivariate_normal(mean, covariance).logpdf(columns.T)
            found[:, j] = np.log(weight) + density
    return found


def check(model: ClusterModel, columns: np.ndarray, distance: str) -> None:
    """Labels are those of `assign`, the rest is the definition."""
    scores = score_points(model, columns, distance)
    expected = terms(model, columns)
    total = logsumexp(expected, axis=1)
    labels = assign(model, columns, distance)
    own = expected[np.arange(len(labels)), labels]
    assert scores.labels.dtype == labels.dtype
    np.testing.assert_array_equal(scores.labels, labels)
    np.testing.assert_allclose(scores.log_likelihoods, total, rtol=1e-10)
    np.testing.assert_allclose(scores.certainties, np.exp(own - total), rtol=1e-9, atol=1e-12)
    assert scores.certainties.max() <= 1.0


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_labels_certainties_and_likelihoods_equal_the_definition(
    overlapping, covariance_type, distance
):
    model, columns = fitted(overlapping, covariance_type, distance=distance)
    check(model, columns, distance)
    certainties = score_points(model, columns, distance).certainties
    # Neither everywhere sure nor nowhere: otherwise little was compared.
    assert certainties.min() < 0.7
    assert certainties.max() > 0.99


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_the_likelihoods_add_up_to_the_mixtures(overlapping, covariance_type):
    model, columns = fitted(overlapping, covariance_type)
    scores = score_points(model, columns)
    whole = mixture_log_likelihood(model, columns)
    assert scores.log_likelihoods.sum() == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_other_points_than_those_of_the_fit(overlapping, covariance_type):
    model, _ = fitted(overlapping, covariance_type)
    elsewhere = np.random.default_rng(3).normal(size=(3, 1_111)) * 4
    check(model, elsewhere, "likelihood")
    check(model, elsewhere, "mahalanobis")


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_of_one_cluster_everybody_is_certain(overlapping, covariance_type):
    model, columns = fitted(overlapping, covariance_type, n_clusters=1)
    scores = score_points(model, columns)
    assert set(scores.labels) == {0}
    np.testing.assert_allclose(scores.certainties, 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_a_cluster_without_points_takes_no_part(overlapping, covariance_type, distance):
    """It has weight 0; nobody is assigned to it, and nobody's certainty is the less."""
    model, columns = fitted(overlapping, covariance_type, n_clusters=2, distance=distance)
    spare = {
        "weights": np.append(model.weights, 0.0),
        "means": np.vstack([model.means, np.zeros((1, 3))]),
    }
    if not covariance_type.endswith("-tied"):
        last = np.asarray(model.covariances)[-1:]
        spare["covariances"] = np.concatenate([model.covariances, last])
    with_empty = dataclasses.replace(model, **spare)
    without = score_points(model, columns, distance)
    scores = score_points(with_empty, columns, distance)
    np.testing.assert_allclose(scores.log_likelihoods, without.log_likelihoods, rtol=1e-12)
    if distance == "likelihood":  # plain distances do not know of weights
        assert set(scores.labels) <= {0, 1}
        np.testing.assert_array_equal(scores.labels, without.labels)
        np.testing.assert_allclose(scores.certainties, without.certainties, atol=1e-12)
    else:
        assert np.all(scores.certainties[scores.labels == 2] == 0.0)
        others = scores.labels != 2
        np.testing.assert_allclose(
            scores.certainties[others], without.certainties[others], atol=1e-12
        )


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_far_away_points_are_compared_by_what_is_left_of_their_densities(
    overlapping, covariance_type
):
    """Every density is 0 as a number there; their ratios are not."""
    model, _ = fitted(overlapping, covariance_type)
    far = np.array([[200.0, -300.0, 0.0, 40.0], [150.0, 80.0, -500.0, 40.0], [9.0, 1.0, 0.0, 40.0]])
    assert terms(model, far).max() < -745.2  # exp of that is 0
    scores = score_points(model, far)
    expected = terms(model, far)
    total = logsumexp(expected, axis=1)
    own = expected[np.arange(4), assign(model, far)]
    np.testing.assert_allclose(scores.log_likelihoods, total, rtol=1e-10)
    np.testing.assert_allclose(scores.certainties, np.exp(own - total), atol=1e-6)
    assert scores.certainties.min() > 0.3


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_where_squares_overflow_nothing_is_certain(overlapping, covariance_type):
    model, columns = fitted(overlapping, covariance_type)
    columns[:, 7] = [1e200, -1e200, 1e200]
    scores = score_points(model, columns)
    assert (scores.certainties[7], scores.log_likelihoods[7]) == (0.0, -np.inf)
    near = np.delete(columns, 7, axis=1)
    np.testing.assert_array_equal(np.delete(scores.labels, 7), assign(model, near))
    assert np.isfinite(np.delete(scores.log_likelihoods, 7)).all()


def test_threads_and_memory_order_change_nothing(overlapping):
    model, columns = fitted(overlapping, "full-untied")
    one = score_points(model, columns)
    other = score_points(model, np.asfortranarray(columns), n_threads=3)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_allclose(one.certainties, other.certainties, rtol=1e-12)
    np.testing.assert_allclose(one.log_likelihoods, other.log_likelihoods, rtol=1e-12)


def test_points_of_another_shape_and_unknown_distances_are_refused(overlapping):
    model, columns = fitted(overlapping, "diag-tied")
    with pytest.raises(ValueError, match=r"shape \(3, n\); got \(2, 240\)"):
        score_points(model, columns[:2])
    with pytest.raises(ValueError, match="distance"):
        score_points(model, columns, "euclidean")
