"""A fitted mixture: K x F numbers from which labels can always be recomputed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.parameters import Parameters
from kmeans_core.points.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """A mixture of K normal distributions, in prepared units.

    weights (K,), means (K, d), and covariances as compact as in scikit-learn's GaussianMixture:
    full-untied (K, d, d), full-tied (d, d), diag-untied (K, d), diag-tied (d,), spher-untied (K,),
    spher-tied (). A cluster without points has weight 0, mean 0 and the overall covariance.
    """

    covariance_type: str
    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    @property
    def n_clusters(self) -> int:
        """K."""
        return len(self.weights)

    def parameters(self) -> Parameters:
        """The batched form, leading axis of length 1."""
        kind = CovarianceType.of(self.covariance_type)
        return Parameters(
            self.weights[None],
            self.means[None],
            kind.stacked(np.asarray(self.covariances)),
            np.zeros(1, dtype=np.int64),
        )

    def full_covariances(self) -> FloatArray:
        """(K, d, d), prepared units."""
        kind = CovarianceType.of(self.covariance_type)
        return kind.full(np.asarray(self.covariances), *self.means.shape)
