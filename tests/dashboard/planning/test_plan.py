"""The plan: everything once, in an order that shows curves early, reusable when a job grows."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute_lambda import FitTask
from dashboard.planning.cost import NATIVE_COSTS, NUMPY_COSTS, CostModel
from dashboard.planning.plan import (
    CHUNK_SIZES,
    K_BLOCK,
    LONGEST_TARGET_MS,
    MAX_RESULT_NUMBERS,
    SHORTEST_TARGET_MS,
    Workload,
    groups,
    plan,
)
from dashboard.planning.spec import JobSpec
from kmeans_core import COVARIANCE_TYPES, CovarianceType


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Just enough of a dataset: its column names in stored order."""

    names: tuple[str, ...] = ("x", "y", "z", "ec")
    dataset_id: str = "ab" * 32
    n_rows: int = 3_000
    columns: tuple[Any, ...] = ()
    other_columns: tuple[str, ...] = ()

    def position(self, name: str, /) -> int:
        return self.names.index(name)


DATASET = Dataset()
SPEC = JobSpec(DATASET.dataset_id, ("ec", "x"))

specs = st.builds(
    JobSpec,
    dataset_id=st.just(DATASET.dataset_id),
    columns=st.lists(st.sampled_from(DATASET.names), min_size=1, unique=True).map(tuple),
    k_min=st.integers(1, 5),
    k_max=st.integers(5, 12),
    covariance_types=st.lists(st.sampled_from(COVARIANCE_TYPES), min_size=1, unique=True).map(
        tuple
    ),
    n_experiments=st.integers(1, 40),
    n_restarts=st.integers(1, 60),
)
n_rows = st.integers(12, 2_000_000)
models = st.sampled_from([NUMPY_COSTS, NATIVE_COSTS, CostModel(1e4, 1.0, 1e3, 2.0)])


def fits_of(tasks: list[FitTask]) -> Counter[tuple[str, int, int]]:
    return Counter(
        (task.covariance_type, k, experiment)
        for task in tasks
        for k in task.n_clusters
        for experiment in task.experiments
    )


@settings(deadline=None)
@given(specs, n_rows, models)
def test_every_fit_is_in_exactly_one_valid_task(spec: JobSpec, n: int, costs: CostModel) -> None:
    tasks = plan(spec, DATASET, n, costs)
    expected = {
        (kind, k, experiment)
        for kind in spec.covariance_types
        for k in range(spec.k_min, spec.k_max + 1)
        for experiment in range(spec.n_experiments)
    }
    found = fits_of(tasks)
    assert set(found) == expected
    assert set(found.values()) == {1}
    assert sum(task.n_fits for task in tasks) == spec.n_fits
    assert len({task.task_id for task in tasks}) == len(tasks)
    for task in tasks:
        assert FitTask.from_dict(task.to_dict()) == task


def test_tasks_carry_the_settings_and_the_positions_of_the_columns() -> None:
    spec = dataclasses.replace(
        SPEC,
        standardise=False,
        k_max=1,
        covariance_types=("diag-tied",),
        n_experiments=1,
        n_restarts=3,
        min_members=7,
        seed=11,
        distance="mahalanobis",
        reg_covar=1e-4,
        max_iter=50,
    )
    assert plan(spec, DATASET, 100, NATIVE_COSTS) == [
        FitTask(
            dataset_id=DATASET.dataset_id,
            columns=(3, 0),
            standardise=False,
            covariance_type="diag-tied",
            n_clusters=(1,),
            experiments=(0,),
            n_restarts=3,
            seed=11,
            distance="mahalanobis",
            min_members=7,
            reg_covar=1e-4,
            max_iter=50,
        )
    ]


@pytest.mark.parametrize("costs", [NUMPY_COSTS, NATIVE_COSTS])
@pytest.mark.parametrize("n", [100, 3_000, 200_000])
def test_whole_curves_come_first(n: int, costs: CostModel) -> None:
    tasks = plan(SPEC, DATASET, n, costs)
    n_first = sum(task.experiments == (0,) for task in tasks)
    first_wave = tasks[:n_first]
    assert {task.experiments for task in first_wave} == {(0,)}
    assert all(0 not in task.experiments for task in tasks[n_first:])
    expected = {(kind, k, 0) for kind in COVARIANCE_TYPES for k in range(1, 11)}
    assert set(fits_of(first_wave)) == expected
    # K ascends, and no type gets ahead of the others by more than a task.
    assert {task.covariance_type for task in first_wave[:6]} == set(COVARIANCE_TYPES)
    begins = [task.n_clusters[0] for task in first_wave]
    assert begins == sorted(begins)


