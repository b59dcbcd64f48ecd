"""Lloyd iterations of many restarts in lockstep, from their first assignment to the outcome.

One iteration is: parameters from T, theta from the parameters, one assignment of all points; the
kernel does as many as it is given work for. Each restart goes its own way to the bit, whoever it is
stacked with.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kmeans_core import kernels
from kmeans_core.fitting.outcomes import Outcomes
from kmeans_core.kernels.twin.reseeding import reseed_empty
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.parameters import estimate, thetas
from kmeans_core.model.problem import Problem
from kmeans_core.model.restarts import CONVERGED, GOING, Restarts, RestartStates
from kmeans_core.model.scoring import classification_log_likelihoods
from kmeans_core.points.arrays import FloatArray, IntArray, LabelArray, label_dtype
from kmeans_core.points.prepared import PreparedData

WORK_PER_POLL = float(1 << 27)
"""Multiplications between two calls of should_stop(). The compiled kernel takes about 5 ms for them
with vectors of eight, 50 ms without any."""

WORK_PER_CALL = float(1 << 33)
"""The same where there is no should_stop(), so that Ctrl-C is heard within a second or so."""


def problem_of(
    data: PreparedData, covariance_type: CovarianceType, distance: str, reg_covar: float
) -> Problem:
    """What all restarts of a type on these data have in common, points in the kernel's order."""
    boxes = data.arranged_by(kernels.current())
    return Problem.of(data, covariance_type, distance, reg_covar, boxes)


def run_restarts(
    problem: Problem,
    states: RestartStates,
    max_iter: int,
    should_stop: Callable[[], bool] | None = None,
    n_threads: int = 1,
) -> tuple[list[Outcomes], list[RestartStates]]:
    """Iterate until all have finished, or should_stop() says so.

    should_stop is asked after one iteration, then at growing intervals of up to WORK_PER_POLL.
    Returns the finished restarts and the states of the others: each a list of one stack, or empty.
    Every call makes progress. The n_threads share the restarts or the points of each iteration,
    without an effect on the result.
    """
    active = _start(problem, states, n_threads)
    one_iteration = float(active.theta.size * problem.columns.shape[1])
    work = one_iteration if should_stop else WORK_PER_CALL
    ended: list[Restarts] = []
    reasons: list[IntArray] = []
    while len(active):
        left_in = kernels.current().iterate(problem, active, max_iter, work, n_threads)
        if (left_in != GOING).any():
            ended.append(active.take(left_in != GOING))
            reasons.append(left_in[left_in != GOING])
            active = active.take(left_in == GOING)
        if len(active) and should_stop is not None and should_stop():
            break
        work = min(2.0 * work, WORK_PER_POLL) if should_stop else WORK_PER_CALL
    outcomes: list[Outcomes] = []
    if ended:
        # All at once: what this costs hardly depends on how many they are.
        stack = _finish(problem, Restarts.stacked(ended), np.concatenate(reasons), n_threads)
        outcomes.append(stack)
    return outcomes, [active.states()] if len(active) else []


def _start(problem: Problem, states: RestartStates, n_threads: int) -> Restarts:
    """Labels and statistics from each state's theta."""
    labels, statistics = _assigned_afresh(problem, states.theta, n_threads)
    return Restarts.of(states, labels, statistics)


def _assigned_afresh(
    problem: Problem, theta: FloatArray, n_threads: int
) -> tuple[LabelArray, FloatArray]:
    """Labels (R, n) and exact statistics (R, K, F) of theta (R, K, F)."""
    n_restarts, n_clusters, _ = theta.shape
    theta = np.ascontiguousarray(theta)
    shape = (n_restarts, problem.columns.shape[1])
    labels: LabelArray = np.empty(shape, dtype=label_dtype(n_clusters))
    statistics = np.zeros(theta.shape)
    n_changed = np.empty(n_restarts, dtype=np.int64)
    kernels.current().assign_accumulate(
        problem.columns,
        problem.covariance_type,
        theta,
        labels,
        statistics,
        n_changed,
        n_threads,
        problem.boxes,
        fresh=True,
    )
    return labels, statistics


def _finish(problem: Problem, ended: Restarts, left_in: IntArray, n_threads: int) -> Outcomes:
    """Parameters from exactly recomputed statistics, so that no drift of differences is reported.

    Labels are always those that the reported parameters give: where they would still change, one
    more iteration is made from the exact statistics.
    """
    kind, n_clusters = problem.covariance_type, ended.theta.shape[1]
    statistics = kernels.current().accumulate(
        problem.columns, kind, ended.labels, n_clusters, n_threads, problem.boxes
    )
    moving = left_in != CONVERGED
    for i in np.flatnonzero(moving & (statistics[..., 0] == 0).any(axis=1)):
        ended.n_reseeded[i] += reseed_empty(problem, ended.labels[i], statistics[i])
    parameters = estimate(problem, statistics)
    if moving.any():
        theta = thetas(parameters, kind, problem.distance)[moving]
        statistics[moving] = _assigned_afresh(problem, theta, n_threads)[1]
    scores = classification_log_likelihoods(problem, parameters, statistics)
    return Outcomes(
        experiment=ended.experiment,
        restart=ended.restart,
        parameters=parameters,
        counts=np.rint(statistics[..., 0]).astype(np.int64),
        classification_log_likelihood=scores,
        n_iter=ended.n_iter,
        n_reseeded=ended.n_reseeded,
        left_in=left_in,
    )
