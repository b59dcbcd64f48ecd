"""Experiments: the best of several restarts, for each K, with what is needed to go on later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from kmeans_core import kernels
from kmeans_core.fitting.evaluation import mixture_log_likelihoods
from kmeans_core.fitting.lloyd import problem_of, run_restarts
from kmeans_core.fitting.outcomes import Outcomes, best_of_each, ordered_by_size
from kmeans_core.fitting.records import ExperimentFit, FitBatch
from kmeans_core.fitting.resuming import Progress
from kmeans_core.fitting.seeding import SeedBank
from kmeans_core.fitting.settings import (
    DEFAULT_DISTANCE,
    DEFAULT_MAX_ITER,
    DEFAULT_REG_COVAR,
    check_settings,
)
from kmeans_core.model.cluster_model import ClusterModel
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.parameters import seed_thetas
from kmeans_core.model.problem import Problem
from kmeans_core.model.restarts import CONVERGED, STOP_REASONS, Pair, RestartStates
from kmeans_core.model.scoring import criteria
from kmeans_core.points.arrays import FloatArray
from kmeans_core.points.prepared import PreparedData

_WORK_PER_ITERATION = 1 << 28
"""Multiplications of one iteration of all restarts that go in lockstep. They take a fraction of a
second, which is how long should_stop() may have to wait. This bounds the memory for labels too."""

_LEAST_TOGETHER = 4
"""Restarts that go in lockstep even where they pass that limit. A table that is larger than the
caches is read once for all of them."""

_LAST_EXPERIMENT = 2**63 - 1
"""The largest number that an experiment can have: they are kept as int64."""


def fit_experiments(
    data: PreparedData,
    covariance_type: str,
    n_clusters: Sequence[int],
    experiments: Sequence[int],
    n_restarts: int,
    *,
    seed: int = 0,
    distance: str = DEFAULT_DISTANCE,
    min_members: int | None = None,
    reg_covar: float = DEFAULT_REG_COVAR,
    max_iter: int = DEFAULT_MAX_ITER,
    seeds: SeedBank | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: dict[str, Any] | None = None,
) -> FitBatch:
    """Fit every K of `n_clusters` in every experiment, best of `n_restarts` each.

    The fit of (seed, experiment, restart) is the same to the bit however calls are divided. The
    best restart has the highest classification log-likelihood among the eligible ones (every
    cluster has `min_members` points; default max(d + 1, 10), at most n // K), or among all when
    none is eligible. Of equally good ones it is the earliest.

    should_stop is asked between values of K, after the first iteration of each and then every 5 to
    50 ms, or after an iteration of a few restarts where that takes longer (millions of rows). Once
    it returns True the batch ends with `resume` set, for a call with the same arguments.
    seeds: a shared SeedBank of the same data and seed. Raises ValueError for bad arguments.
    """
    kind = CovarianceType.of(covariance_type)
    check_settings(data, n_clusters, n_restarts, distance, min_members, reg_covar, max_iter)
    seeds = _seeds_for(data, experiments, seed, seeds)
    problem = problem_of(data, kind, distance, reg_covar)
    pairs: list[Pair] = [(e, r) for e in experiments for r in range(n_restarts)]
    progress = Progress(tuple(n_clusters))
    if resume is not None:
        progress = Progress.from_dict(resume, n_clusters, pairs, kind, data.n_columns)
    fits: list[ExperimentFit] = []
    while progress.n_clusters:
        k, *later = progress.n_clusters
        # With one cluster every restart is the same fit: one is enough for all.
        wanted = pairs[:1] if k == 1 else pairs
        progress = _go_on(problem, progress, wanted, seeds, max_iter, should_stop)
        if progress.states:
            return FitBatch(tuple(fits), progress.to_dict())
        fits += _best_fits(data, kind, k, experiments, n_restarts, progress.outcomes, min_members)
        progress = Progress(tuple(later))
        if later and should_stop is not None and should_stop():
            return FitBatch(tuple(fits), progress.to_dict())
    return FitBatch(tuple(fits), None)


def _seeds_for(
    data: PreparedData, experiments: Sequence[int], seed: int, seeds: SeedBank | None
) -> SeedBank:
    """The bank to draw from. Raises ValueError for one of another seed, or bad experiments."""
    different = len(set(experiments)) == len(experiments) > 0
    if not different or min(experiments) < 0 or max(experiments) > _LAST_EXPERIMENT:
        raise ValueError(
            "experiments must be different whole numbers from 0, at least one; "
            f"got {list(experiments)[:10]}."
        )
    if seeds is None:
        return SeedBank(data, seed)
    if seeds.seed != seed:
        raise ValueError(f"seeds is a SeedBank of seed {seeds.seed}, but seed={seed}.")
    return seeds


def _go_on(
    problem: Problem,
    progress: Progress,
    pairs: Sequence[Pair],
    seeds: SeedBank,
    max_iter: int,
    should_stop: Callable[[], bool] | None,
) -> Progress:
    """Iterate the restarts of the first K, from their seeds unless they are under way.

    The progress that comes back has no states when all of them have finished.
    """
    k = progress.n_clusters[0]
    outcomes, states = progress.outcomes, progress.states
    if not outcomes and not states:
        states = (states_from_centres(problem.covariance_type, pairs, seeds.centres(pairs, k)),)
    if states:
        stack = RestartStates.joined(states)
        finished, left = run_in_groups(problem, stack, max_iter, should_stop)
        outcomes, states = (*outcomes, *finished), tuple(left)
    return Progress(progress.n_clusters, outcomes, states)


def states_from_centres(
    kind: CovarianceType, pairs: Sequence[Pair], centres: FloatArray
) -> RestartStates:
    """Restarts that begin at centres (R, K, d), prepared units."""
    return RestartStates.begun(np.array(pairs, dtype=np.int64), seed_thetas(centres, kind))


def run_in_groups(
    problem: Problem,
    states: RestartStates,
    max_iter: int,
    should_stop: Callable[[], bool] | None = None,
    n_threads: int = 1,
) -> tuple[list[Outcomes], list[RestartStates]]:
    """run_restarts over groups that fit in memory, over threads when asked; same results.

    The compiled kernel has threads of its own; its twin gets a thread for every group. The first
    group always makes progress; once should_stop() has fired no other one begins.
    """
    work = problem.columns.shape[1] * states.theta[0].size
    size = max(_LEAST_TOGETHER, _WORK_PER_ITERATION // work)
    divide = n_threads > 1 and kernels.current().name != "native"
    if divide:
        size = max(1, min(size, -(-len(states) // (2 * n_threads))))
    groups = [states.part(i, i + size) for i in range(0, len(states), size)]
    outcomes: list[Outcomes] = []
    left: list[RestartStates] = []
    if divide and len(groups) > 1:
        with ThreadPoolExecutor(n_threads) as pool:
            for done, _ in pool.map(lambda group: run_restarts(problem, group, max_iter), groups):
                outcomes += done
        return outcomes, left
    for number, group in enumerate(groups):
        if left or (number and should_stop is not None and should_stop()):
            left.append(group)
            continue
        done, not_done = run_restarts(problem, group, max_iter, should_stop, n_threads)
        outcomes += done
        left += not_done
    return outcomes, left


def _best_fits(
    data: PreparedData,
    kind: CovarianceType,
    k: int,
    experiments: Sequence[int],
    n_restarts: int,
    outcomes: Sequence[Outcomes],
    min_members: int | None,
) -> list[ExperimentFit]:
    """The best restart of each experiment, in their order; clusters by size."""
    least = kind.smallest_cluster(data.n_rows, data.n_columns, k, min_members)
    best, n_eligible = best_of_each(Outcomes.joined(outcomes), least)
    if k == 1:  # one restart stands for all
        n_eligible *= n_restarts
    best = ordered_by_size(best, kind)
    fits = experiment_fits(data, kind, best, n_eligible.tolist(), n_restarts)
    if k == 1:
        return [replace(fits[0], experiment=experiment) for experiment in experiments]
    by_experiment = {fit.experiment: fit for fit in fits}
    return [by_experiment[experiment] for experiment in experiments]


def experiment_fits(
    data: PreparedData,
    kind: CovarianceType,
    best: Outcomes,
    n_eligible: Sequence[int],
    n_restarts: int,
    n_threads: int = 1,
) -> list[ExperimentFit]:
    """Scores of the best restarts, in the units that they refer to; clusters as they are."""
    own = best.parameters
    jacobian = data.n_rows * data.preparation.log_jacobian
    mixture = mixture_log_likelihoods(kind, own, data.columns, n_threads) + jacobian
    classification = best.classification_log_likelihood + jacobian
    free = kind.n_parameters(best.counts.shape[1], data.n_columns)
    bic, aic, icl = criteria(mixture, classification, free, data.n_rows)
    covariances = kind.compact(own.covariances)
    return [
        ExperimentFit(
            model=ClusterModel(kind.name, own.weights[e], own.means[e], np.asarray(covariances[e])),
            experiment=int(best.experiment[e]),
            restart=int(best.restart[e]),
            counts=best.counts[e],
            log_likelihood=float(mixture[e]),
            classification_log_likelihood=float(classification[e]),
            bic=float(bic[e]),
            aic=float(aic[e]),
            icl=float(icl[e]),
            n_parameters=free,
            n_iter=int(best.n_iter[e]),
            converged=int(best.left_in[e]) == CONVERGED,
            eligible=n_eligible[e] > 0,
            n_eligible=int(n_eligible[e]),
            n_restarts=n_restarts,
            n_floored=int(own.n_floored[e]),
            n_reseeded=int(best.n_reseeded[e]),
            stopped_by=STOP_REASONS[int(best.left_in[e])],
        )
        for e in range(len(best))
    ]
