"""The six covariance types: what is shared between clusters and what is free within one.

A type's name is `<shape>-<sharing>`. The shape (`full`, `diag`, `spher`) says which entries of a
covariance matrix are free; the sharing (`tied`, `untied`) says whether all clusters have one
covariance or each its own. Everything that depends on the type is asked of `CovarianceType`: the
names are never taken apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kmeans_core.points.arrays import FloatArray

Shape = Literal["full", "diag", "spher"]
"""All entries of a covariance, its diagonal, or one variance for all columns."""

LEAST_MEMBERS = 10
"""Points that each cluster of an eligible fit has by default, or d + 1 where that is more."""


@dataclass(frozen=True, slots=True)
class CovarianceType:
    """One of the six types. d is the number of columns, K the number of clusters.

    name       "full-untied" and the like.
    shape      which entries of a covariance are free.
    tied       whether all clusters share one covariance.
    sentence   what the clusters look like, in one sentence for people.
    """

    name: str
    shape: Shape
    tied: bool
    sentence: str

    @classmethod
    def of(cls, name: str) -> CovarianceType:
        """Look a type up by its name. Raises ValueError that lists the six names."""
        try:
            return _TYPES[name]
        except (KeyError, TypeError):
            raise ValueError(
                f"covariance_type must be one of {', '.join(COVARIANCE_TYPES)}; got {name!r}."
            ) from None

    def n_features(self, d: int) -> int:
        """Length F of the feature vector phi(x) in which the score of a point is linear.

        Tied types need only (1, x): their quadratic term is the same for all clusters.
        """
        return 1 + d + (0 if self.tied else self._n_free(d))

    def n_covariance_parameters(self, d: int, n_clusters: int) -> int:
        """Free covariance parameters of the whole model."""
        return self._n_free(d) * self.n_covariances(n_clusters)

    def n_parameters(self, n_clusters: int, d: int) -> int:
        """Free parameters of a mixture: (K - 1) weights + K d means + covariances."""
        return (n_clusters - 1) + n_clusters * d + self.n_covariance_parameters(d, n_clusters)

    def n_covariances(self, n_clusters: int) -> int:
        """Covariances that a model keeps: one when tied, else K."""
        return 1 if self.tied else n_clusters

    def entries_shape(self, d: int) -> tuple[int, ...]:
        """How one covariance is stored: (d, d), (d,) or () for full, diag and spher."""
        return {"full": (d, d), "diag": (d,), "spher": ()}[self.shape]

    def covariance_shape(self, n_clusters: int, d: int) -> tuple[int, ...]:
        """How the covariances of a model are stored, as in scikit-learn's GaussianMixture.

        full-untied (K, d, d), full-tied (d, d), diag-untied (K, d), diag-tied (d,), spher-untied
        (K,), spher-tied ().
        """
        entries = self.entries_shape(d)
        return entries if self.tied else (n_clusters, *entries)

    def compact(self, stacked: FloatArray) -> FloatArray:
        """Covariances of R fits (R, C, ...), C = 1 when tied, else K -> (R, `covariance_shape`)."""
        return stacked[:, 0] if self.tied else stacked

    def stacked(self, compact: FloatArray) -> FloatArray:
        """Covariances of one model (`covariance_shape`) -> (1, C, ...)."""
        return compact[None, None] if self.tied else compact[None]

    def full(self, compact: FloatArray, n_clusters: int, d: int) -> FloatArray:
        """Covariances of one model (`covariance_shape`) -> a matrix for each cluster (K, d, d)."""
        of_each = np.broadcast_to(compact, (n_clusters, *self.entries_shape(d)))
        if self.shape == "full":
            return np.array(of_each)
        diagonal = of_each if self.shape == "diag" else of_each[:, None]
        return diagonal[..., None] * np.eye(d)

    @staticmethod
    def smallest_cluster(
        n_rows: int, d: int, n_clusters: int, min_members: int | None = None
    ) -> int:
        """Points that every cluster of an eligible fit has: `min_members`, at most n // K.

        None means max(d + 1, LEAST_MEMBERS): with fewer points than that a cluster's own covariance
        is degenerate, or close to it. The same for all types, so that they compete fairly.
        """
        wanted = max(d + 1, LEAST_MEMBERS) if min_members is None else min_members
        return max(1, min(wanted, n_rows // n_clusters))

    def _n_free(self, d: int) -> int:
        """Free entries of one covariance."""
        return {"full": d * (d + 1) // 2, "diag": d, "spher": 1}[self.shape]


_TYPES = {
    kind.name: kind
    for kind in (
        CovarianceType(
            "full-tied",
            "full",
            True,
            "Ellipses of any tilt; all clusters share one shape and size.",
        ),
        CovarianceType(
            "diag-tied",
            "diag",
            True,
            "Ellipses along the axes; all clusters share one shape and size.",
        ),
        CovarianceType(
            "spher-tied",
            "spher",
            True,
            "Circles of one common radius. With the squared distance this is plain K-means.",
        ),
        CovarianceType(
            "full-untied",
            "full",
            False,
            "Ellipses of any tilt; every cluster has its own shape and size.",
        ),
        CovarianceType(
            "diag-untied",
            "diag",
            False,
            "Ellipses along the axes; every cluster has its own shape and size.",
        ),
        CovarianceType(
            "spher-untied",
            "spher",
            False,
            "Circles; every cluster has its own radius.",
        ),
    )
}

COVARIANCE_TYPES: tuple[str, ...] = tuple(_TYPES)
"""The six names, in the order in which they are shown."""


def n_parameters(covariance_type: str, n_clusters: int, n_columns: int) -> int:
    """Free parameters of a mixture of a type by its name. Raises ValueError for another name."""
    return CovarianceType.of(covariance_type).n_parameters(n_clusters, n_columns)
