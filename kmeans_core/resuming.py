"""A half-finished batch of fits as plain JSON, exact to the bit (floats go through repr)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmeans_core.covariance import CovarianceType
from kmeans_core.lloyd import RestartOutcome
from kmeans_core.parameters import Parameters
from kmeans_core.restarts import STOP_REASONS, RestartState
from kmeans_core.seeding import Pair

_VERSION = 1
# Of points, iterations and reseeded clusters: beyond any fit, within int64 and exact in JSON.
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Progress:
    """n_clusters still to do, the first of them in progress: finished restarts and the others.

    Both lists empty: that K has not been begun.
    """

    n_clusters: tuple[int, ...]
    outcomes: tuple[RestartOutcome, ...] = ()
    states: tuple[RestartState, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "n_clusters": list(self.n_clusters),
            "outcomes": [_outcome_to_dict(o) for o in self.outcomes],
            "states": [_state_to_dict(s) for s in self.states],
        }

    @classmethod
    def from_dict(
        cls,
        raw: dict[str, Any],
        n_clusters: Sequence[int],
        pairs: Collection[Pair],
        covariance_type: CovarianceType,
        d: int,
    ) -> Progress:
        """Read what to_dict gave for the same fit.

        The state may come over a network: raises ValueError unless it fits the values of K, the
        (experiment, restart) pairs, the covariance type and the number of columns d.
        """
        try:
            if raw["version"] != _VERSION:
                raise ValueError(f"version {raw['version']}")
            progress = cls(
                tuple(int(k) for k in raw["n_clusters"]),
                tuple(_outcome_from_dict(o) for o in raw["outcomes"]),
                tuple(_state_from_dict(s) for s in raw["states"]),
            )
            progress._check(n_clusters, pairs, covariance_type, d)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"resume must be the state that fit_experiments returned (version {_VERSION}) for "
                f"the same arguments; got another: {error}. Start the fit again without it."
            ) from error
        return progress

    def _check(
        self,
        n_clusters: Sequence[int],
        pairs: Collection[Pair],
        covariance_type: CovarianceType,
        d: int,
    ) -> None:
        wanted = list(n_clusters)
        if not self.n_clusters or list(self.n_clusters) != wanted[-len(self.n_clusters) :]:
            raise ValueError(f"{list(self.n_clusters)} is not the end of n_clusters={wanted}")
        found = [(outcome.experiment, outcome.restart) for outcome in self.outcomes]
        found += [(state.experiment, state.restart) for state in self.states]
        k = self.n_clusters[0]
        expected = set(pairs) if k > 1 else set(found[:1])
        if found and (set(found) != expected or len(found) != len(expected)):
            raise ValueError("other experiments or restarts")
        for state in self.states:
            _check_numbers("theta", state.theta, (k, covariance_type.n_features(d)))
            _check_counters(state)
        shape = {"full": (d, d), "diag": (d,), "spher": ()}[covariance_type.shape]
        for outcome in self.outcomes:
            own = outcome.parameters
            _check_numbers("weights", own.weights, (1, k))
            _check_numbers("means", own.means, (1, k, d))
            n_covariances = 1 if covariance_type.tied else k
            _check_numbers("covariances", own.covariances, (1, n_covariances, *shape))
            _check_numbers("n_floored", own.n_floored, (1,))
            _check_numbers("counts", outcome.counts, (k,))
            if not ((outcome.counts >= 0) & (outcome.counts <= _MOST)).all():
                raise ValueError("counts are not numbers of points")
            score = np.array(outcome.classification_log_likelihood)
            _check_numbers("classification_log_likelihood", score, ())
            _check_counters(outcome)
            if outcome.stopped_by not in STOP_REASONS.values():
                raise ValueError(f"stopped_by is not one of {', '.join(STOP_REASONS.values())}")


def _check_numbers(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"{name} are not {shape} finite numbers")


def _check_counters(found: RestartState | RestartOutcome) -> None:
    if not (0 <= found.n_iter <= _MOST and 0 <= found.n_reseeded <= _MOST):
        raise ValueError("n_iter or n_reseeded is not a number of times")


def _state_to_dict(state: RestartState) -> dict[str, Any]:
    return {
        "experiment": state.experiment,
        "restart": state.restart,
        "theta": state.theta.tolist(),
        "n_iter": state.n_iter,
        "n_reseeded": state.n_reseeded,
        "cycle_mark": state.cycle_mark,
    }


def _state_from_dict(raw: dict[str, Any]) -> RestartState:
    return RestartState(
        int(raw["experiment"]),
        int(raw["restart"]),
        np.array(raw["theta"], dtype=np.float64),
        int(raw["n_iter"]),
        int(raw["n_reseeded"]),
        str(raw["cycle_mark"]),
    )


def _outcome_to_dict(outcome: RestartOutcome) -> dict[str, Any]:
    parameters = outcome.parameters
    return {
        "experiment": outcome.experiment,
        "restart": outcome.restart,
        "weights": parameters.weights.tolist(),
        "means": parameters.means.tolist(),
        "covariances": parameters.covariances.tolist(),
        "n_floored": parameters.n_floored.tolist(),
        "counts": outcome.counts.tolist(),
        "classification_log_likelihood": outcome.classification_log_likelihood,
        "n_iter": outcome.n_iter,
        "n_reseeded": outcome.n_reseeded,
        "stopped_by": outcome.stopped_by,
    }


def _outcome_from_dict(raw: dict[str, Any]) -> RestartOutcome:
    parameters = Parameters(
        np.array(raw["weights"], dtype=np.float64),
        np.array(raw["means"], dtype=np.float64),
        np.array(raw["covariances"], dtype=np.float64),
        np.array(raw["n_floored"], dtype=np.int64),
    )
    return RestartOutcome(
        int(raw["experiment"]),
        int(raw["restart"]),
        parameters,
        np.array(raw["counts"], dtype=np.int64),
        float(raw["classification_log_likelihood"]),
        int(raw["n_iter"]),
        int(raw["n_reseeded"]),
        str(raw["stopped_by"]),
    )
