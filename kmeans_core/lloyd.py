"""Lloyd iterations of many restarts in lockstep.

One iteration is: parameters from T, theta from the parameters, one assignment of all points. A
restart that has converged leaves the active set. Each restart goes its own way to the bit, whoever
it is stacked with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kmeans_core import kernels
from kmeans_core.assignment import LabelArray, label_dtype
from kmeans_core.features import FloatArray
from kmeans_core.parameters import Parameters, Problem, estimate, thetas
from kmeans_core.reseeding import reseed_empty
from kmeans_core.scoring import classification_log_likelihoods

STOP_REASONS: tuple[str, ...] = ("converged", "cycle", "max_iter")


@dataclass(frozen=True, slots=True)
class RestartState:
    """A restart that is under way: all that is needed to go on with it.

    theta (K, F) is what the last assignment used; that assignment is done again on resuming.
    cycle_mark is a fingerprint of an earlier labelling (see `_came_back`).
    """

    experiment: int
    restart: int
    theta: FloatArray
    n_iter: int = 0
    n_reseeded: int = 0
    cycle_mark: str = ""


@dataclass(frozen=True, slots=True)
class RestartOutcome:
    """A finished restart.

    parameters has a leading axis of length 1; counts (K,); classification_log_likelihood in
    prepared units; stopped_by is one of STOP_REASONS.
    """

    experiment: int
    restart: int
    parameters: Parameters
    counts: NDArray[np.int64]
    classification_log_likelihood: float
    n_iter: int
    n_reseeded: int
    stopped_by: str


@dataclass(slots=True)
class _Active:
    """The restarts that are still moving, stacked: labels (R, n), theta and statistics (R, K, F),
    counters (R,)."""

    states: list[RestartState]
    theta: FloatArray
    labels: LabelArray
    statistics: FloatArray
    n_iter: NDArray[np.int64]
    n_reseeded: NDArray[np.int64]
    cycle_marks: list[str]

    def state(self, r: int) -> RestartState:
        begun = self.states[r]
        return RestartState(
            begun.experiment,
            begun.restart,
            self.theta[r],
            int(self.n_iter[r]),
            int(self.n_reseeded[r]),
            self.cycle_marks[r],
        )

    def keep(self, going: NDArray[np.bool_]) -> None:
        """Let the others leave."""
        self.states = [s for s, go in zip(self.states, going, strict=True) if go]
        self.cycle_marks = [m for m, go in zip(self.cycle_marks, going, strict=True) if go]
        self.theta, self.labels = self.theta[going], self.labels[going]
        self.statistics = self.statistics[going]
        self.n_iter, self.n_reseeded = self.n_iter[going], self.n_reseeded[going]


def run_restarts(
    problem: Problem,
    states: Sequence[RestartState],
    max_iter: int,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[list[RestartOutcome], list[RestartState]]:
    """Iterate until all have finished, or should_stop() says so after an iteration.

    Returns the finished restarts and the states of the others; every call makes progress.
    """
    outcomes: list[RestartOutcome] = []
    active = _start(problem, states)
    while active.states:
        _reseed(problem, active)
        active.theta = thetas(
            estimate(problem, active.statistics), problem.covariance_type, problem.distance
        )
        n_changed = np.empty(len(active.states), dtype=np.int64)
        kernels.current().assign_accumulate(
            problem.columns,
            problem.covariance_type,
            active.theta,
            active.labels,
            active.statistics,
            n_changed,
        )
        going = _advance(problem, active, n_changed, max_iter, outcomes)
        if not going.all():
            active.keep(going)
        if active.states and should_stop is not None and should_stop():
            break
    return outcomes, [active.state(r) for r in range(len(active.states))]


def _start(problem: Problem, states: Sequence[RestartState]) -> _Active:
    """Labels and statistics from each state's theta."""
    theta = np.stack([state.theta for state in states])
    labels, statistics = _assigned_afresh(problem, theta)
    return _Active(
        list(states),
        theta,
        labels,
        statistics,
        np.array([state.n_iter for state in states], dtype=np.int64),
        np.array([state.n_reseeded for state in states], dtype=np.int64),
        [state.cycle_mark for state in states],
    )


