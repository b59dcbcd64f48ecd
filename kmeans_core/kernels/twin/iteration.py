"""One Lloyd iteration of all restarts in NumPy.

Emptied clusters get a point, parameters come from T, theta from the parameters, and all points are
assigned. Each restart goes its own way to the bit, whoever it is stacked with.
"""

from __future__ import annotations

import hashlib

import numpy as np

from kmeans_core.kernels.twin.assignment import assign_accumulate
from kmeans_core.kernels.twin.reseeding import reseed_empty
from kmeans_core.model.parameters import estimate, thetas
from kmeans_core.model.problem import Problem
from kmeans_core.model.restarts import CONVERGED, CYCLE, GOING, ITERATION_LIMIT, Restarts
from kmeans_core.points.arrays import IntArray


def iterate(
    problem: Problem,
    restarts: Restarts,
    max_iter: int,
    work: float,  # noqa: ARG001
    n_threads: int = 1,  # noqa: ARG001
) -> IntArray:
    """Go on with all restarts; returns what each is left in (R,), see `model.restarts`.

    work is not looked at: this kernel always does one iteration, which takes long enough.
    """
    for r in np.flatnonzero((restarts.statistics[..., 0] < 0.5).any(axis=1)):
        restarts.n_reseeded[r] += reseed_empty(problem, restarts.labels[r], restarts.statistics[r])
    restarts.theta = thetas(
        estimate(problem, restarts.statistics), problem.covariance_type, problem.distance
    )
    n_changed = np.empty(len(restarts), dtype=np.int64)
    assign_accumulate(
        problem.columns,
        problem.covariance_type,
        restarts.theta,
        restarts.labels,
        restarts.statistics,
        n_changed,
    )
    restarts.n_iter += 1
    left_in = np.where(restarts.n_iter >= max_iter, ITERATION_LIMIT, GOING)
    left_in[n_changed == 0] = CONVERGED
    if problem.distance == "mahalanobis":
        for r in np.flatnonzero(n_changed):
            if came_back(restarts, int(r)):
                left_in[r] = CYCLE
    return left_in


def came_back(restarts: Restarts, r: int) -> bool:
    """Whether restart r is in a cycle.

    By Brent's method: its labels are compared with earlier ones, which are replaced by the present
    ones whenever the number of iterations is a power of two.

    Under plain Mahalanobis distance no quantity is sure to improve, so iterations may go round.
    """
    mark = hashlib.blake2b(restarts.labels[r].tobytes(), digest_size=16).hexdigest()
    if mark == restarts.cycle_marks[r]:
        return True
    n_iter = int(restarts.n_iter[r])
    if n_iter & (n_iter - 1) == 0:
        restarts.cycle_marks[r] = mark
    return False