@pytest.mark.parametrize("costs", [NUMPY_COSTS, NATIVE_COSTS])
@pytest.mark.parametrize("n", [100, 3_000, 30_000])
def test_the_first_points_come_soon(n: int, costs: CostModel) -> None:
    longest_ms = max(group.ms for group in groups(SPEC, n, costs) if group.start < 0)
    slowest_ms = costs.experiment_ms("full-untied", 10, n, 2, 10)
    assert longest_ms <= max(100.0, slowest_ms)


# -- reuse ----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=80)
@given(specs, n_rows, models, st.integers(0, 30), st.integers(0, 4), st.integers(0, 8))
def test_a_wider_job_repeats_all_tasks_but_those_that_were_cut(
    spec: JobSpec, n: int, costs: CostModel, more_experiments: int, less_k: int, more_k: int
) -> None:
    wider = dataclasses.replace(
        spec,
        k_min=max(1, spec.k_min - less_k),
        k_max=spec.k_max + more_k,
        n_experiments=spec.n_experiments + more_experiments,
        covariance_types=COVARIANCE_TYPES,
    )
    known = {task.task_id for task in plan(wider, DATASET, n, costs)}
    lost = [task for task in plan(spec, DATASET, n, costs) if task.task_id not in known]
    for task in lost:
        cut_below = spec.k_min in task.n_clusters and wider.k_min < spec.k_min
        cut_above = spec.k_max in task.n_clusters and wider.k_max > spec.k_max
        cut_chunk = task.experiments[-1] == spec.n_experiments - 1
        assert cut_below or cut_above or cut_chunk
        # What was cut shares a block with what is new, and is computed again in one task with it.
        if not cut_chunk:
            assert len(task.n_clusters) < K_BLOCK
            outer = task.n_clusters[0] - 1 if cut_below else task.n_clusters[-1]
            assert not cut_above or cut_below or outer % K_BLOCK != 0
            assert not cut_below or cut_above or outer % K_BLOCK != 0
    # At most the one group at each end of the range, per type and chunk of experiments.
    ends = Counter(
        (task.covariance_type, task.experiments)
        for task in lost
        if (task.experiments[-1] != spec.n_experiments - 1)
    )
    assert all(count <= 2 for count in ends.values())
    lost_k = Counter((kind, experiment) for kind, _, experiment in fits_of(lost))
    complete = spec.n_experiments - spec.n_experiments % 10
    assert all(
        count <= 2 * (K_BLOCK - 1)
        for (_, experiment), count in lost_k.items()
        if experiment < complete
    )
    same_k = spec.k_min == wider.k_min and spec.k_max == wider.k_max
    if same_k and (spec.n_experiments % 10 == 0 or more_experiments == 0):
        assert lost == []


@pytest.mark.parametrize("costs", [NUMPY_COSTS, NATIVE_COSTS])
@pytest.mark.parametrize("n", [100, 3_000, 200_000])
@pytest.mark.parametrize(
    "change",
    [
        {"n_experiments": 20},
        {"n_experiments": 50},
        {"k_max": 11},
        {"k_max": 15},
        {"k_max": 20, "n_experiments": 30},
    ],
)
def test_from_the_default_job_to_a_wider_one_nothing_is_computed_twice(
    n: int, costs: CostModel, change: dict[str, Any]
) -> None:
    default = {task.task_id for task in plan(SPEC, DATASET, n, costs)}
    wider_spec = dataclasses.replace(SPEC, **change)
    wider = plan(wider_spec, DATASET, n, costs)
    assert default <= {task.task_id for task in wider}
    new = [task for task in wider if task.task_id not in default]
    assert sum(task.n_fits for task in new) == wider_spec.n_fits - SPEC.n_fits


@pytest.mark.parametrize("n", [100, 3_000])
def test_another_type_leaves_the_tasks_of_the_others(n: int) -> None:
    some = dataclasses.replace(SPEC, covariance_types=("full-untied", "spher-tied"))
    fewer = {task.task_id for task in plan(some, DATASET, n, NATIVE_COSTS)}
    assert fewer < {task.task_id for task in plan(SPEC, DATASET, n, NATIVE_COSTS)}


