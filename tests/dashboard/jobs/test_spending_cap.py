"""A job stops at its cap with a reason, goes on when the cap is raised, and knows what it cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.jobs.memo import Memo, file_cache
from dashboard.jobs.service import JobService
from dashboard.planning.spec import JobSpec
from dashboard.planning.spending import Usage
from dashboard.stores.base import JobRecord, JobStore
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.jobs import made_up
from tests.dashboard.jobs.doubles import OneTable, ScriptedBackend
from tests.waiting import WAIT_S, until

#: One type, one experiment: six tasks, one for each K.
SPEC = made_up.spec(k_max=6, covariance_types=("full-untied",), n_experiments=1, n_restarts=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    opened = SqliteJobStore(tmp_path / "jobs.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def backend() -> ScriptedBackend:
    made = ScriptedBackend()
    made.task_usd = 0.25  # a power of two: sums are exact
    return made


@pytest.fixture
def make(
    store: JobStore, backend: ScriptedBackend, tmp_path: Path
) -> Iterator[Callable[[], JobService]]:
    made: list[JobService] = []

    def make_one() -> JobService:
        memo = Memo(file_cache(tmp_path / "cache"))
        service = JobService(
            store,
            backend,
            OneTable(),  # type: ignore[arg-type]
            memo,
            lease_s=30.0,
            heartbeat_s=0.02,
        )
        made.append(service)
        return service

    yield make_one
    for service in made:
        service.close()


def finished(service: JobService, spec: JobSpec = SPEC) -> JobRecord:
    record = service.wait(spec.job_id, WAIT_S)
    assert record is not None
    assert record.finished, record
    until(lambda: not service.runs_here(spec.job_id), "the run has let go")
    return record


def test_without_a_cap_the_record_says_what_it_cost(make: Callable[[], JobService]) -> None:
    service = make()
    service.submit(SPEC)
    record = finished(service)
    assert (record.state, record.n_done, record.usage) == ("done", 6, Usage(6, 120, 1.5))
    assert record.spending_cap_usd is None


def test_a_cap_that_is_just_enough_stops_nothing(make: Callable[[], JobService]) -> None:
    service = make()
    service.submit(SPEC, spending_cap_usd=1.5)
    record = finished(service)
    assert (record.state, record.n_done, record.error) == ("done", 6, None)


def test_stopped_with_a_reason_and_resumed_by_raising_the_cap(
    make: Callable[[], JobService], store: JobStore, backend: ScriptedBackend
) -> None:
    service = make()
    service.submit(SPEC, spending_cap_usd=1.2)
    record = finished(service)
    assert (record.state, record.n_done, record.n_failed) == ("cancelled", 4, 0)
    assert record.usage == Usage(4, 80, 1.0)
    assert record.error == (
        "Stopped at the spending cap of $1.2: $1.0000 spent on 4 requests. Raise the cap and run"
        " the job again; it goes on with what is missing."
    )
    assert record.best == {"type": "full-untied", "k": 4, "bic": 40.0}
    assert store.orphaned(1e12) == []

    service.submit(SPEC, spending_cap_usd=1.2)  # the same again: nothing more is sent
    record = finished(service)
    assert (record.state, record.n_done, record.usage) == ("cancelled", 4, Usage(4, 80, 1.0))

    service.submit(SPEC, spending_cap_usd=1.25)  # what earlier runs spent counts
    record = finished(service)
    assert (record.state, record.n_done, record.usage) == ("cancelled", 5, Usage(5, 100, 1.25))

    service.submit(SPEC)
    record = finished(service)
    assert (record.state, record.n_done, record.error) == ("done", 6, None)
    assert record.usage == Usage(6, 120, 1.5)
    assert set(backend.started.values()) == {1}


def test_raised_while_it_runs(
    make: Callable[[], JobService], store: JobStore, backend: ScriptedBackend
) -> None:
    backend.gate = threading.Semaphore(2)
    service = make()
    service.submit(SPEC, spending_cap_usd=1.0)
    until(lambda: len(store.settled(SPEC.job_id)) == 2, "two are recorded and the third waits")
    service.submit(SPEC, spending_cap_usd=50.0)
    run = service._runs[SPEC.job_id]
    until(lambda: run._budget.cap_usd == 50.0, "a heartbeat has brought the new cap")
    backend.gate.release(4)
    record = finished(service)
    assert (record.state, record.n_done, record.spending_cap_usd) == ("done", 6, 50.0)


def test_raised_at_the_moment_it_ends(
    make: Callable[[], JobService], store: JobStore, backend: ScriptedBackend
) -> None:
    """The run ran into the old cap; the record has the new one: the job goes on by itself."""
    service = make()
    raised = threading.Event()
    record_of = store.job

    def job(job_id: str) -> JobRecord | None:
        run = service._runs.get(job_id)
        if run is not None and run._budget.exhausted and not raised.is_set():
            raised.set()
            store.set_spending_cap(job_id, 50.0)
        return record_of(job_id)

    store.job = job  # type: ignore[method-assign]
    service.submit(SPEC, spending_cap_usd=0.5)
    record = finished(service)
    assert raised.is_set()
    assert (record.state, record.n_done, record.usage) == ("done", 6, Usage(6, 120, 1.5))
    assert set(backend.started.values()) == {1}


def test_a_run_taken_over_goes_on_from_what_was_spent(
    make: Callable[[], JobService], store: JobStore, backend: ScriptedBackend
) -> None:
    backend.gate = threading.Semaphore(2)
    first = make()
    first.submit(SPEC, spending_cap_usd=1.0)
    until(lambda: len(store.settled(SPEC.job_id)) == 2, "two are recorded and the third waits")
    first.close()
    record = store.job(SPEC.job_id)
    assert record is not None
    assert record.usage == Usage(3, 60, 0.75)  # the third was paid for and is lost
    backend.gate.release(9)
    second = make()
    record = finished(second)
    assert (record.state, record.n_done, record.usage) == ("cancelled", 3, Usage(4, 80, 1.0))
