"""Log-likelihoods and information criteria. Higher is better, everywhere in this package.

BIC = L - r/2 log n (Schwarz 1978), AIC = L - r (Akaike 1974), ICL = C - r/2 log n (Biernacki,
Celeux & Govaert 2000), with the mixture log-likelihood L, the classification log-likelihood C and r
free parameters. scikit-learn's `bic` and `aic` are these times -2.
"""

from __future__ import annotations

import numpy as np

from kmeans_core.model.components import LOG_2_PI
from kmeans_core.model.features import lower_triangle
from kmeans_core.model.parameters import Parameters, precisions
from kmeans_core.model.problem import Problem
from kmeans_core.points.arrays import FloatArray


def classification_log_likelihoods(
    problem: Problem, parameters: Parameters, statistics: FloatArray
) -> FloatArray:
    """C (R,) in prepared units from T (R, K, F) alone, at any parameters.

    C = sum_j n_j (log pi_j - d/2 log 2 pi - 1/2 log|S_j|) - 1/2 sum_j tr(inv(S_j) W_j), with W_j
    the scatter of cluster j around the *parameters'* mean.
    """
    d = problem.columns.shape[0]
    kind = problem.covariance_type
    counts = statistics[..., 0]
    inverse, log_determinant = precisions(parameters.covariances, kind.shape, d)
    # An empty cluster has weight 0 and adds nothing: 0 log 0 = 0.
    log_weights = np.log(np.where(parameters.weights > 0, parameters.weights, 1.0))
    constant = (counts * (log_weights - 0.5 * (log_determinant + d * LOG_2_PI))).sum(axis=1)
    scatter = _scatter(problem, parameters, statistics)
    trace = (inverse * scatter).reshape(len(counts), -1).sum(axis=1)
    scores: FloatArray = constant - 0.5 * trace
    return scores


def _scatter(problem: Problem, parameters: Parameters, statistics: FloatArray) -> FloatArray:
    """W_j (or their sum when tied) around the means, in the shape of the covariances."""
    kind = problem.covariance_type
    d = problem.columns.shape[0]
    counts, sums, means = statistics[..., 0], statistics[..., 1 : d + 1], parameters.means
    if kind.shape == "full":
        cross = sums[..., :, None] * means[..., None, :]
        correction = (
            counts[..., None, None] * means[..., :, None] * means[..., None, :]
            - cross
            - np.swapaxes(cross, -1, -2)
        )
    else:
        correction = means * (counts[..., None] * means - 2.0 * sums)
        if kind.shape == "spher":
            correction = correction.sum(axis=-1)
    if kind.tied:
        pooled: FloatArray = problem.total_second_moment + correction.sum(axis=1)[:, None]
        return pooled
    second = statistics[..., d + 1 :]
    if kind.shape == "full":
        rows, cols = lower_triangle(d)
        full = np.empty_like(correction)
        full[..., rows, cols] = second
        full[..., cols, rows] = second
        return full + correction
    return (second if kind.shape == "diag" else second[..., 0]) + correction


def criteria(
    log_likelihood: FloatArray,
    classification_log_likelihood: FloatArray,
    n_parameters: int,
    n_rows: int,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(bic, aic, icl) of R fits, (R,) each as the two log-likelihoods are; higher is better."""
    penalty = 0.5 * n_parameters * float(np.log(n_rows))
    return (
        log_likelihood - penalty,
        log_likelihood - n_parameters,
        classification_log_likelihood - penalty,
    )
