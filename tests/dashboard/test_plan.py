"""The plan: everything once, in an order that shows curves early, reusable when a job grows."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute_lambda import FitTask
from dashboard.jobs.plan import (
    CHUNK_SIZES,
    TASK_TARGET_MS,
    chunk_size,
    estimate_s,
    experiment_ms,
    n_features,
    plan,
)
from dashboard.jobs.spec import JobSpec
from kmeans_core import COVARIANCE_TYPES


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


def fits_of(tasks: list[FitTask]) -> Counter[tuple[str, int, int]]:
    return Counter(
        (task.covariance_type, k, experiment)
        for task in tasks
        for k in task.n_clusters
        for experiment in task.experiments
    )


@settings(deadline=None)
@given(specs, n_rows)
def test_every_fit_is_in_exactly_one_valid_task(spec: JobSpec, n: int) -> None:
    tasks = plan(spec, DATASET, n)
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
    assert plan(spec, DATASET, 100) == [
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


def test_whole_curves_come_first() -> None:
    tasks = plan(SPEC, DATASET, 3_000)
    first_wave = tasks[: 6 * 10]
    assert [(t.n_clusters, t.covariance_type) for t in first_wave] == [
        ((k,), kind) for k in range(1, 11) for kind in COVARIANCE_TYPES
    ]
    assert {t.experiments for t in first_wave} == {(0,)}
    later = tasks[60:]
    starts = [t.experiments[0] for t in later]
    assert 0 not in starts
    # Within the same chunk number K ascends and types stay interleaved.
    wave = [t for t in later if t.experiments[0] == 1]
    assert [t.n_clusters[0] for t in wave] == sorted(t.n_clusters[0] for t in wave)


@settings(deadline=None, max_examples=50)
@given(specs, n_rows, st.integers(0, 30), st.integers(0, 5))
def test_a_wider_job_repeats_all_complete_tasks(
    spec: JobSpec, n: int, more_experiments: int, more_k: int
) -> None:
    wider = dataclasses.replace(
        spec,
        k_min=1,
        k_max=spec.k_max + more_k,
        n_experiments=spec.n_experiments + more_experiments,
        covariance_types=COVARIANCE_TYPES,
    )
    known = {task.task_id for task in plan(wider, DATASET, n)}
    lost = [task for task in plan(spec, DATASET, n) if task.task_id not in known]
    # Only the last chunk of a curve may be incomplete, and then it is one per (type, K).
    cells = Counter((task.covariance_type, task.n_clusters) for task in lost)
    assert all(count == 1 for count in cells.values())
    assert all(task.experiments[-1] == spec.n_experiments - 1 for task in lost)
    if spec.n_experiments % 10 == 0 or more_experiments == 0:
        assert lost == []


@pytest.mark.parametrize("n", [100, 3_000, 200_000])
def test_from_ten_experiments_to_twenty_nothing_is_computed_twice(n: int) -> None:
    ten = {task.task_id for task in plan(SPEC, DATASET, n)}
    twenty = plan(dataclasses.replace(SPEC, n_experiments=20), DATASET, n)
    assert ten <= {task.task_id for task in twenty}
    new = [task for task in twenty if task.task_id not in ten]
    assert sum(task.n_fits for task in new) == SPEC.n_fits


def test_chunks_keep_to_the_target() -> None:
    for kind in COVARIANCE_TYPES:
        for n in (50, 3_000, 30_000, 300_000):
            for k in (1, 5, 30):
                size = chunk_size(kind, k, n, 4, 10)
                assert size in CHUNK_SIZES
                assert size == 1 or size * experiment_ms(kind, k, n, 4, 10) <= TASK_TARGET_MS
    assert chunk_size("diag-tied", 2, 3_000, 2, 10) == 10
    assert chunk_size("full-untied", 10, 1_000_000, 4, 10) == 1


def test_answers_of_many_columns_and_clusters_stay_small() -> None:
    # 64 covariance matrices of 64 x 64 are 5 MB of JSON: one experiment per answer.
    assert chunk_size("full-untied", 64, 70, 64, 1) == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("full-tied", 4),
        ("diag-tied", 4),
        ("spher-tied", 4),
        ("spher-untied", 5),
        ("diag-untied", 7),
        ("full-untied", 10),
    ],
)
def test_features_of_three_columns(kind: str, expected: int) -> None:
    assert n_features(kind, 3) == expected


def test_the_estimate_grows_with_the_work_and_shrinks_with_the_workers() -> None:
    one = estimate_s(SPEC, 3_000, 1)
    assert 1 < one < 60
    assert estimate_s(SPEC, 3_000, 2) == pytest.approx(one / 2)
    twice = dataclasses.replace(SPEC, n_experiments=20)
    assert estimate_s(twice, 3_000, 1) == pytest.approx(2 * one)
    # A single experiment is not divided: more workers than tasks do not help.
    slowest_s = experiment_ms("full-untied", 10, 3_000, 2, 10) / 1e3
    assert estimate_s(SPEC, 3_000, 10**6) == pytest.approx(slowest_s)
