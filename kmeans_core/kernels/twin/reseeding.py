"""What happens to a cluster that has lost all its points."""

from __future__ import annotations

import numpy as np

from kmeans_core.model.features import fill_features
from kmeans_core.model.parameters import Parameters, estimate, precisions
from kmeans_core.model.problem import Problem
from kmeans_core.model.scoring import classification_log_likelihoods
from kmeans_core.points.arrays import FloatArray, LabelArray


def reseed_empty(problem: Problem, labels: LabelArray, statistics: FloatArray) -> int:
    """Move points into the empty clusters of one restart; labels (n,), statistics (K, F) in place.

    Each empty cluster takes the point with the lowest score under its own cluster. Under
    `likelihood` this is done only where it does not lower the classification likelihood, which
    therefore never decreases; under `mahalanobis`, where the point is off its centre at all. A
    cluster that finds no point stays empty, with weight 0. Returns the number of clusters reseeded.
    """
    parameters = estimate(problem, statistics[None])
    scores = _own_scores(problem, parameters, labels)
    for_likelihood = problem.distance == "likelihood"
    before = classification_log_likelihoods(problem, parameters, statistics[None])[0]
    n_moved = 0
    for empty in np.flatnonzero(statistics[:, 0] < 0.5):
        # A point that is alone in its cluster would only leave another one empty.
        alone = statistics[:, 0] < 1.5
        candidates = np.where(alone[labels], np.inf, scores)
        point = int(candidates.argmin())
        if candidates[point] == np.inf:
            break
        trial = _moved(problem, statistics, point, int(labels[point]), int(empty))
        if for_likelihood:
            after = classification_log_likelihoods(
                problem, estimate(problem, trial[None]), trial[None]
            )[0]
            if after < before:
                break
            before = after
        elif not _off_centre(problem, parameters, point, int(labels[point])):
            break
        statistics[...] = trial
        labels[point] = empty
        scores[point] = np.inf
        n_moved += 1
    return n_moved


def _moved(
    problem: Problem, statistics: FloatArray, point: int, source: int, target: int
) -> FloatArray:
    phi = np.empty((statistics.shape[1], 1))
    fill_features(problem.columns[:, point : point + 1], problem.covariance_type, phi)
    trial = statistics.copy()
    trial[source] -= phi[:, 0]
    trial[target] += phi[:, 0]
    return trial


def _off_centre(problem: Problem, parameters: Parameters, point: int, cluster: int) -> bool:
    offset = np.abs(problem.columns[:, point] - parameters.means[0, cluster])
    return bool((offset > 1e-9 * np.sqrt(problem.floor.reference)).any())


def _own_scores(problem: Problem, parameters: Parameters, labels: LabelArray) -> FloatArray:
    """(n,) score of each point under its own cluster, with the terms common to all clusters."""
    kind = problem.covariance_type
    d, n = problem.columns.shape
    inverse, log_determinant = precisions(parameters.covariances, kind.shape, d)
    scores = np.empty(n)
    for k, weight in enumerate(parameters.weights[0]):
        members = np.flatnonzero(labels == k)
        offset = problem.columns[:, members] - parameters.means[0, k][:, None]
        own = inverse[0, 0 if kind.tied else k]
        if kind.shape == "full":
            scaled = np.einsum("ij,jm->im", own, offset)
        else:
            scaled = (own[:, None] if kind.shape == "diag" else own) * offset
        scores[members] = -0.5 * np.einsum("im,im->m", scaled, offset)
        if problem.distance == "likelihood" and members.size:
            scores[members] += np.log(weight) - 0.5 * log_determinant[0, 0 if kind.tied else k]
    return scores
