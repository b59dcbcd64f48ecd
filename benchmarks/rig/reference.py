"""K-means under Mahalanobis distance as it is usually written: NumPy and SciPy, one fit at a time.

One `cdist` with an inverse covariance per cluster and iteration, a mask per cluster for its mean
and covariance, all of it again in every iteration. It is what the figures are compared with, and
finds the same clusters as `kmeans_core` from the same seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp


@dataclass(frozen=True, slots=True)
class ReferenceFit:
    """labels (n,), iterations, and the log-likelihoods at the last parameters."""

    labels: np.ndarray
    n_iter: int
    classification_log_likelihood: float
    log_likelihood: float


def fit(
    X: np.ndarray, centres: np.ndarray, covariance_type: str, max_iter: int = 300
) -> ReferenceFit:
    """Fit from `centres` (K, d) to X (n, d); the first assignment is to the nearest centre."""
    n, d = X.shape
    labels = cdist(X, centres).argmin(axis=1)
    means, covariances = centres.copy(), np.stack([np.eye(d)] * len(centres))
    n_iter, moving = 0, True
    while moving and n_iter < max_iter:
        n_iter += 1
        weights, means, covariances = _parameters(X, labels, means, covariances, covariance_type)
        scores = _scores(X, weights, means, covariances)
        previous, labels = labels, scores.argmax(axis=1)
        moving = bool((labels != previous).any())
    best = scores[np.arange(n), labels]
    return ReferenceFit(labels, n_iter, float(best.sum()), float(logsumexp(scores, axis=1).sum()))


def _parameters(
    X: np.ndarray,
    labels: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    covariance_type: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """weights (K,), means (K, d), covariances (K, d, d); a cluster with too few
    members for a covariance keeps what it had."""
    n, d = X.shape
    shape, sharing = covariance_type.split("-")
    n_clusters = len(means)
    weights = np.empty(n_clusters)
    means, covariances = means.copy(), covariances.copy()
    pooled = np.zeros((d, d))
    for j in range(n_clusters):
        members = X[labels == j]
        weights[j] = max(len(members), 1) / n
        if len(members) <= (0 if sharing == "tied" else d):
            continue
        means[j] = members.mean(axis=0)
        own = np.cov(members, rowvar=False, bias=True).reshape(d, d)
        pooled += len(members) / n * own
        covariances[j] = _shaped(own, shape)
    if sharing == "tied":
        covariances[:] = _shaped(pooled, shape)
    return weights, means, covariances


def _shaped(covariance: np.ndarray, shape: str) -> np.ndarray:
    if shape == "full":
        return covariance
    if shape == "diag":
        return np.diag(np.diag(covariance))
    return np.eye(len(covariance)) * np.trace(covariance) / len(covariance)


def _scores(
    X: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray
) -> np.ndarray:
    """(n, K) log weight + log density."""
    d = X.shape[1]
    scores = np.empty((len(X), len(means)))
    for j, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        inverse = np.linalg.inv(covariance)
        distance = cdist(X, mean[None], "mahalanobis", VI=inverse)[:, 0]
        log_determinant = np.linalg.slogdet(covariance)[1]
        scores[:, j] = np.log(weights[j]) - 0.5 * (
            distance**2 + log_determinant + d * np.log(2 * np.pi)
        )
    return scores
