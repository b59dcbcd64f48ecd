"""The settings of a fit: what they are when nobody says anything, and which values are possible."""

from __future__ import annotations

from collections.abc import Sequence

from kmeans_core.points.prepared import PreparedData

DISTANCES: tuple[str, ...] = ("likelihood", "mahalanobis")
"""The rules of assignment by name; see `MahalanobisKMeans`."""

DEFAULT_DISTANCE = "likelihood"
"""Its iterations never lower the classification likelihood, so they are sure to end."""

DEFAULT_MAX_ITER = 300
"""Parameter updates of one restart; most settle within thirty."""

DEFAULT_REG_COVAR = 1e-6
"""The least variance of a cluster, as a multiple of the overall variance."""

DEFAULT_N_CLUSTERS = 4
"""K of the estimator."""

DEFAULT_COVARIANCE_TYPE = "full-untied"
"""The type of the estimator: the one that presumes nothing."""

DEFAULT_N_RESTARTS = 10
"""Restarts of the estimator, its `n_init`."""


def check_settings(
    data: PreparedData,
    n_clusters: Sequence[int],
    n_restarts: int,
    distance: str,
    min_members: int | None,
    reg_covar: float,
    max_iter: int,
) -> None:
    """Raise ValueError for the first setting out of range; the message says what to do."""
    for k in n_clusters:
        if k < 1:
            raise ValueError(f"n_clusters must be at least 1; got {k}.")
        if k > data.n_rows:
            raise ValueError(
                f"n_clusters={k} is more than the number of rows, n_samples={data.n_rows}. "
                f"Ask for at most {data.n_rows} clusters or supply more rows."
            )
    check_distance(distance)
    if n_restarts < 1:
        raise ValueError(f"The number of restarts must be at least 1; got {n_restarts}.")
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1; got {max_iter}.")
    if min_members is not None and min_members < 1:
        raise ValueError(f"min_members must be at least 1 or None; got {min_members}.")
    if not 1e-12 <= reg_covar <= 1:
        raise ValueError(
            "reg_covar, a multiple of the overall variance, must be from 1e-12 to 1; "
            f"got {reg_covar}."
        )


def check_distance(distance: str) -> None:
    """Raise ValueError unless it is one of DISTANCES."""
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {', '.join(DISTANCES)}; got {distance!r}.")
