"""The restarts that are under way, stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from kmeans_core.points.arrays import BoolArray, FloatArray, IntArray, LabelArray

Pair = tuple[int, int]
"""An experiment and a restart."""

GOING, CONVERGED, CYCLE, ITERATION_LIMIT = range(4)
"""What iterating leaves a restart in, by the compiled kernel's numbers: under way, labels that no
longer change, labels that came back, or no iteration left."""

STOP_REASONS = {CONVERGED: "converged", CYCLE: "cycle", ITERATION_LIMIT: "max_iter"}
"""The ends among these, as records call them."""


@dataclass(slots=True)
class RestartStates:
    """R restarts of one K: all that is needed to go on with them.

    experiment, restart, n_iter, n_reseeded (R,) int64. theta (R, K, F) is what the last assignment
    used; that assignment is done again on resuming. cycle_marks (R,) are fingerprints of an earlier
    labelling (see `kernels.twin.iteration`).
    """

    experiment: IntArray
    restart: IntArray
    theta: FloatArray
    n_iter: IntArray
    n_reseeded: IntArray
    cycle_marks: list[str]

    @classmethod
    def begun(cls, pairs: IntArray, theta: FloatArray) -> Self:
        """From their first theta; pairs (R, 2) are experiments and restarts."""
        n = len(pairs)
        zeros = np.zeros((2, n), dtype=np.int64)
        return cls(pairs[:, 0].copy(), pairs[:, 1].copy(), theta, zeros[0], zeros[1], [""] * n)

    def __len__(self) -> int:
        return len(self.experiment)

    def part(self, start: int, stop: int) -> RestartStates:
        """Some of them in a row; the arrays are shared."""
        own = slice(start, stop)
        return RestartStates(
            self.experiment[own],
            self.restart[own],
            self.theta[own],
            self.n_iter[own],
            self.n_reseeded[own],
            self.cycle_marks[own],
        )

    @classmethod
    def joined(cls, parts: Sequence[RestartStates]) -> RestartStates:
        """Several stacks, at least one, as one."""
        if len(parts) == 1:
            return parts[0]
        return RestartStates(
            np.concatenate([part.experiment for part in parts]),
            np.concatenate([part.restart for part in parts]),
            np.concatenate([part.theta for part in parts]),
            np.concatenate([part.n_iter for part in parts]),
            np.concatenate([part.n_reseeded for part in parts]),
            [mark for part in parts for mark in part.cycle_marks],
        )


@dataclass(slots=True)
class Restarts(RestartStates):
    """While they iterate; the arrays change in place: labels (R, n), statistics (R, K, F)."""

    labels: LabelArray
    statistics: FloatArray

    @classmethod
    def of(cls, states: RestartStates, labels: LabelArray, statistics: FloatArray) -> Restarts:
        """From states, labels (R, n) and statistics (R, K, F); arrays of `states` are copied."""
        return cls(
            states.experiment,
            states.restart,
            np.array(states.theta),
            states.n_iter.copy(),
            states.n_reseeded.copy(),
            list(states.cycle_marks),
            labels,
            statistics,
        )

    def states(self) -> RestartStates:
        """What is needed to go on later; the arrays are shared."""
        return RestartStates(
            self.experiment,
            self.restart,
            self.theta,
            self.n_iter,
            self.n_reseeded,
            self.cycle_marks,
        )

    def take(self, chosen: BoolArray) -> Restarts:
        """Some of the restarts, chosen (R,) bool: a copy, or this stack itself when it is all."""
        if chosen.all():
            return self
        return Restarts(
            self.experiment[chosen],
            self.restart[chosen],
            self.theta[chosen],
            self.n_iter[chosen],
            self.n_reseeded[chosen],
            [m for m, own in zip(self.cycle_marks, chosen, strict=True) if own],
            self.labels[chosen],
            self.statistics[chosen],
        )

    @classmethod
    def stacked(cls, parts: Sequence[Restarts]) -> Restarts:
        """Several stacks, at least one, as one."""
        if len(parts) == 1:
            return parts[0]
        states = RestartStates.joined([part.states() for part in parts])
        return cls(
            states.experiment,
            states.restart,
            states.theta,
            states.n_iter,
            states.n_reseeded,
            states.cycle_marks,
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.statistics for part in parts]),
        )
