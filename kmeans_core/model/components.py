"""The clusters of mixtures in the form in which densities are computed: constants and whiteners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.parameters import Parameters
from kmeans_core.points.arrays import FloatArray

LOG_2_PI = float(np.log(2.0 * np.pi))
"""Of the log-density of a normal distribution: half of it is taken off for each column."""


@dataclass(frozen=True, slots=True)
class Components:
    """The clusters of M mixtures.

    pi_j N(x; m_j, S_j) = exp(constant_j - 1/2 |whitener_j (x - mean_j)|^2).

    constants (M, K), -inf for a cluster without points; means (M, K, d); whiteners (M, K, d, d),
    lower triangles, or (M, K, d) when diagonal.
    """

    constants: FloatArray
    means: FloatArray
    whiteners: FloatArray

    @classmethod
    def of(cls, kind: CovarianceType, parameters: Parameters) -> Components:
        """Of the mixtures that are stacked in parameters."""
        n_models, n_clusters, d = parameters.means.shape
        if kind.shape == "full":
            factors = np.linalg.cholesky(parameters.covariances)
            spread = np.diagonal(factors, axis1=-2, axis2=-1)
            whiteners = np.tril(np.linalg.inv(factors))
        else:
            spread = np.sqrt(parameters.covariances)
            if kind.shape == "spher":
                spread = spread[..., None]
            spread = np.broadcast_to(spread, (*spread.shape[:2], d))
            whiteners = 1.0 / spread
        weights = parameters.weights
        constants = np.full(weights.shape, -np.inf)
        np.log(weights, out=constants, where=weights > 0)
        constants -= np.log(spread).sum(axis=-1) + 0.5 * d * LOG_2_PI
        shape = (n_models, n_clusters, *whiteners.shape[2:])  # of a tied type there is one
        whiteners = np.ascontiguousarray(np.broadcast_to(whiteners, shape))
        return cls(constants, np.ascontiguousarray(parameters.means), whiteners)
