"""Small tables and tasks on them that take a millisecond each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compute_lambda import FitResult, FitTask
from dashboard.backends import TaskEvent, TaskFailure, TaskResult

GOOD, OTHER, THIRD, GONE = ("aa" * 32, "bb" * 32, "cc" * 32, "dd" * 32)

TASK = FitTask(
    dataset_id=GOOD,
    columns=(0, 1),
    standardise=True,
    covariance_type="full-untied",
    n_clusters=(3,),
    experiments=(0,),
    n_restarts=3,
    seed=0,
)


def table(dataset_id: str, n_rows: int = 120) -> NDArray[np.float64]:
    rng = np.random.default_rng(int(dataset_id[:2], 16))
    return rng.normal(size=(n_rows, 2)) + 5 * rng.integers(0, 3, size=(n_rows, 1))


def write_tables(
    directory: Path, ids: Sequence[str] = (GOOD, OTHER, THIRD), n_rows: int = 120
) -> None:
    """The tables as the catalogue stores them: column-major float64 `.npy`."""
    for dataset_id in ids:
        np.save(directory / f"{dataset_id}.npy", np.asfortranarray(table(dataset_id, n_rows)))


def many(n: int, **change: Any) -> list[FitTask]:
    return [dataclasses.replace(TASK, seed=seed, **change) for seed in range(n)]


def ids(tasks: Sequence[FitTask]) -> list[str]:
    return [task.task_id for task in tasks]


def results(events: Sequence[TaskEvent]) -> dict[str, FitResult]:
    """By task id; every task has at most one."""
    found = [event for event in events if isinstance(event, TaskResult)]
    assert len({event.task_id for event in found}) == len(found)
    return {event.task_id: event.result for event in found}


def failures(events: Sequence[TaskEvent]) -> dict[str, TaskFailure]:
    """By task id; every task has at most one."""
    found = [event for event in events if isinstance(event, TaskFailure)]
    assert len({event.task_id for event in found}) == len(found)
    return {event.task_id: event for event in found}


def outcomes(events: Sequence[TaskEvent]) -> tuple[dict[str, FitResult], dict[str, TaskFailure]]:
    """Results and failures; no task has both."""
    done, failed = results(events), failures(events)
    assert not done.keys() & failed.keys()
    return done, failed


def fits(result: FitResult) -> Any:
    """What has to be equal whoever computed it."""
    return result.to_dict()["fits"]


def shape(events: Sequence[TaskEvent]) -> list[tuple[str, str]]:
    return [(type(event).__name__, event.task_id) for event in events]
