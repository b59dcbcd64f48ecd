"""What is particular to the local backend: threads, shared data, interrupted fits, its log.

What it has in common with others is in test_behaviour.py.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from compute_lambda import FitResult, FitTask, Result, fit
from compute_lambda.contract.errors import DatasetError
from compute_lambda.tasks.host import Host
from compute_lambda.tasks.registry import run_task
from dashboard.backends import LocalBackend, TaskEvent, TaskFailure, TaskResult, TaskStarted, local
from kmeans_core import COVARIANCE_TYPES
from tests.waiting import WAIT_S, until

TASK = FitTask(
    dataset_id="aa" * 32,
    columns=(0, 1),
    standardise=True,
    covariance_type="full-untied",
    n_clusters=(3,),
    experiments=(0,),
    n_restarts=3,
    seed=0,
)
GOOD, OTHER, BAD, GONE = ("aa" * 32, "bb" * 32, "cc" * 32, "dd" * 32)
# Many short iterations: more than half a minute in all, a few hundredths of a second each.
LONG = dataclasses.replace(TASK, n_clusters=tuple(range(20, 65)), n_restarts=40, max_iter=10_000)


def table(dataset_id: str, n_rows: int = 120) -> NDArray[np.float64]:
    rng = np.random.default_rng(int(dataset_id[:2], 16))
    return rng.normal(size=(n_rows, 2)) + 5 * rng.integers(0, 3, size=(n_rows, 1))


class ScriptedStore:
    """Columns in memory; counts every read, fails as scripted, waits where a test asks it to."""

    def __init__(self, n_rows: int = 120) -> None:
        self.n_rows = n_rows
        self.reads: list[str] = []
        self.before_read: Callable[[str], None] = lambda _: None
        self.n_active = 0
        self.most_active = 0
        self._lock = threading.Lock()

    def read(self, dataset_id: str, positions: Sequence[int]) -> NDArray[np.float64]:
        with self._lock:
            self.reads.append(dataset_id)
            self.n_active += 1
            self.most_active = max(self.most_active, self.n_active)
        try:
            self.before_read(dataset_id)
            if dataset_id == BAD:
                raise OSError("/secret/disk is on fire")
            if dataset_id == GONE:
                raise DatasetError("dataset_not_found", "Expected a dataset. Upload it.", GONE)
            return table(dataset_id, self.n_rows)[:, list(positions)]
        finally:
            with self._lock:
                self.n_active -= 1


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def backend(store: ScriptedStore) -> Iterator[LocalBackend]:
    made = LocalBackend(store, 2)
    yield made
    made.close()


@pytest.fixture
def single(store: ScriptedStore) -> Iterator[LocalBackend]:
    made = LocalBackend(store, 1)
    yield made
    made.close()


def many(n: int, **change: Any) -> list[FitTask]:
    # Every seed needs data of its own, so that every task reads.
    return [dataclasses.replace(TASK, seed=seed, **change) for seed in range(n)]


def run(backend: LocalBackend, tasks: Sequence[FitTask]) -> list[TaskEvent]:
    return list(backend.run(tasks, threading.Event()))


def results(events: Sequence[TaskEvent]) -> dict[str, FitResult]:
    return {event.task_id: event.result for event in events if isinstance(event, TaskResult)}


def fits(result: FitResult) -> Any:
    return result.to_dict()["fits"]


def shape(events: Sequence[TaskEvent]) -> list[tuple[str, str]]:
    return [(type(event).__name__, event.task_id) for event in events]


def wait_until(condition: Callable[[], bool]) -> None:
    until(condition, "the backend has come that far")


def test_two_threads_start_every_task_once_and_before_its_result(backend: LocalBackend) -> None:
    tasks = many(12)
    before = time.time()
    events = run(backend, tasks)
    sequence = shape(events)
    assert len(sequence) == 24
    for task in tasks:
        started = sequence.index(("TaskStarted", task.task_id))
        assert started < sequence.index(("TaskResult", task.task_id))
    assert all(before <= e.at <= time.time() for e in events if isinstance(e, TaskStarted))
    workers = {result.invocation.worker for result in results(events).values()}
    assert workers <= {"worker_0", "worker_1"}


def test_the_same_results_with_one_thread_two_threads_and_none(store: ScriptedStore) -> None:
    tasks = [
        dataclasses.replace(TASK, covariance_type=kind, n_clusters=(k,), experiments=(0, 1))
        for kind in COVARIANCE_TYPES
        for k in (1, 3, 5)
    ]
    direct = {task.task_id: fits(fit(task, table(GOOD))) for task in tasks}
    for n_threads in (1, 2):
        backend = LocalBackend(store, n_threads)
        found = results(run(backend, tasks))
        backend.close()
        assert {task_id: fits(result) for task_id, result in found.items()} == direct
    assert store.reads == [GOOD, GOOD]  # one read per backend: the prepared data are shared


def test_what_a_backend_says_of_itself(
    backend: LocalBackend, single: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "KERNEL", "native")
    assert (backend.name, backend.label, backend.concurrency) == ("local", "Local · 2 threads", 2)
    assert single.label == "Local · 1 thread"
    monkeypatch.setattr(local, "KERNEL", "numpy")
    assert single.label == "Local · 1 thread · no compiled kernel"
    assert backend.cost_usd(3_600.0, 10_000) == 0.0


def test_blas_has_one_thread(backend: LocalBackend) -> None:
    run(backend, [TASK])
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} <= {1}


def test_a_failing_task_leaves_the_others_alone(
    backend: LocalBackend, caplog: pytest.LogCaptureFixture
) -> None:
    bad = dataclasses.replace(TASK, dataset_id=BAD)
    gone = dataclasses.replace(TASK, dataset_id=GONE)
    too_many = dataclasses.replace(TASK, n_clusters=(64,), dataset_id=OTHER)
    tasks = [*many(3), bad, gone, too_many, *many(6)[3:]]
    small = ScriptedStore(n_rows=50)
    with caplog.at_level(logging.ERROR):
        backend._store = small
        events = run(backend, tasks)
    failures = {e.task_id: e for e in events if isinstance(e, TaskFailure)}
    assert set(failures) == {bad.task_id, gone.task_id, too_many.task_id}
    assert set(results(events)) == {task.task_id for task in many(6)}
    assert {failure.attempts for failure in failures.values()} == {1}
    codes = {task_id: failure.error["code"] for task_id, failure in failures.items()}
    assert codes == {
        bad.task_id: "internal",
        gone.task_id: "dataset_not_found",
        too_many.task_id: "too_many_clusters",
    }
    for failure in failures.values():
        assert set(failure.error) == {"code", "message", "details", "request_id"}
    shown = failures[bad.task_id].error
    assert shown["request_id"] in shown["message"]
    assert "secret" not in json.dumps(shown)
    logged = {r["task_id"]: r for r in (json.loads(x.getMessage()) for x in caplog.records)}
    assert logged[bad.task_id]["request_id"] == shown["request_id"]
    assert "/secret/disk is on fire" in logged[bad.task_id]["traceback"]
    assert "traceback" not in logged[gone.task_id]


def test_a_failed_read_is_tried_again_by_the_next_task(backend: LocalBackend) -> None:
    store: Any = backend._store
    fails = iter([True, False])

    def fail_once(_: str) -> None:
        if next(fails):
            raise OSError("once")

    store.before_read = fail_once
    (_, first) = run(backend, [TASK])
    (_, second) = run(backend, [TASK])
    assert isinstance(first, TaskFailure)
    assert isinstance(second, TaskResult)
    assert store.reads == [GOOD, GOOD]


def test_at_most_n_threads_are_in_flight_over_all_jobs(
    backend: LocalBackend, store: ScriptedStore
) -> None:
    both = threading.Barrier(2, timeout=WAIT_S)
    meet_once = threading.Semaphore(2)

    def meet(_: str) -> None:
        if meet_once.acquire(blocking=False):
            both.wait()  # two tasks really are in flight together

    store.before_read = meet
    with ThreadPoolExecutor(3) as jobs:
        # Different datasets: a task that waits for data which another one reads does not read.
        runs = [
            jobs.submit(run, backend, many(8, dataset_id=dataset_id))
            for dataset_id in (GOOD, OTHER, "ee" * 32)
        ]
        found = [results(job.result(timeout=WAIT_S)) for job in runs]
    assert [len(each) for each in found] == [8, 8, 8]
    assert store.most_active == 2


def test_a_long_fit_makes_way_and_still_ends_the_same(
    single: LocalBackend, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "TURN_S", 0.0)
    long = dataclasses.replace(TASK, n_clusters=(8,), experiments=(0, 1), n_restarts=10)
    gate, ended = threading.Event(), []

    def recorded(task: FitTask, host: Host) -> Result:
        result = run_task(task, host)
        if result.resume is None:  # in the one thread that fits: their order is exact
            ended.append(task.n_clusters)
        return result

    monkeypatch.setattr(local, "run_task", recorded)
    store.before_read = lambda _: (gate.wait(WAIT_S), None)[1]

    with ThreadPoolExecutor(2) as jobs:
        slow = jobs.submit(run, single, [long])
        wait_until(lambda: len(store.reads) == 1)
        quick = jobs.submit(run, single, [dataclasses.replace(TASK, n_clusters=(1,))])
        wait_until(lambda: len(single._runs) == 2 and len(single._runs[0].waiting) == 1)
        gate.set()
        assert shape(quick.result(WAIT_S))[-1][0] == "TaskResult"
        events = slow.result(WAIT_S)
    assert ended == [(1,), (8,)]
    assert [name for name, _ in shape(events)] == ["TaskStarted", "TaskResult"]
    result = results(events)[long.task_id]
    assert result.resume is None
    assert fits(result) == fits(fit(long, table(GOOD)))


@pytest.mark.parametrize("distance", ["likelihood", "mahalanobis"])
@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_interrupting_after_every_iteration_changes_nothing(kind: str, distance: str) -> None:
    task = dataclasses.replace(
        TASK, covariance_type=kind, distance=distance, n_clusters=(2, 4), experiments=(0, 1)
    )
    undisturbed = fit(task, table(GOOD))
    result = fit(task, table(GOOD), should_stop=lambda: True)
    n_parts = 1
    while result.resume is not None:
        resume = json.loads(json.dumps(result.resume, allow_nan=False))
        again = dataclasses.replace(task, resume=resume)
        result = result.followed_by(fit(again, table(GOOD), should_stop=lambda: True))
        n_parts += 1
        assert n_parts < 1_000
    assert n_parts > 3
    assert fits(result) == fits(undisturbed)


def test_cancel_stops_a_long_fit_at_its_next_iteration(
    backend: LocalBackend, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []

    def recorded(task: FitTask, host: Host) -> Result:
        ended.append(run_task(task, host))
        return ended[-1]

    monkeypatch.setattr(local, "run_task", recorded)
    store.n_rows = 5_000
    cancelled = threading.Event()
    events = backend.run([dataclasses.replace(LONG, seed=s) for s in range(5)], cancelled)
    assert isinstance(next(events), TaskStarted)
    cancelled.set()
    n_started = 1
    for event in events:
        assert isinstance(event, TaskStarted)
        n_started += 1
    wait_until(lambda: len(ended) == n_started)
    assert all(result.resume is not None for result in ended)  # interrupted, not completed
    # The threads are free again, and a run that is not cancelled is served at once.
    store.n_rows = 120
    assert len(results(run(backend, many(3, dataset_id=OTHER)))) == 3


def test_cancel_keeps_what_was_finished(single: LocalBackend, store: ScriptedStore) -> None:
    cancelled = threading.Event()
    found = []
    for event in single.run(many(30), cancelled):
        found.append(event)
        if isinstance(event, TaskResult):
            cancelled.set()
    # The one that set the flag, and at most those that the thread had taken up meanwhile.
    assert 1 <= len(results(found)) <= 3
    assert len(store.reads) <= 4


def test_cancelling_one_job_leaves_the_other_running(backend: LocalBackend) -> None:
    cancelled = threading.Event()
    first = backend.run([LONG], cancelled)
    assert isinstance(next(first), TaskStarted)
    with ThreadPoolExecutor(1) as jobs:
        other = jobs.submit(run, backend, many(4, dataset_id=OTHER))
        cancelled.set()
        assert results(list(first)) == {}
        assert len(results(other.result(WAIT_S))) == 4


def test_closing_the_iterator_stops_its_tasks(backend: LocalBackend) -> None:
    events = backend.run([LONG], threading.Event())
    assert isinstance(next(events), TaskStarted)
    events.close()  # type: ignore[attr-defined]
    assert list(backend._runs) == []
    assert len(results(run(backend, many(4, dataset_id=OTHER)))) == 4


def test_closing_the_backend_ends_its_runs(store: ScriptedStore) -> None:
    backend = LocalBackend(store, 2)
    with ThreadPoolExecutor(1) as jobs:
        job = jobs.submit(run, backend, [dataclasses.replace(LONG, seed=s) for s in range(4)])
        wait_until(lambda: len(store.reads) == 2)
        backend.close()
        assert results(job.result(timeout=WAIT_S)) == {}
    with pytest.raises(RuntimeError, match="closed"):
        run(backend, [TASK])
