"""A half-finished batch of fits as plain JSON, exact to the bit (floats go through repr)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmeans_core.fitting.outcomes import Outcomes
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.parameters import Parameters
from kmeans_core.model.restarts import STOP_REASONS, Pair, RestartStates
from kmeans_core.points.arrays import IntArray

_VERSION = 1
"""Of the form of the state; another one is refused."""

_MOST = 2**53
"""Of points, iterations and reseeded clusters: beyond any fit, within int64 and exact in JSON."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch of fits has come.

    n_clusters   the values of K that are not finished, in order.
    outcomes     restarts of the first of these that have finished.
    states       its restarts that go on. With neither, that K has not been begun.
    """

    n_clusters: tuple[int, ...]
    outcomes: tuple[Outcomes, ...] = ()
    states: tuple[RestartStates, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able numbers, lists and dictionaries, which `from_dict` reads."""
        return {
            "version": _VERSION,
            "n_clusters": list(self.n_clusters),
            "outcomes": [raw for stack in self.outcomes for raw in _outcomes_to_dicts(stack)],
            "states": [raw for stack in self.states for raw in _states_to_dicts(stack)],
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
                _outcomes_from_dicts(raw["outcomes"]),
                _states_from_dicts(raw["states"]),
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
        stacks: list[Outcomes | RestartStates] = [*self.outcomes, *self.states]
        found = [
            pair
            for stack in stacks
            for pair in zip(stack.experiment.tolist(), stack.restart.tolist(), strict=True)
        ]
        k = self.n_clusters[0]
        expected = set(pairs) if k > 1 else set(found[:1])
        if found and (set(found) != expected or len(found) != len(expected)):
            raise ValueError("other experiments or restarts")
        for begun in self.states:
            shape = (len(begun), k, covariance_type.n_features(d))
            _check_numbers("theta", begun.theta, shape)
            _check_counters(begun)
        for finished in self.outcomes:
            _check_outcomes(finished, k, covariance_type, d)


def _check_outcomes(found: Outcomes, k: int, covariance_type: CovarianceType, d: int) -> None:
    own, n = found.parameters, len(found)
    shape = covariance_type.entries_shape(d)
    _check_numbers("weights", own.weights, (n, k))
    _check_numbers("means", own.means, (n, k, d))
    _check_numbers("covariances", own.covariances, (n, covariance_type.n_covariances(k), *shape))
    _check_numbers("n_floored", own.n_floored, (n,))
    _check_numbers("counts", found.counts, (n, k))
    if not ((found.counts >= 0) & (found.counts <= _MOST)).all():
        raise ValueError("counts are not numbers of points")
    if (own.covariances <= 0).any() if shape != (d, d) else not _are_definite(own.covariances):
        raise ValueError("covariances are not positive definite")
    if not np.allclose(own.weights.sum(axis=1), 1.0) or (own.weights < 0).any():
        raise ValueError("weights are not shares of one")
    score = found.classification_log_likelihood
    _check_numbers("classification_log_likelihood", score, (n,))
    _check_counters(found)


def _check_counters(found: RestartStates | Outcomes) -> None:
    for counter in (found.n_iter, found.n_reseeded):
        if counter.shape != (len(found),) or not ((counter >= 0) & (counter <= _MOST)).all():
            raise ValueError("n_iter or n_reseeded is not a number of times")


def _are_definite(covariances: NDArray[np.float64]) -> bool:
    try:
        np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        return False
    return True


def _check_numbers(name: str, values: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"{name} are not {shape} finite numbers")


def _states_to_dicts(found: RestartStates) -> list[dict[str, Any]]:
    return [
        {
            "experiment": int(found.experiment[r]),
            "restart": int(found.restart[r]),
            "theta": found.theta[r].tolist(),
            "n_iter": int(found.n_iter[r]),
            "n_reseeded": int(found.n_reseeded[r]),
            "cycle_mark": found.cycle_marks[r],
        }
        for r in range(len(found))
    ]


def _states_from_dicts(raw: Sequence[dict[str, Any]]) -> tuple[RestartStates, ...]:
    if not raw:
        return ()
    stack = RestartStates(
        _counters(raw, "experiment"),
        _counters(raw, "restart"),
        np.array([one["theta"] for one in raw], dtype=np.float64),
        _counters(raw, "n_iter"),
        _counters(raw, "n_reseeded"),
        [str(one["cycle_mark"]) for one in raw],
    )
    return (stack,)


def _counters(raw: Sequence[dict[str, Any]], name: str) -> IntArray:
    """Whole numbers, one or several of each; 2.0 is one and 2.5 is cut off, as int() does."""
    return np.array([one[name] for one in raw], dtype=np.int64)


def _outcomes_to_dicts(found: Outcomes) -> list[dict[str, Any]]:
    """One dictionary a restart; its parameters keep a leading axis of length 1."""
    own = found.parameters
    return [
        {
            "experiment": int(found.experiment[r]),
            "restart": int(found.restart[r]),
            "weights": own.weights[r : r + 1].tolist(),
            "means": own.means[r : r + 1].tolist(),
            "covariances": own.covariances[r : r + 1].tolist(),
            "n_floored": own.n_floored[r : r + 1].tolist(),
            "counts": found.counts[r].tolist(),
            "classification_log_likelihood": float(found.classification_log_likelihood[r]),
            "n_iter": int(found.n_iter[r]),
            "n_reseeded": int(found.n_reseeded[r]),
            "stopped_by": STOP_REASONS[int(found.left_in[r])],
        }
        for r in range(len(found))
    ]


def _outcomes_from_dicts(raw: Sequence[dict[str, Any]]) -> tuple[Outcomes, ...]:
    if not raw:
        return ()

    def numbers(name: str) -> NDArray[np.float64]:
        return np.array([one[name] for one in raw], dtype=np.float64)

    def of_each(name: str) -> NDArray[np.float64]:
        return np.concatenate([np.array(one[name], dtype=np.float64) for one in raw])

    parameters = Parameters(
        of_each("weights"),
        of_each("means"),
        of_each("covariances"),
        np.concatenate([np.array(one["n_floored"], dtype=np.int64) for one in raw]),
    )
    endings = {reason: number for number, reason in STOP_REASONS.items()}
    left_in = [endings.get(one["stopped_by"]) for one in raw]
    if None in left_in:
        raise ValueError(f"stopped_by is not one of {', '.join(endings)}")
    stack = Outcomes(
        _counters(raw, "experiment"),
        _counters(raw, "restart"),
        parameters,
        _counters(raw, "counts"),
        numbers("classification_log_likelihood"),
        _counters(raw, "n_iter"),
        _counters(raw, "n_reseeded"),
        np.array(left_in, dtype=np.int64),
    )
    return (stack,)
