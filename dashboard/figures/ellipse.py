"""The outline of a cluster in the plane of two columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_VERTICES = 61

SQUARED_RADIUS_95 = float(-2.0 * np.log(0.05))
"""Quantile of chi-squared with 2 degrees of freedom at 0.95; in closed form -2 log(1 - 0.95)."""


def ellipse(
    mean: tuple[float, float], covariance: np.ndarray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Closed outline (x (61,), y (61,)) that holds 95 % of a normal distribution in the plane.

    `mean` and `covariance` (2, 2) are the marginal of the cluster's in the two drawn columns: with
    more than two columns it is the shadow of the cluster, not a cut through it.
    """
    values, vectors = np.linalg.eigh(np.asarray(covariance, dtype=np.float64))
    axes = vectors * np.sqrt(np.maximum(values, 0.0) * SQUARED_RADIUS_95)
    angle = np.linspace(0.0, 2.0 * np.pi, N_VERTICES)
    outline = axes @ np.vstack([np.cos(angle), np.sin(angle)])
    return mean[0] + outline[0], mean[1] + outline[1]