def test_widening_from_within_a_block_computes_that_group_again() -> None:
    """From K = 1-8 to 1-9: the tasks that hold K = 8, of every type; the others stay."""
    to_eight = plan(dataclasses.replace(SPEC, k_max=8), DATASET, 3_000, NATIVE_COSTS)
    to_nine = plan(dataclasses.replace(SPEC, k_max=9), DATASET, 3_000, NATIVE_COSTS)
    known = {task.task_id for task in to_nine}
    lost = [task for task in to_eight if task.task_id not in known]
    assert 0 < len(lost) <= 2 * len(COVARIANCE_TYPES)  # first wave and one chunk
    assert all(min(task.n_clusters) >= 6 and max(task.n_clusters) == 8 for task in lost)


# -- sizes ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(specs, n_rows, models)
def test_tasks_keep_to_the_target_and_to_the_size_of_an_answer(
    spec: JobSpec, n: int, costs: CostModel
) -> None:
    work = Workload.of(spec, n, costs)
    assert SHORTEST_TARGET_MS <= work.target_ms() <= LONGEST_TARGET_MS
    for group in groups(spec, n, costs):
        kind, d = group.covariance_type, len(spec.columns)
        ms = {k: costs.experiment_ms(kind, k, n, d, spec.n_restarts) for k in group.k_values}
        assert group.ms == pytest.approx(sum(ms.values()) * len(group.experiments))
        assert len(group.experiments) <= max(CHUNK_SIZES)
        assert (group.k_values[0] - 1) // K_BLOCK == (group.k_values[-1] - 1) // K_BLOCK
        if len(group.k_values) * len(group.experiments) > 1:
            assert group.ms <= work.target_ms() * (1 + 1e-9)
            assert numbers(group.k_values, kind, d) * len(group.experiments) <= MAX_RESULT_NUMBERS


def numbers(k_values: tuple[int, ...], kind: str, d: int) -> int:
    """Model parameters of one experiment for each K."""
    shapes = (CovarianceType.of(kind).covariance_shape(k, d) for k in k_values)
    return sum(k * (1 + d) + math.prod(shape) for k, shape in zip(k_values, shapes, strict=True))


def test_a_target_does_not_depend_on_what_is_asked_for() -> None:
    narrow = dataclasses.replace(
        SPEC, k_min=3, k_max=4, n_experiments=1, covariance_types=("diag-tied",)
    )
    for n in (100, 10_000, 10**6):
        targets = {Workload.of(spec, n, NATIVE_COSTS).target_ms() for spec in (SPEC, narrow)}
        assert len(targets) == 1


@pytest.mark.parametrize("costs", [NUMPY_COSTS, NATIVE_COSTS])
@pytest.mark.parametrize("n", [100, 3_000, 20_000])
def test_all_types_leave_every_worker_several_tasks(n: int, costs: CostModel) -> None:
    n_tasks = len(plan(SPEC, DATASET, n, costs))
    assert 24 <= n_tasks <= 600  # 8 for each of three workers; never more than one per curve point


def test_overhead_stays_small_where_the_job_is_big_enough() -> None:
    """Compiled kernel: what the tasks cost beside the fits, of 20,000 rows and of many fits."""
    found = groups(SPEC, 20_000, NATIVE_COSTS)
    busy_ms = sum(group.ms for group in found)
    assert len(found) * NATIVE_COSTS.task_ms < 0.08 * busy_ms
    many = groups(dataclasses.replace(SPEC, n_experiments=100), 3_080, NATIVE_COSTS)
    assert len(many) * NATIVE_COSTS.task_ms < 0.08 * sum(group.ms for group in many)
    middle_ms = statistics.median(group.ms for group in many)
    assert 20 <= middle_ms <= 500


def test_answers_of_many_columns_and_clusters_stay_small() -> None:
    # 64 covariance matrices of 64 x 64 are 5 MB of JSON: one experiment of one K per answer.
    names = tuple(f"c{number}" for number in range(64))
    wide = JobSpec(DATASET.dataset_id, names, k_min=61, k_max=64, n_restarts=1)
    found = [g for g in groups(wide, 70, NATIVE_COSTS) if g.covariance_type == "full-untied"]
    assert {(len(group.k_values), len(group.experiments)) for group in found} == {(1, 1)}
