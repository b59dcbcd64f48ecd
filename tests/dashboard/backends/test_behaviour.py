"""What every backend does: the same events, results, failures, turns and ends."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from compute_lambda import FitTask, fit
from dashboard.backends import Backend, TaskEvent, TaskResult, TaskStarted
from dashboard.planning.spending import Budget
from kmeans_core import COVARIANCE_TYPES
from tests.dashboard.backends.conftest import Stage
from tests.dashboard.backends.made_up_tasks import (
    GONE,
    GOOD,
    OTHER,
    TASK,
    THIRD,
    failures,
    fits,
    ids,
    many,
    results,
    shape,
    table,
)
from tests.waiting import WAIT_S, until


def run(backend: Backend, tasks: Sequence[FitTask]) -> list[TaskEvent]:
    return list(backend.run(tasks, threading.Event()))


def wait_until(condition: Callable[[], bool]) -> None:
    until(condition, "the backend has come that far")


def test_one_at_a_time_gives_an_exact_sequence(stage: Stage) -> None:
    tasks = many(5)
    expected = [(name, t.task_id) for t in tasks for name in ("TaskStarted", "TaskResult")]
    assert shape(run(stage.open(1), tasks)) == expected


def test_every_task_starts_once_and_before_its_result(stage: Stage) -> None:
    tasks = many(12)
    before = time.time()
    events = run(stage.open(4), tasks)
    sequence = shape(events)
    assert len(sequence) == 24
    for task in tasks:
        started = sequence.index(("TaskStarted", task.task_id))
        assert started < sequence.index(("TaskResult", task.task_id))
    assert all(before <= e.at <= time.time() for e in events if isinstance(e, TaskStarted))
    assert {event.attempts for event in events if isinstance(event, TaskResult)} == {1}


def test_results_are_those_of_the_fit_itself(stage: Stage) -> None:
    tasks = [
        dataclasses.replace(TASK, covariance_type=kind, n_clusters=(k,), experiments=(0, 1))
        for kind in COVARIANCE_TYPES
        for k in (1, 3, 5)
    ]
    found = results(run(stage.open(2), tasks))
    direct = {task.task_id: fits(fit(task, table(GOOD))) for task in tasks}
    assert {task_id: fits(result) for task_id, result in found.items()} == direct
    assert all(result.resume is None for result in found.values())


def test_no_tasks_no_events(stage: Stage) -> None:
    assert run(stage.open(2), []) == []


def test_what_a_backend_says_of_itself(stage: Stage) -> None:
    backend = stage.open(3)
    assert backend.concurrency == 3
    assert backend.name.isidentifier()
    assert "3" in backend.label
    assert backend.costs == backend.costs.rounded()
    assert backend.cost_usd(0.0, 0) == 0.0


def test_it_needs_room_for_one(stage: Stage) -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        stage.open(0)


def test_a_failing_task_leaves_the_others_alone(stage: Stage) -> None:
    gone = dataclasses.replace(TASK, dataset_id=GONE)
    beyond = dataclasses.replace(TASK, columns=(0, 7))
    tasks = [*many(3), gone, beyond, *many(6)[3:]]
    events = run(stage.open(2), tasks)
    failed = failures(events)
    assert {task_id: failure.error["code"] for task_id, failure in failed.items()} == {
        gone.task_id: "dataset_not_found",
        beyond.task_id: "unknown_column",
    }
    assert set(results(events)) == set(ids(many(6)))
    for failure in failed.values():
        assert set(failure.error) == {"code", "message", "details", "request_id"}
        assert failure.error["message"].startswith("Expected ")
        assert failure.attempts == 1


def test_an_error_of_the_task_list_reaches_the_caller(stage: Stage) -> None:
    def tasks() -> Iterator[FitTask]:
        yield TASK
        raise KeyError("planner")

    backend = stage.open(2)
    with pytest.raises(KeyError, match="planner"):
        list(backend.run(tasks(), threading.Event()))
    assert len(results(run(backend, many(2)))) == 2


def test_tasks_are_taken_only_a_few_ahead(stage: Stage) -> None:
    taken = []

    def tasks() -> Iterator[FitTask]:
        for task in many(60):
            taken.append(task)
            yield task

    events = stage.open(3).run(tasks(), threading.Event())
    most_open = 0
    n_ended = 0
    for event in events:
        most_open = max(most_open, len(taken) - n_ended)
        n_ended += isinstance(event, TaskResult)
    assert n_ended == 60
    assert most_open <= 2 * 3


def test_the_limit_holds_over_all_jobs(stage: Stage) -> None:
    backend = stage.open(3)
    stage.gate.clear()
    with ThreadPoolExecutor(3) as jobs:
        runs = [
            jobs.submit(run, backend, many(8, dataset_id=dataset_id))
            for dataset_id in (GOOD, OTHER, THIRD)
        ]
        wait_until(lambda: len(stage.begun) == 3)
        stage.gate.set()
        found = [results(job.result(timeout=WAIT_S)) for job in runs]
    assert [len(each) for each in found] == [8, 8, 8]
    assert stage.most_at_once == 3


def test_jobs_take_turns_and_the_newest_is_next(stage: Stage) -> None:
    backend = stage.open(1)
    stage.gate.clear()
    with ThreadPoolExecutor(2) as jobs:
        old = jobs.submit(run, backend, many(4, dataset_id=GOOD))
        wait_until(lambda: len(stage.begun) == 1)
        events = backend.run(many(4, dataset_id=OTHER), threading.Event())
        new = jobs.submit(lambda: list(events))
        # Time enough for the second job's tasks to be there when the first one's first ends.
        wait_until(lambda: n_waiting(backend) >= 3)
        stage.gate.set()
        assert len(results(old.result(WAIT_S))) == 4
        assert len(results(new.result(WAIT_S))) == 4
    assert stage.begun[:5] == [GOOD, OTHER, GOOD, OTHER, GOOD]


def n_waiting(backend: Backend) -> int:
    """Tasks that wait for their turn, over all jobs."""
    return sum(len(job.waiting) for job in list(backend._runs))  # type: ignore[attr-defined]


def test_cancel_before_the_start(stage: Stage) -> None:
    cancelled = threading.Event()
    cancelled.set()
    assert list(stage.open(2).run(many(3), cancelled)) == []
    assert stage.begun == []


def test_cancel_begins_nothing_new_and_keeps_what_was_on_its_way(stage: Stage) -> None:
    backend = stage.open(2)
    cancelled = threading.Event()
    stage.gate.clear()
    with ThreadPoolExecutor(1) as jobs:
        job = jobs.submit(lambda: list(backend.run(many(30), cancelled)))
        wait_until(lambda: len(stage.begun) == 2)
        cancelled.set()
        stage.gate.set()
        events = job.result(timeout=WAIT_S)
    assert len(stage.begun) == 2
    assert sum(isinstance(event, TaskStarted) for event in events) == 2
    assert failures(events) == {}
    if stage.kind == "api":  # paid for already; a thread is better stopped at once
        assert set(results(events)) == set(ids(many(2)))


def test_cancelling_one_job_leaves_the_other_running(stage: Stage) -> None:
    backend = stage.open(2)
    cancelled = threading.Event()
    stage.gate.clear()
    with ThreadPoolExecutor(2) as jobs:
        first = jobs.submit(lambda: list(backend.run(many(30), cancelled)))
        wait_until(lambda: len(stage.begun) == 2)
        other = jobs.submit(run, backend, many(5, dataset_id=OTHER))
        wait_until(lambda: n_waiting(backend) >= 5)
        cancelled.set()
        stage.gate.set()
        assert len(results(other.result(WAIT_S))) == 5
        assert set(results(first.result(WAIT_S))) <= set(ids(many(2)))
    assert stage.begun.count(GOOD) == 2


def test_closing_the_iterator_stops_its_tasks(stage: Stage) -> None:
    backend = stage.open(2)
    events = backend.run(many(30), threading.Event())
    assert isinstance(next(events), TaskStarted)
    events.close()  # type: ignore[attr-defined]
    assert list(backend._runs) == []  # type: ignore[attr-defined]
    n_begun = stage.begun.count(GOOD)
    assert len(results(run(backend, many(4, dataset_id=OTHER)))) == 4
    assert stage.begun.count(GOOD) - n_begun <= 2  # what was just being begun


def test_closing_the_backend_ends_its_runs(stage: Stage) -> None:
    backend = stage.open(2)
    stage.gate.clear()
    with ThreadPoolExecutor(2) as jobs:
        job = jobs.submit(run, backend, many(30))
        wait_until(lambda: len(stage.begun) == 2)
        closing = jobs.submit(backend.close)
        wait_until(lambda: backend._closed)  # type: ignore[attr-defined]
        stage.gate.set()
        closing.result(timeout=WAIT_S)
        events = job.result(timeout=WAIT_S)
    assert len(stage.begun) == 2
    assert set(results(events)) <= set(ids(many(2)))
    assert failures(events) == {}
    with pytest.raises(RuntimeError, match="closed"):
        run(backend, [TASK])


def test_a_budget_that_has_room_changes_nothing(stage: Stage) -> None:
    budget = Budget(1e6)
    events = list(stage.open(2).run(many(6), threading.Event(), budget))
    assert set(results(events)) == set(ids(many(6)))
    assert not budget.exhausted