def _assigned_afresh(problem: Problem, theta: FloatArray) -> tuple[LabelArray, FloatArray]:
    """Labels (R, n) and exact statistics (R, K, F) of theta (R, K, F)."""
    n_restarts, n_clusters, _ = theta.shape
    theta = np.ascontiguousarray(theta)
    labels: LabelArray = np.full(
        (n_restarts, problem.columns.shape[1]), n_clusters, dtype=label_dtype(n_clusters)
    )
    statistics = np.zeros(theta.shape)
    n_changed = np.empty(n_restarts, dtype=np.int64)
    kernels.current().assign_accumulate(
        problem.columns, problem.covariance_type, theta, labels, statistics, n_changed
    )
    return labels, statistics


def _reseed(problem: Problem, active: _Active) -> None:
    for r in np.flatnonzero((active.statistics[..., 0] < 0.5).any(axis=1)):
        active.n_reseeded[r] += reseed_empty(problem, active.labels[r], active.statistics[r])


def _advance(
    problem: Problem,
    active: _Active,
    n_changed: NDArray[np.int64],
    max_iter: int,
    outcomes: list[RestartOutcome],
) -> NDArray[np.bool_]:
    """Count the iteration, record those that finish; returns which go on (R,)."""
    active.n_iter += 1
    converged = n_changed == 0
    in_cycle = np.zeros_like(converged)
    if problem.distance == "mahalanobis":
        for r in np.flatnonzero(~converged):
            in_cycle[r] = _came_back(active, int(r))
    finished = converged | in_cycle | (active.n_iter >= max_iter)
    leaving = np.flatnonzero(finished)
    if leaving.size:
        reasons = np.where(converged, "converged", np.where(in_cycle, "cycle", "max_iter"))
        outcomes += _finish(problem, active, leaving, reasons[leaving].tolist())
    return ~finished


def _came_back(active: _Active, r: int) -> bool:
    """Whether restart r is in a cycle, by Brent's method: compare with one earlier labelling,
    replaced at powers of two.

    Under plain Mahalanobis distance no quantity is sure to improve, so iterations may go round.
    """
    mark = hashlib.blake2b(active.labels[r].tobytes(), digest_size=16).hexdigest()
    if mark == active.cycle_marks[r]:
        return True
    n_iter = int(active.n_iter[r])
    if n_iter & (n_iter - 1) == 0:
        active.cycle_marks[r] = mark
    return False


def _finish(
    problem: Problem, active: _Active, leaving: NDArray[np.intp], reasons: list[str]
) -> list[RestartOutcome]:
    """Parameters from exactly recomputed statistics, so that no drift of differences is reported.

    Labels are always those that the reported parameters give: where they would still change, one
    more iteration is made from the exact statistics.
    """
    kind, n_clusters = problem.covariance_type, active.theta.shape[1]
    statistics = np.stack(
        [
            kernels.current().accumulate(problem.columns, kind, active.labels[r], n_clusters)
            for r in leaving
        ]
    )
    moving = np.array([reason != "converged" for reason in reasons])
    for i in np.flatnonzero(moving & (statistics[..., 0] == 0).any(axis=1)):
        active.n_reseeded[leaving[i]] += reseed_empty(
            problem, active.labels[leaving[i]], statistics[i]
        )
    parameters = estimate(problem, statistics)
    if moving.any():
        theta = thetas(parameters, kind, problem.distance)[moving]
        statistics[moving] = _assigned_afresh(problem, theta)[1]
    scores = classification_log_likelihoods(problem, parameters, statistics)
    counts = np.rint(statistics[..., 0]).astype(np.int64)
    return [
        RestartOutcome(
            experiment=active.states[r].experiment,
            restart=active.states[r].restart,
            parameters=parameters.of_restart(i),
            counts=counts[i],
            classification_log_likelihood=float(scores[i]),
            n_iter=int(active.n_iter[r]),
            n_reseeded=int(active.n_reseeded[r]),
            stopped_by=reasons[i],
        )
        for i, r in enumerate(leaving)
    ]
