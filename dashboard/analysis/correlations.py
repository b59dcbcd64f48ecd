"""Correlations of a job's columns: over all rows, and within the clusters of one clustering."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dashboard.analysis.records import decode_labels

if TYPE_CHECKING:
    from dashboard.analysis.records import ModelRecord
    from dashboard.analysis.sample import ShownRows


def overall_correlation(points: ShownRows) -> NDArray[np.float64]:
    """Pearson correlations (d, d) of the drawn rows; NaN where a column does not vary."""
    return _from_scatter(_scatter(points.values))


def within_correlation(
    points: ShownRows, model: ModelRecord, cluster: int | None = None
) -> NDArray[np.float64]:
    """Correlations (d, d) of the drawn rows about their own cluster's mean.

    Pooled over all clusters, or of the one cluster number `cluster` (from 0). Computed from rows
    and labels, not from the model's covariance, which for diag and spher types has no correlations
    to show by construction. NaN where a column does not vary.
    """
    labels = decode_labels(model)
    chosen = range(len(model["clusters"])) if cluster is None else [cluster]
    d = points.values.shape[1]
    total = np.zeros((d, d))
    for j in chosen:
        members = points.values[labels == j]
        if len(members):
            total += _scatter(members)
    return _from_scatter(total)


def _scatter(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Two passes: a common offset (a longitude) must not eat the digits of the spread.
    centred = values - values.mean(axis=0)
    centred -= centred.mean(axis=0)
    scatter: NDArray[np.float64] = centred.T @ centred
    return scatter


def _from_scatter(scatter: NDArray[np.float64]) -> NDArray[np.float64]:
    root = np.sqrt(np.diagonal(scatter))
    with np.errstate(divide="ignore", invalid="ignore"):
        result: NDArray[np.float64] = scatter / np.outer(root, root)
    result[~np.isfinite(result)] = np.nan
    vary = root > 0
    np.fill_diagonal(result, np.where(vary, 1.0, np.nan))
    return np.clip(result, -1.0, 1.0, out=result)
