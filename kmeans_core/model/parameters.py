"""From sufficient statistics T to parameters, and from parameters to theta; batched over restarts.

Throughout: R restarts, K clusters, d columns, C covariances per restart (1 when tied, else K).
Covariances have shape (R, C, d, d), (R, C, d) or (R, C) for full, diag and spher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.features import lower_triangle
from kmeans_core.model.problem import Problem
from kmeans_core.model.sweeping import invert
from kmeans_core.points.arrays import FloatArray, IntArray

NEVER = -1e300
"""The constant term of a cluster without points: below any score, yet finite and JSON-able."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """weights (R, K), means (R, K, d), covariances (see the module), n_floored (R,)."""

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray
    n_floored: IntArray

    def take(self, chosen: IntArray) -> Parameters:
        """The parameters of some restarts, chosen (M,) row numbers; a copy."""
        return Parameters(
            self.weights[chosen],
            self.means[chosen],
            self.covariances[chosen],
            self.n_floored[chosen],
        )

    @classmethod
    def joined(cls, parts: Sequence[Parameters]) -> Parameters:
        """Several stacks, at least one, as one."""
        return cls(
            np.concatenate([part.weights for part in parts]),
            np.concatenate([part.means for part in parts]),
            np.concatenate([part.covariances for part in parts]),
            np.concatenate([part.n_floored for part in parts]),
        )


def estimate(problem: Problem, statistics: FloatArray) -> Parameters:
    """The parameters that maximise the classification likelihood given T (R, K, F).

    A cluster without points gets weight 0, mean 0 and the overall covariance.
    """
    d, n = problem.columns.shape
    counts = statistics[..., 0]
    divisor = np.maximum(counts, 1.0)
    means = statistics[..., 1 : d + 1] / divisor[..., None]
    if problem.covariance_type.tied:
        scatter = problem.total_second_moment - _moment_of_means(problem, counts, means)
        per_point = n * d if problem.covariance_type.shape == "spher" else n
        raw = scatter[:, None] / per_point
    else:
        raw = _within_moments(problem, statistics, divisor, means)
        empty = counts == 0
        if empty.any():
            raw[empty] = problem.overall_covariance
    covariances, floored = problem.floor.clip(raw, problem.covariance_type.shape)
    return Parameters(counts / n, means, covariances, floored.sum(axis=1))


def _moment_of_means(problem: Problem, counts: FloatArray, means: FloatArray) -> FloatArray:
    """sum_j n_j m_j m_j' in the type's shape, per restart."""
    weighted = counts[..., None] * means
    shape = problem.covariance_type.shape
    if shape == "full":
        products: FloatArray = np.einsum("rki,rkj->rij", weighted, means)
        return products
    squares: FloatArray = (weighted * means).sum(axis=1)
    traces: FloatArray = squares.sum(axis=1)
    return squares if shape == "diag" else traces


def _within_moments(
    problem: Problem, statistics: FloatArray, divisor: FloatArray, means: FloatArray
) -> FloatArray:
    """Covariance of each cluster, before flooring, untied shapes."""
    d = problem.columns.shape[0]
    second = statistics[..., d + 1 :] / divisor[..., None]
    shape = problem.covariance_type.shape
    if shape == "diag":
        return second - means * means
    if shape == "spher":
        spread: FloatArray = (second[..., 0] - (means * means).sum(axis=2)) / d
        return spread
    rows, cols = lower_triangle(d)
    full = np.empty((*second.shape[:2], d, d))
    full[..., rows, cols] = second - means[..., rows] * means[..., cols]
    full[..., cols, rows] = full[..., rows, cols]
    return full


def precisions(covariances: FloatArray, shape: str, d: int) -> tuple[FloatArray, FloatArray]:
    """Inverses, in the shape of the covariances (see the module), and log-determinants (R, C)."""
    if shape == "spher":
        return 1.0 / covariances, d * np.log(covariances)
    if shape == "diag":
        return 1.0 / covariances, np.log(covariances).sum(axis=-1)
    # As correlations: columns of very different spread then cost no digits.
    spread = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
    metric = spread[..., :, None] * spread[..., None, :]
    inverse, log_determinant = invert(covariances / metric)
    return inverse / metric, log_determinant + 2.0 * np.log(spread).sum(axis=-1)


def thetas(parameters: Parameters, covariance_type: CovarianceType, distance: str) -> FloatArray:
    """Scores as linear functions of phi: (R, K, F), C order.

    `likelihood`: log weight - 1/2 log|S| - 1/2 squared Mahalanobis distance. `mahalanobis`: the
    last term alone. What all clusters of a tied type have in common is left out, as it decides
    nothing.
    """
    means = parameters.means
    n_restarts, n_clusters, d = means.shape
    shape = covariance_type.shape
    inverse, log_determinant = precisions(parameters.covariances, shape, d)
    if shape == "full":
        # A sum over j in fixed order; the matrices are too small for BLAS to help.
        linear = (inverse * means[..., None, :]).sum(axis=-1)
    else:
        linear = means * (inverse if shape == "diag" else inverse[..., None])
    theta = np.empty((n_restarts, n_clusters, covariance_type.n_features(d)))
    constant = -0.5 * (linear * means).sum(axis=-1)
    with np.errstate(divide="ignore"):
        log_weights = np.log(parameters.weights)
    if distance == "likelihood":
        constant += log_weights
        if not covariance_type.tied:
            constant -= 0.5 * log_determinant
    theta[..., 0] = np.where(parameters.weights > 0, constant, NEVER)
    theta[..., 1 : d + 1] = linear
    if not covariance_type.tied:
        second = theta[..., d + 1 :]
        if shape == "full":
            rows, cols = lower_triangle(d)
            second[...] = inverse[..., rows, cols]
            second *= np.where(rows == cols, -0.5, -1.0)
        else:
            second[...] = -0.5 * (inverse if shape == "diag" else inverse[..., None])
    return theta


def seed_thetas(centres: FloatArray, covariance_type: CovarianceType) -> FloatArray:
    """The first assignment, for all types: nearest centre. (R, K, d) prepared -> (R, K, F)."""
    n_restarts, n_clusters, d = centres.shape
    theta = np.zeros((n_restarts, n_clusters, covariance_type.n_features(d)))
    theta[..., 0] = -0.5 * (centres * centres).sum(axis=-1)
    theta[..., 1 : d + 1] = centres
    return theta
