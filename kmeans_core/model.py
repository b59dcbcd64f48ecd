"""A fitted mixture: K x F numbers from which labels can always be recomputed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmeans_core.covariance import covariance_type_of
from kmeans_core.features import FloatArray
from kmeans_core.parameters import Parameters


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
        return len(self.weights)

    def parameters(self) -> Parameters:
        """The batched form, leading axis of length 1."""
        tied = covariance_type_of(self.covariance_type).tied
        covariances = np.asarray(self.covariances)
        return Parameters(
            self.weights[None],
            self.means[None],
            covariances[None, None] if tied else covariances[None],
            np.zeros(1, dtype=np.int64),
        )

    def full_covariances(self) -> FloatArray:
        """(K, d, d), prepared units."""
        d = self.means.shape[1]
        kind = covariance_type_of(self.covariance_type)
        compact = np.asarray(self.covariances)
        if kind.tied:
            compact = np.broadcast_to(compact, (self.n_clusters, *compact.shape))
        if kind.shape == "full":
            return np.array(compact)
        diagonal = compact if kind.shape == "diag" else compact[:, None]
        return diagonal[..., None] * np.eye(d)
