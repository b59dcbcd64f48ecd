"""A half-finished batch of fits as plain JSON, exact to the bit (floats go through repr)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kmeans_core.lloyd import RestartOutcome, RestartState
from kmeans_core.parameters import Parameters

_VERSION = 1


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
    def from_dict(cls, raw: dict[str, Any]) -> Progress:
        """Raises ValueError when `raw` is not what to_dict gives."""
        try:
            if raw["version"] != _VERSION:
                raise ValueError(f"version {raw['version']}")
            return cls(
                tuple(int(k) for k in raw["n_clusters"]),
                tuple(_outcome_from_dict(o) for o in raw["outcomes"]),
                tuple(_state_from_dict(s) for s in raw["states"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"resume must be the state that fit_experiments returned (version {_VERSION}); "
                f"it could not be read: {error!r}. Start the fit again without it."
            ) from error


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
    theta = np.array(raw["theta"], dtype=np.float64)
    if theta.ndim != 2:
        raise ValueError(f"theta of {theta.ndim} dimensions")
    return RestartState(
        int(raw["experiment"]),
        int(raw["restart"]),
        theta,
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
