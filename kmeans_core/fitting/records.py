"""What a fit returns: plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kmeans_core.model.cluster_model import ClusterModel
from kmeans_core.points.arrays import IntArray


@dataclass(frozen=True, slots=True)
class ExperimentFit:
    """The best restart of one experiment; everything here comes from that one restart.

    model            in prepared units.
    experiment, restart  numbers of the experiment and of its best restart.
    counts           (K,) int64 points per cluster.
    log_likelihood, classification_log_likelihood, bic, aic, icl
                     in the units that scores refer to (see Preparation); higher is better.
    n_iter           parameter updates; converged: labels no longer change; else stopped_by says
                     why: "cycle" (labels came back, only under plain Mahalanobis distance) or
                     "max_iter".
    eligible         every cluster has at least min_members points; n_eligible: restarts, of
                     n_restarts, for which that holds.
    n_floored        covariance matrices raised to the floor; n_reseeded: emptied clusters that
                     were started again.
    """

    model: ClusterModel
    experiment: int
    restart: int
    counts: IntArray
    log_likelihood: float
    classification_log_likelihood: float
    bic: float
    aic: float
    icl: float
    n_parameters: int
    n_iter: int
    converged: bool
    eligible: bool
    n_eligible: int
    n_restarts: int
    n_floored: int
    n_reseeded: int
    stopped_by: str = "converged"

    @property
    def covariance_type(self) -> str:
        """Name of the type."""
        return self.model.covariance_type

    @property
    def n_clusters(self) -> int:
        """K."""
        return self.model.n_clusters


@dataclass(frozen=True, slots=True)
class FitBatch:
    """What one call of fit_experiments got done.

    fits     of the (K, experiment) pairs that this call finished; clusters ordered by size.
    resume   JSON-able state for the next call when should_stop() ended this one; else None.
    """

    fits: tuple[ExperimentFit, ...]
    resume: dict[str, Any] | None
