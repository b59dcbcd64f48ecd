"""The six covariance types: what is shared between clusters and what is free within one.

A type's code is `<shape>-<sharing>`. The shape (`full`, `diag`, `spher`) says which entries of a
covariance matrix are free; the sharing (`tied`, `untied`) says whether all clusters have one
covariance or each its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["full", "diag", "spher"]


@dataclass(frozen=True, slots=True)
class CovarianceType:
    """One of the six types; the counts below are functions of the number of columns d."""

    code: str
    shape: Shape
    tied: bool

    def n_features(self, d: int) -> int:
        """Length F of the feature vector phi(x) in which the score of a point is linear.

        Tied types need only (1, x): their quadratic term is the same for all clusters.
        """
        if self.tied:
            return 1 + d
        return 1 + d + _n_free(self.shape, d)

    def n_covariance_parameters(self, d: int, n_clusters: int) -> int:
        """Free covariance parameters of the whole model."""
        return _n_free(self.shape, d) * (1 if self.tied else n_clusters)


def _n_free(shape: Shape, d: int) -> int:
    if shape == "full":
        return d * (d + 1) // 2
    return d if shape == "diag" else 1


_TYPES = {
    f"{shape}-{sharing}": CovarianceType(f"{shape}-{sharing}", shape, sharing == "tied")
    for sharing in ("tied", "untied")
    for shape in ("full", "diag", "spher")
}

COVARIANCE_TYPES: tuple[str, ...] = tuple(_TYPES)


def covariance_type_of(code: str) -> CovarianceType:
    """Look a type up by its code. Raises ValueError that lists the six codes."""
    try:
        return _TYPES[code]
    except (KeyError, TypeError):
        raise ValueError(
            f"covariance_type must be one of {', '.join(COVARIANCE_TYPES)}; got {code!r}."
        ) from None


def n_parameters(covariance_type: str, n_clusters: int, n_columns: int) -> int:
    """Free parameters of a mixture: (K-1) weights + K d means + covariances."""
    covariances = covariance_type_of(covariance_type).n_covariance_parameters(n_columns, n_clusters)
    return (n_clusters - 1) + n_clusters * n_columns + covariances
