"""The restarts that are under way: the state of one, and many of them stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kmeans_core.assignment import LabelArray
from kmeans_core.features import FloatArray

GOING, CONVERGED, CYCLE, ITERATION_LIMIT = range(4)
"""What iterating leaves a restart in; the numbers are those of the compiled kernel."""

STOP_REASONS = {CONVERGED: "converged", CYCLE: "cycle", ITERATION_LIMIT: "max_iter"}


@dataclass(frozen=True, slots=True)
class RestartState:
    """A restart that is under way: all that is needed to go on with it.

    theta (K, F) is what the last assignment used; that assignment is done again on resuming.
    cycle_mark is a fingerprint of an earlier labelling (see `iteration.came_back`).
    """

    experiment: int
    restart: int
    theta: FloatArray
    n_iter: int = 0
    n_reseeded: int = 0
    cycle_mark: str = ""


@dataclass(slots=True)
class Restarts:
    """Many of them, stacked; the arrays change in place.

    theta and statistics (R, K, F), labels (R, n), counters (R,).
    """

    begun: list[RestartState]
    theta: FloatArray
    labels: LabelArray
    statistics: FloatArray
    n_iter: NDArray[np.int64]
    n_reseeded: NDArray[np.int64]
    cycle_marks: list[str]

    @classmethod
    def of(
        cls, states: Sequence[RestartState], labels: LabelArray, statistics: FloatArray
    ) -> Restarts:
        return cls(
            list(states),
            np.stack([state.theta for state in states]),
            labels,
            statistics,
            np.array([state.n_iter for state in states], dtype=np.int64),
            np.array([state.n_reseeded for state in states], dtype=np.int64),
            [state.cycle_mark for state in states],
        )

    def __len__(self) -> int:
        return len(self.begun)

    def state(self, r: int) -> RestartState:
        begun = self.begun[r]
        return RestartState(
            begun.experiment,
            begun.restart,
            self.theta[r],
            int(self.n_iter[r]),
            int(self.n_reseeded[r]),
            self.cycle_marks[r],
        )

    def those(self, chosen: NDArray[np.bool_]) -> Restarts:
        """Some of them, chosen (R,): a copy, unless it is all of them."""
        if chosen.all():
            return self
        return Restarts(
            [s for s, own in zip(self.begun, chosen, strict=True) if own],
            self.theta[chosen],
            self.labels[chosen],
            self.statistics[chosen],
            self.n_iter[chosen],
            self.n_reseeded[chosen],
            [m for m, own in zip(self.cycle_marks, chosen, strict=True) if own],
        )

    @classmethod
    def joined(cls, parts: Sequence[Restarts]) -> Restarts:
        """Several stacks as one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            [state for part in parts for state in part.begun],
            np.concatenate([part.theta for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.statistics for part in parts]),
            np.concatenate([part.n_iter for part in parts]),
            np.concatenate([part.n_reseeded for part in parts]),
            [mark for part in parts for mark in part.cycle_marks],
        )
