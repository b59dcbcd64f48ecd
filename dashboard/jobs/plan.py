"""From a job to its tasks: pure, so that the same settings always give the same task ids."""

from __future__ import annotations

import math
from collections.abc import Iterator

from compute_lambda import FitTask
from compute_lambda.wire import covariance_shape
from dashboard.jobs.spec import DatasetFacts, JobSpec
from kmeans_core import COVARIANCE_TYPES

MAX_RESULT_NUMBERS = 50_000
"""Model parameters in one answer, about 1 MB of JSON; one experiment may exceed it."""

TASK_TARGET_MS = 400.0
"""No chunk is predicted to take longer, unless one experiment alone does.

Long enough that a request and its bookkeeping (about 10 ms) do not matter, short enough that the
curves move several times a second and that a lost task costs little.
"""

CHUNK_SIZES = (10, 5, 2, 1)
"""Experiments per task. Every size divides ten, the default number of experiments.

Chunks start at multiples of their size, whatever the number of experiments, so a job widened from
10 to 20 or 50 experiments finds all its tasks done; from a number that is not a multiple of ten, at
most the last, incomplete chunk of each curve is computed anew.
"""

PAIR_NS = 4.0
"""Nanoseconds per row, cluster and iteration of the NumPy kernel that every pair costs."""

FEATURE_NS = 0.3
"""Nanoseconds more per feature of the assignment. Both are measured on one x86-64 core, on tables
of 200 to 50,000 rows and 2 to 64 columns, with the iterations below; good to a factor of two."""

RESTART_MS = 0.1
"""Milliseconds per restart that do not depend on the data (array bookkeeping)."""

EXPECTED_ITERATIONS = 20
"""Mean over restarts until the labels stop changing; some take a hundred, most take ten."""


def plan(spec: JobSpec, dataset: DatasetFacts, n_rows: int) -> list[FitTask]:
    """The tasks of a job; every (type, K, experiment) is in exactly one of them.

    First experiment 0 alone for every type and K, K ascending and the types interleaved, so that
    whole curves appear early; then the other experiments in chunks. `n_rows` is the number of
    usable rows. Chunk sizes depend on the data, K, type and restarts only: a job with more
    experiments or another K range repeats the tasks of the narrower one.
    """
    positions = tuple(dataset.position(name) for name in spec.columns)
    cells = list(_cells(spec))
    tasks = [_task(spec, positions, kind, k, (0,)) for kind, k in cells]
    chunks: list[tuple[int, int, str, tuple[int, ...]]] = []
    for kind, k in cells:
        size = chunk_size(kind, k, n_rows, len(positions), spec.n_restarts, spec.max_iter)
        for start in range(0, spec.n_experiments, size):
            stop = min(start + size, spec.n_experiments)
            experiments = tuple(range(max(start, 1), stop))
            if experiments:
                chunks.append((start, k, kind, experiments))
    chunks.sort(key=lambda chunk: chunk[0])  # stable: the cells' order within the same start
    tasks += [_task(spec, positions, kind, k, members) for _, k, kind, members in chunks]
    return tasks


def chunk_size(
    covariance_type: str, k: int, n_rows: int, d: int, n_restarts: int, max_iter: int = 300
) -> int:
    """Experiments per task: the largest of CHUNK_SIZES that keeps to the two limits above."""
    one_ms = experiment_ms(covariance_type, k, n_rows, d, n_restarts, max_iter)
    numbers = k * (1 + d) + math.prod(covariance_shape(covariance_type, k, d))
    largest = min(TASK_TARGET_MS / one_ms, MAX_RESULT_NUMBERS / numbers)
    return next((size for size in CHUNK_SIZES if size <= largest), 1)


def experiment_ms(
    covariance_type: str, k: int, n_rows: int, d: int, n_restarts: int, max_iter: int = 300
) -> float:
    """Predicted milliseconds of one experiment on one core with the NumPy kernel."""
    if k == 1:  # every restart is the same fit, and is done once
        n_restarts, iterations = 1, 1
    else:
        iterations = min(EXPECTED_ITERATIONS, max_iter)
    pair_ns = PAIR_NS + FEATURE_NS * n_features(covariance_type, d)
    return n_restarts * (RESTART_MS + n_rows * k * iterations * pair_ns / 1e6)


def n_features(covariance_type: str, d: int) -> int:
    """Length of the feature vector phi(x) in which the type's score is linear."""
    if covariance_type.endswith("-tied"):
        return 1 + d
    extra = {"spher-untied": 1, "diag-untied": d, "full-untied": d * (d + 1) // 2}
    return 1 + d + extra[covariance_type]


def estimate_s(spec: JobSpec, n_rows: int, concurrency: int) -> float:
    """Predicted seconds for the whole job with `concurrency` tasks at a time."""
    d = len(spec.columns)
    costs = [
        experiment_ms(kind, k, n_rows, d, spec.n_restarts, spec.max_iter)
        for kind, k in _cells(spec)
    ]
    # The slowest experiment cannot be divided, however many workers there are.
    shared_ms = sum(costs) * spec.n_experiments / max(1, concurrency)
    return max(shared_ms, *costs) / 1e3


def _cells(spec: JobSpec) -> Iterator[tuple[str, int]]:
    """(type, K) in order of work: K ascending, and for each K the types in their usual order."""
    for k in spec.k_values:
        for kind in COVARIANCE_TYPES:
            if kind in spec.covariance_types:
                yield kind, k


def _task(
    spec: JobSpec, positions: tuple[int, ...], kind: str, k: int, experiments: tuple[int, ...]
) -> FitTask:
    return FitTask(
        dataset_id=spec.dataset_id,
        columns=positions,
        standardise=spec.standardise,
        covariance_type=kind,
        n_clusters=(k,),
        experiments=experiments,
        n_restarts=spec.n_restarts,
        seed=spec.seed,
        distance=spec.distance,
        min_members=spec.min_members,
        reg_covar=float(spec.reg_covar),
        max_iter=spec.max_iter,
    )
