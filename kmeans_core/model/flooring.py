"""The degeneracy policy for covariances: eigenvalues that are too small are raised to a floor.

The floor is a small multiple of the overall variance.

The metric is D = diag(overall variances). Among all S with S >= reg_covar * D this is the one that
maximises the likelihood given the clusters (in D^-1/2 S D^-1/2 the problem separates into one per
eigenvalue), so that flooring, unlike adding a constant, never lowers the likelihood of the next
iteration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmeans_core.model.sweeping import certainly_above
from kmeans_core.points.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Floor:
    """The least variances: reg_covar times reference (d,), a variance for each column."""

    reference: FloatArray
    reg_covar: float

    @classmethod
    def of(cls, variances: FloatArray, reg_covar: float) -> Floor:
        """From the overall variances (d,).

        A column without any takes the mean variance for its own, or 1 where no column has any.
        """
        mean = float(variances.mean())
        stand_in = mean if mean > 0 else 1.0
        return cls(np.where(variances > 0, variances, stand_in), reg_covar)

    def clip(self, covariances: FloatArray, shape: str) -> tuple[FloatArray, BoolArray]:
        """Floored covariances (..., d, d), (..., d) or (...), and which were raised (...)."""
        if shape == "full":
            return self._clip_full(covariances)
        if shape == "diag":
            least = self.reg_covar * self.reference
            return np.maximum(covariances, least), np.any(covariances < least, axis=-1)
        smallest = self.reg_covar * float(self.reference.mean())
        return np.maximum(covariances, smallest), covariances < smallest

    def _clip_full(self, covariances: FloatArray) -> tuple[FloatArray, BoolArray]:
        root = np.sqrt(self.reference)
        metric = np.outer(root, root)
        whitened = covariances / metric
        below = ~certainly_above(whitened, self.reg_covar)
        if below.any():
            # Whether a matrix is decomposed depends on that matrix alone, never on its neighbours.
            values, vectors = np.linalg.eigh(whitened[below])
            needed = values[..., 0] < self.reg_covar
            below[below] = needed
            values = np.maximum(values[needed], self.reg_covar)
            vectors = vectors[needed]
            raised = np.einsum("mik,mk,mjk->mij", vectors, values, vectors)
            covariances = covariances.copy()
            covariances[below] = 0.5 * (raised + np.swapaxes(raised, -1, -2)) * metric
        return covariances, below
