"""From a job to its tasks: pure, so that the same settings always give the same task ids.

A task holds some values of K and some experiments of one covariance type, as many as its predicted
cost allows. Where one task ends and the next begins depends on the data, the columns, the type, the
restarts and the backend's cost model, never on the asked K range, number of experiments or choice
of types; so a wider job finds the tasks of the narrower one done, with these exceptions:

- K: values are grouped within 1-5, 6-10, 11-15 and so on. Widening the range computes again, for
  each type and chunk of experiments, the group that an end of the narrower range cut: at most four
  values of K at each end, and none when the range begins after and ends at a multiple of five, or
  where a task holds a single K anyway.
- Experiments: chunks hold at most ten and begin at multiples of their size. Raising the number
  computes again the last, incomplete chunk of each curve: none from a multiple of ten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compute_lambda import FitTask
from dashboard.planning.spec import DatasetFacts, JobSpec
from kmeans_core import COVARIANCE_TYPES, CovarianceType

if TYPE_CHECKING:
    from dashboard.planning.cost import CostModel

MAX_RESULT_NUMBERS = 50_000
"""Model parameters in one answer, about 1 MB of JSON; one experiment may exceed it."""

CHUNK_SIZES = (10, 5, 2, 1)
"""Experiments per task. Every size divides ten, the default number of experiments."""

K_BLOCK = 5
"""Values of K are grouped within blocks of so many; people end their ranges at 5, 10, 15."""

SHORTEST_TARGET_MS = 75.0
"""Tasks are not made shorter than this on purpose: their overhead is some 2 ms each."""

LONGEST_TARGET_MS = 400.0
"""No task of several experiments is predicted to take longer: the curves move several times a
second, and a lost task costs little."""

REFERENCE_TASKS = 64
"""Between the two limits, a job with all types, K = 1 to 10 and ten experiments of these data is
divided by this: some tens of tasks, so that two to eight workers end at about the same time."""

FIRST_WAVE_SHARE = 0.25
"""Tasks of the first wave are this much shorter: the first point is what people wait for."""


@dataclass(frozen=True, slots=True)
class Group:
    """What one task holds: fits of one type for some K and experiments, predicted to take `ms`.

    `start` is where the chunk of experiments begins, -1 in the first wave.
    """

    start: int
    covariance_type: str
    k_values: tuple[int, ...]
    experiments: tuple[int, ...]
    ms: float


@dataclass(frozen=True, slots=True)
class Workload:
    """The part of a job that decides where tasks are cut."""

    costs: CostModel
    n_rows: int
    d: int
    n_restarts: int
    max_iter: int

    @classmethod
    def of(cls, spec: JobSpec, n_rows: int, costs: CostModel) -> Workload:
        """That of a job on `n_rows` usable rows."""
        return cls(costs, n_rows, len(spec.columns), spec.n_restarts, spec.max_iter)

    def experiment_ms(self, covariance_type: str, k: int) -> float:
        """Predicted time of one experiment."""
        return self.costs.experiment_ms(
            covariance_type, k, self.n_rows, self.d, self.n_restarts, self.max_iter
        )

    def result_numbers(self, covariance_type: str, k: int) -> int:
        """Model parameters that one experiment answers with."""
        return k * (1 + self.d) + math.prod(
            CovarianceType.of(covariance_type).covariance_shape(k, self.d)
        )

    def target_ms(self) -> float:
        """The longest a task of several experiments should take, see REFERENCE_TASKS."""
        reference_ms = 10 * sum(
            self.experiment_ms(kind, k) for kind in COVARIANCE_TYPES for k in range(1, 11)
        )
        return max(SHORTEST_TARGET_MS, min(reference_ms / REFERENCE_TASKS, LONGEST_TARGET_MS))


def plan(spec: JobSpec, dataset: DatasetFacts, n_rows: int, costs: CostModel) -> list[FitTask]:
    """The tasks of a job; every (type, K, experiment) is in exactly one of them.

    First experiment 0 alone for every type and K, K ascending and the types interleaved, so that
    whole curves appear early; then the other experiments in chunks. `n_rows` is the number of
    usable rows, `costs` belong to the backend that will run the tasks.
    """
    return tasks_of(spec, dataset, groups(spec, n_rows, costs))


def tasks_of(spec: JobSpec, dataset: DatasetFacts, cut: Iterable[Group]) -> list[FitTask]:
    """One task for each group, in the same order."""
    positions = tuple(dataset.position(name) for name in spec.columns)
    return [_task(spec, positions, group) for group in cut]


def groups(spec: JobSpec, n_rows: int, costs: CostModel) -> list[Group]:
    """What the tasks of a job hold, in the order in which they are to be run."""
    work = Workload.of(spec, n_rows, costs)
    target_ms = work.target_ms()
    found: list[Group] = []
    for kind in (kind for kind in COVARIANCE_TYPES if kind in spec.covariance_types):
        # Cut for every K up to the end of the last block, then reduced to the K that are asked for.
        last = -(-spec.k_max // K_BLOCK) * K_BLOCK
        for cut in k_groups(work, kind, range(1, last + 1), 1, FIRST_WAVE_SHARE * target_ms):
            found += _groups(spec, work, kind, cut, [(-1, (0,))])
        sizes = {k: chunk_size(work, kind, k, target_ms) for k in range(1, last + 1)}
        for size in CHUNK_SIZES:
            same = [k for k, own in sizes.items() if own == size]
            for cut in k_groups(work, kind, same, size, target_ms):
                found += _groups(spec, work, kind, cut, _chunks(size, spec.n_experiments))
    order = {kind: number for number, kind in enumerate(COVARIANCE_TYPES)}
    found.sort(key=lambda group: (group.start, group.k_values, order[group.covariance_type]))
    return found


def chunk_size(work: Workload, covariance_type: str, k: int, target_ms: float) -> int:
    """Experiments per task: the largest of CHUNK_SIZES that keeps to target and answer size."""
    one_ms = work.experiment_ms(covariance_type, k)
    numbers = work.result_numbers(covariance_type, k)
    largest = min(target_ms / one_ms, MAX_RESULT_NUMBERS / numbers)
    return next((size for size in CHUNK_SIZES if size <= largest), 1)


def k_groups(
    work: Workload,
    covariance_type: str,
    k_values: Sequence[int],
    n_experiments: int,
    target_ms: float,
) -> Iterator[tuple[int, ...]]:
    """Ascending `k_values` cut into runs of one block that keep to target and answer size."""
    run: list[int] = []
    run_ms, run_numbers = 0.0, 0
    for k in k_values:
        ms = n_experiments * work.experiment_ms(covariance_type, k)
        numbers = n_experiments * work.result_numbers(covariance_type, k)
        too_much = run_ms + ms > target_ms or run_numbers + numbers > MAX_RESULT_NUMBERS
        if run and (too_much or (k - 1) // K_BLOCK != (run[-1] - 1) // K_BLOCK):
            yield tuple(run)
            run, run_ms, run_numbers = [], 0.0, 0
        run.append(k)
        run_ms += ms
        run_numbers += numbers
    if run:
        yield tuple(run)


def _chunks(size: int, n_experiments: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(start, experiments) of all chunks; experiment 0 belongs to the first wave."""
    for start in range(0, n_experiments, size):
        members = tuple(range(max(start, 1), min(start + size, n_experiments)))
        if members:
            yield start, members


def _groups(
    spec: JobSpec,
    work: Workload,
    kind: str,
    cut: tuple[int, ...],
    chunks: Iterable[tuple[int, tuple[int, ...]]],
) -> Iterator[Group]:
    k_values = tuple(k for k in cut if spec.k_min <= k <= spec.k_max)
    if not k_values:
        return
    one_ms = sum(work.experiment_ms(kind, k) for k in k_values)
    for start, experiments in chunks:
        yield Group(start, kind, k_values, experiments, one_ms * len(experiments))


def _task(spec: JobSpec, positions: tuple[int, ...], group: Group) -> FitTask:
    return FitTask(
        dataset_id=spec.dataset_id,
        columns=positions,
        standardise=spec.standardise,
        covariance_type=group.covariance_type,
        n_clusters=group.k_values,
        experiments=group.experiments,
        n_restarts=spec.n_restarts,
        seed=spec.seed,
        distance=spec.distance,
        min_members=spec.min_members,
        reg_covar=float(spec.reg_covar),
        max_iter=spec.max_iter,
    )
