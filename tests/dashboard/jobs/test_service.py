"""Jobs from submission to their end, with exact counts of what was computed and recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask_caching import Cache

from compute_lambda import FitTask
from dashboard.datasets import Dataset
from dashboard.jobs.memo import Memo, file_cache
from dashboard.jobs.service import JobService
from dashboard.planning.plan import Group, groups, plan
from dashboard.planning.spec import JobSpec, SpecError
from dashboard.planning.spending import Usage
from dashboard.stores.base import JobRecord, JobStore, StoreError
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.jobs import made_up
from tests.dashboard.jobs.doubles import ONE_BY_ONE, OneTable, ScriptedBackend
from tests.dashboard.jobs.made_up import task_id
from tests.error_shape import check_record
from tests.waiting import WAIT_S, until

Make = Callable[..., JobService]


def spec(k_max: int = 6, **changes: object) -> JobSpec:
    """One type, one experiment: one task of 2 fits for each K."""
    settings = {"covariance_types": ("full-untied",), "n_experiments": 1, "n_restarts": 2}
    return made_up.spec(k_max=k_max, **{**settings, **changes})


def tasks_of(what: JobSpec) -> list[FitTask]:
    return plan(what, OneTable().get(what.dataset_id), 30, ONE_BY_ONE)


def ids_of(what: JobSpec) -> list[str]:
    return [task.task_id for task in tasks_of(what)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    opened = SqliteJobStore(tmp_path / "jobs.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return file_cache(tmp_path / "cache")


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
def make(store: JobStore, backend: ScriptedBackend, cache: Cache) -> Iterator[Make]:
    """Services over the same store, as processes would have them; closed at the end."""
    made: list[JobService] = []

    def make_one(**changes: object) -> JobService:
        parts = {"store": store, "backend": backend, "catalogue": OneTable(), "memo": Memo(cache)}
        timing = {"lease_s": 30.0, "heartbeat_s": 0.02}
        service = JobService(**{**parts, **timing, **changes})  # type: ignore[arg-type]
        made.append(service)
        return service

    yield make_one
    for service in made:
        service.close()


def finished(service: JobService, what: JobSpec) -> JobRecord:
    record = service.wait(what.job_id, WAIT_S)
    assert record is not None
    assert record.finished, record
    return record


def finished_by_itself(store: JobStore, what: JobSpec) -> JobRecord:
    """The same for a reader who only looks, as the page does, and takes nothing over."""
    until(lambda: (found := store.job(what.job_id)) and found.finished, "the job is finished")
    record = store.job(what.job_id)
    assert record is not None
    return record


def counts(record: JobRecord) -> tuple[int, int, int]:
    return record.n_done, record.n_failed, record.n_units_done


class TestSubmit:
    def test_every_task_is_computed_once(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        service, what = make(), spec()
        queued = service.submit(what)
        assert (queued.job_id, queued.n_tasks, queued.n_units) == (what.job_id, 6, 12)
        assert (queued.dataset_name, queued.backend) == ("field", "local")
        record = finished(service, what)
        assert (record.state, *counts(record), record.n_running) == ("done", 6, 0, 12, 0)
        assert record.best == {"type": "full-untied", "k": 6, "bic": 60.0}
        assert backend.started == dict.fromkeys(ids_of(what), 1)
        assert store.settled(what.job_id) == dict.fromkeys(ids_of(what), "done")
        assert (record.owner, record.error) == (None, None)

    def test_a_finished_job_comes_back_at_once(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        service, what = make(), spec()
        service.submit(what)
        before = finished(service, what)
        until(lambda: not service.runs_here(what.job_id), "the run has ended")
        assert service.submit(what) == before
        assert not service.runs_here(what.job_id)
        assert backend.started.total() == 6
        assert len(store.jobs()) == 1

    def test_many_at_once_are_one_job(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        one, other, what = make(), make(), spec(k_max=20)
        threads = [
            threading.Thread(target=service.submit, args=(what,))
            for service in (one, other)
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        record = finished(one, what)
        assert (record.state, *counts(record)) == ("done", 20, 0, 40)
        assert backend.started == dict.fromkeys(ids_of(what), 1)
        assert len(store.jobs()) == 1

    def test_jobs_do_not_wait_for_each_other(self, make: Make, backend: ScriptedBackend) -> None:
        backend.gate = threading.Semaphore(0)
        service = make()
        stuck, quick = spec(seed=1), spec(seed=2)
        service.submit(stuck)
        until(lambda: backend.started.total() == 1, "the first job has begun")
        second = make(backend=ScriptedBackend())
        second.submit(quick)
        assert finished(second, quick).state == "done"
        backend.gate.release(6)
        assert finished(service, stuck).state == "done"

    def test_what_cannot_be_run_is_refused(self, make: Make, store: JobStore) -> None:
        service = make()
        with pytest.raises(SpecError, match="number of usable rows, 30"):
            service.submit(spec(k_max=31))
        with pytest.raises(SpecError, match='"c", which it does not have'):
            service.submit(JobSpec(made_up.DATASET_ID, ("a", "c")))
        assert store.jobs() == []

    def test_readers_see_outcomes_while_the_job_runs(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        backend.gate = threading.Semaphore(3)
        service, what = make(), spec()
        service.submit(what)
        job_id = what.job_id
        until(lambda: len(store.outcomes(job_id).outcomes) == 3, "three of six are recorded")

        def record() -> JobRecord:
            found = store.job(job_id)
            assert found is not None
            return found

        until(lambda: record().n_running == 1, "the heartbeat tells that one runs")
        assert (record().state, *counts(record())) == ("running", 3, 0, 6)
        backend.gate.release(3)
        assert finished(service, what).n_running == 0


class TestMemo:
    def test_known_fits_are_not_computed_again(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        service, what = make(), spec()
        service.submit(what)
        before = finished(service, what)
        service.delete(what.job_id)
        assert store.jobs() == []
        service.submit(what)
        again = finished(service, what)
        assert (again.state, counts(again), again.best) == ("done", counts(before), before.best)
        assert backend.started.total() == 6

    def test_a_wider_range_computes_only_what_is_new(
        self, make: Make, backend: ScriptedBackend
    ) -> None:
        service = make()
        narrow, wide = spec(k_max=4), spec(k_max=7)
        service.submit(narrow)
        finished(service, narrow)
        service.submit(wide)
        record = finished(service, wide)
        assert counts(record) == (7, 0, 14)
        assert backend.started == dict.fromkeys(ids_of(wide), 1)

    def test_known_fits_come_before_the_first_new_one(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        service, narrow, wide = make(), spec(k_max=4), spec(k_min=3, k_max=7)
        service.submit(narrow)
        finished(service, narrow)
        backend.gate = threading.Semaphore(0)
        service.submit(wide)
        until(lambda: len(store.settled(wide.job_id)) == 2, "what is known is recorded")
        assert set(store.settled(wide.job_id)) == set(ids_of(narrow)[2:])
        backend.gate.release(3)
        assert counts(finished(service, wide)) == (5, 0, 10)

    def test_looking_up_many_fits_does_not_hold_up_the_others(
        self, make: Make, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dashboard.jobs.run.RECALL_S", 0.0)
        service, narrow, wide = make(), spec(k_min=4, k_max=5), spec(k_max=6)
        service.submit(narrow)
        finished(service, narrow)
        service.submit(wide)
        assert counts(finished(service, wide)) == (6, 0, 12)
        assert backend.started == dict.fromkeys(ids_of(wide), 1)

    def test_what_came_from_the_memo_is_not_written_back(
        self, make: Make, cache: Cache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, what = make(), spec()
        first.submit(what)
        finished(first, what)
        first.delete(what.job_id)
        memo = Memo(cache)
        monkeypatch.setattr(memo, "put", lambda _result: pytest.fail("written back"))
        second = make(memo=memo)
        second.submit(what)
        assert counts(finished(second, what)) == (6, 0, 12)

    def test_failures_are_not_remembered(self, make: Make, backend: ScriptedBackend) -> None:
        service, what = make(), spec()
        backend.failing = {ids_of(what)[2]: 1}
        service.submit(what)
        assert counts(finished(service, what)) == (5, 1, 10)
        service.delete(what.job_id)
        service.submit(what)
        assert counts(finished(service, what)) == (6, 0, 12)
        assert backend.started[ids_of(what)[2]] == 2
        assert backend.started.total() == 7


class TestCancel:
    def run_three(self, make: Make, store: JobStore, backend: ScriptedBackend) -> JobService:
        backend.gate = threading.Semaphore(3)
        service = make()
        service.submit(spec())
        until(
            lambda: len(store.settled(spec().job_id)) == 3 and backend.started.total() == 4,
            "three are recorded and the fourth runs",
        )
        return service

    def test_what_is_recorded_stays_and_the_rest_is_done_later(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        service, what = self.run_three(make, store, backend), spec()
        service.cancel(what.job_id)
        record = finished(service, what)
        assert (record.state, *counts(record), record.n_running) == ("cancelled", 3, 0, 6, 0)
        assert record.best == {"type": "full-untied", "k": 3, "bic": 30.0}
        assert backend.finished.total() == 3
        assert store.orphaned(1e12) == []

        assert backend.gate is not None
        backend.gate.release(3)
        reopened = service.submit(what)
        assert (reopened.cancel_requested, reopened.finished_at) == (False, None)
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("done", 6, 0, 12)
        assert record.best == {"type": "full-untied", "k": 6, "bic": 60.0}
        assert backend.finished == dict.fromkeys(ids_of(what), 1)

    def test_from_another_process(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        runner, what = self.run_three(make, store, backend), spec()
        other = make(backend=ScriptedBackend())
        assert not other.runs_here(what.job_id)
        other.cancel(what.job_id)
        record = finished(other, what)
        assert (record.state, *counts(record)) == ("cancelled", 3, 0, 6)
        until(lambda: not runner.runs_here(what.job_id), "the runner has let go")
        assert backend.finished.total() == 3

    def test_taken_back_at_once(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        """Cancel and Run in one breath: the job goes on, although the old run was told to stop."""
        service, what = self.run_three(make, store, backend), spec()
        assert backend.gate is not None
        service.cancel(what.job_id)
        service.submit(what)
        backend.gate.release(4)
        record = finished_by_itself(store, what)
        assert (record.state, *counts(record)) == ("done", 6, 0, 12)
        assert backend.finished == dict.fromkeys(ids_of(what), 1)

    def test_a_job_that_nobody_runs(self, make: Make, store: JobStore) -> None:
        store.create_job(made_up.job())
        make().cancel(made_up.job().job_id)
        record = store.job(made_up.job().job_id)
        assert record is not None
        assert (record.state, record.owner) == ("cancelled", None)

    def test_of_a_finished_or_unknown_job_changes_nothing(self, make: Make) -> None:
        service, what = make(), spec()
        service.submit(what)
        before = finished(service, what)
        service.cancel(what.job_id)
        service.cancel("nope")
        assert finished(service, what) == before


class TestFailures:
    def test_the_rest_is_unaffected_and_a_rerun_does_only_them(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        service, what = make(), spec()
        bad = ids_of(what)[1], ids_of(what)[4]
        backend.failing = {bad[0]: 1, bad[1]: 2}
        service.submit(what)
        record = finished(service, what)
        assert (record.state, *counts(record), record.error) == ("done", 4, 2, 8, None)
        errors = {o.task_id: o for o in store.outcomes(what.job_id).outcomes if o.error}
        assert set(errors) == set(bad)
        assert errors[bad[0]].attempts == 4
        assert errors[bad[0]].error == {
            "code": "boom",
            "message": "It broke.",
            "details": {
                "kind": "fit",
                "covariance_type": "full-untied",
                "n_clusters": [2],
                "experiments": [0],
            },
            "request_id": "r",
        }

        service.rerun_failed(what.job_id)
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("done", 5, 1, 10)
        service.submit(what)  # the same as a rerun, once something has failed
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("done", 6, 0, 12)
        expected = dict.fromkeys(ids_of(what), 1) | {bad[0]: 2, bad[1]: 3}
        assert backend.started == expected

    def test_a_rerun_without_failures_does_nothing(
        self, make: Make, backend: ScriptedBackend
    ) -> None:
        service, what = make(), spec()
        service.submit(what)
        before = finished(service, what)
        assert service.rerun_failed(what.job_id) == before
        assert service.rerun_failed("nope") is None
        assert backend.started.total() == 6

    def test_a_rerun_while_the_job_runs(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        backend.gate = threading.Semaphore(3)
        service, what = make(), spec()
        backend.failing = {ids_of(what)[0]: 1}
        service.submit(what)
        until(lambda: len(store.settled(what.job_id)) == 3, "three are recorded, one as failed")
        service.rerun_failed(what.job_id)
        backend.gate.release(4)
        record = finished_by_itself(store, what)
        assert (record.state, *counts(record)) == ("done", 6, 0, 12)
        assert backend.started == dict.fromkeys(ids_of(what), 1) | {ids_of(what)[0]: 2}

    def test_when_nothing_could_run_the_job_has_failed_with_the_reason(
        self, make: Make, backend: ScriptedBackend
    ) -> None:
        service, what = make(), spec()
        backend.failing = dict.fromkeys(ids_of(what), 1)
        service.submit(what)
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("failed", 0, 6, 0)
        assert record.error == "None of the 6 tasks could be computed. It broke."
        service.submit(what)
        record = finished(service, what)
        assert (record.state, *counts(record), record.error) == ("done", 6, 0, 12, None)

    def test_an_unexpected_error_is_an_id_not_a_stack(
        self, make: Make, backend: ScriptedBackend, caplog: pytest.LogCaptureFixture
    ) -> None:
        service, what = make(), spec()
        backend.crash_after = 2
        service.submit(what)
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("failed", 2, 0, 4)
        assert record.error is not None
        assert "secret" not in record.error
        error_id = record.error.split("(")[1].split()[0]
        assert error_id in caplog.text
        assert "secret detail" in caplog.text
        assert what.job_id in caplog.text

        backend.crash_after = None
        service.submit(what)
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("done", 6, 0, 12)
        assert backend.finished == dict.fromkeys(ids_of(what), 1)

    def test_a_task_without_an_outcome_is_a_failure(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        service, what = make(), spec()
        backend.lose = {ids_of(what)[3]}
        service.submit(what)
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("done", 5, 1, 10)
        (lost,) = [o for o in store.outcomes(what.job_id).outcomes if o.status == "failed"]
        assert lost.task_id == ids_of(what)[3]
        assert lost.error is not None
        check_record(lost.error)
        assert lost.error["code"] == "no_outcome"


class TestTakeOver:
    def half_done(self, store: JobStore, what: JobSpec, owner: str, lease_s: float) -> None:
        """A job of a process that died after two tasks."""
        all_tasks = tasks_of(what)
        store.create_job(
            JobRecord(what.job_id, what, "field", "local", len(all_tasks), 2 * len(all_tasks))
        )
        store.acquire_lease(what.job_id, owner, lease_s)
        store.set_state(what.job_id, "running", owner=owner)
        for number in range(2):
            done = made_up.TaskOutcome(
                all_tasks[number].task_id,
                "done",
                2,
                result=made_up.result(all_tasks[number].task_id, made_up.fit(bic=99.0 + number)),
            )
            store.record(what.job_id, [done])

    def test_only_what_is_missing_runs(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        what = spec()
        self.half_done(store, what, "dead", lease_s=0.3)
        service = make()
        service.start()
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("done", 6, 0, 12)
        assert backend.started == dict.fromkeys(ids_of(what)[2:], 1)
        # What the dead process found counts, too.
        assert record.best == {"type": "full-untied", "k": 1, "bic": 100.0}

    def test_a_store_that_stays_out_of_reach_is_said_once(
        self,
        make: Make,
        store: JobStore,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("dashboard.jobs.service.WATCH_S", 0.01)
        answers = ["expired"] * 20 + [""] + ["expired"] * 20
        real = store.orphaned

        def orphaned(now: float) -> list[str]:
            if answers and (said := answers.pop(0)):
                raise StoreError(said)
            return real(now)

        monkeypatch.setattr(store, "orphaned", orphaned)
        what = spec()
        self.half_done(store, what, "dead", lease_s=0.0)
        make().start()
        until(lambda: not answers, "it has looked that often")
        assert finished_by_itself(store, what).state == "done"
        lines = [record for record in caplog.records if "orphaned" in record.message]
        assert [record.message.rpartition(": ")[2] for record in lines] == ["expired", "expired"]
        assert not any(record.exc_info for record in lines)

    def test_who_waits_takes_over_too(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        what = spec()
        self.half_done(store, what, "dead", lease_s=0.2)
        assert finished(make(), what).state == "done"
        assert backend.started.total() == 4

    def test_a_held_job_is_left_alone(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        held, free = spec(seed=1), spec(seed=2)
        self.half_done(store, held, "alive", lease_s=60.0)
        self.half_done(store, free, "dead", lease_s=0.0)
        service = make()
        service.start()
        assert finished(service, free).state == "done"
        record = service.submit(held)
        assert (record.state, record.owner) == ("running", "alive")
        until(lambda: not service.runs_here(held.job_id), "the attempt has ended")
        assert backend.started == dict.fromkeys(ids_of(free)[2:], 1)

    def test_a_job_of_another_backend_is_left_alone(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        mine, foreign = spec(seed=1), spec(seed=2)
        self.half_done(store, foreign, "dead", lease_s=0.0)
        elsewhere = make(backend=ScriptedBackend("aws"))
        elsewhere.submit(mine)
        assert finished(elsewhere, mine).state == "done"
        elsewhere.start()
        here = make()
        here.start()
        assert finished(here, foreign).state == "done"
        assert backend.started == dict.fromkeys(ids_of(foreign)[2:], 1)

    def test_a_cancelled_job_of_a_dead_process_is_not_run(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        what = spec()
        self.half_done(store, what, "dead", lease_s=600.0)
        service = make()
        service.cancel(what.job_id)  # the lease still holds: nobody can tell that it is dead
        left = store.job(what.job_id)
        assert left is not None
        assert not left.finished
        assert store.renew_lease(what.job_id, "dead", 0.0, 0) is not None  # as time does
        service.start()
        record = finished(service, what)
        assert (record.state, *counts(record)) == ("cancelled", 2, 0, 4)
        assert backend.started.total() == 0

    def test_without_its_dataset_a_job_fails_with_the_reason(
        self, make: Make, store: JobStore
    ) -> None:
        what, catalogue = spec(), OneTable()
        self.half_done(store, what, "dead", lease_s=0.0)
        catalogue.deleted = True
        service = make(catalogue=catalogue)
        service.start()
        record = finished(service, what)
        assert (record.state, record.error) == ("failed", "There is no such dataset.")
        assert counts(record) == (2, 0, 4)

    def test_in_the_cloud_a_job_on_another_machines_table_is_left_to_it(
        self, make: Make, store: JobStore
    ) -> None:
        class WithoutTable(OneTable):
            n_asked = 0

            def get(self, dataset_id: str) -> Dataset:
                self.n_asked += 1
                return super().get(dataset_id)

        what, here = spec(), WithoutTable()
        here.deleted = True
        store.create_job(JobRecord(what.job_id, what, "field", "aws", 6, 12))
        make(backend=ScriptedBackend("aws"), catalogue=here).start()
        # The second look comes after whatever was done upon the first one.
        until(lambda: here.n_asked >= 2, "the machine without the table has looked twice")
        left = store.job(what.job_id)
        assert left is not None
        assert (left.state, left.error, left.owner) == ("queued", None, None)
        make(backend=ScriptedBackend("aws")).start()
        assert finished_by_itself(store, what).state == "done"

    def test_closing_hands_a_job_over_at_once(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        backend.gate = threading.Semaphore(3)
        what = spec()
        first = make(lease_s=600.0)
        first.submit(what)
        until(lambda: len(store.settled(what.job_id)) == 3, "three are recorded")
        first.close()
        left = store.job(what.job_id)
        assert left is not None
        assert (left.state, left.owner, left.n_running) == ("running", None, 0)
        backend.gate.release(3)
        second = make()
        second.start()
        assert counts(finished(second, what)) == (6, 0, 12)
        assert backend.finished == dict.fromkeys(ids_of(what), 1)

    def test_closing_waits_for_a_run_that_looks_at_the_store_once_more(
        self, make: Make, store: JobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At its end a run asks whether its job was submitted again; then the store is closed."""
        looks, go_on, what = threading.Event(), threading.Event(), spec()
        service, ask = make(), store.job

        def slow_job(job_id: str) -> JobRecord | None:
            if threading.current_thread().name.startswith("job-") and not service.runs_here(job_id):
                looks.set()
                go_on.wait(WAIT_S)
            return ask(job_id)

        monkeypatch.setattr(store, "job", slow_job)
        service.submit(what)
        assert looks.wait(WAIT_S)
        closer = threading.Thread(target=service.close)
        closer.start()
        until(lambda: service._closing.is_set(), "the service is being closed")
        closer.join(0.2)
        assert closer.is_alive()
        go_on.set()
        closer.join(WAIT_S)
        assert not closer.is_alive()

    def test_a_lost_lease_stops_the_old_owner(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        """As after a long sleep: the lease ran out, somebody else has the job."""
        backend.gate = threading.Semaphore(2)
        what = spec()
        sleeper = make(lease_s=0.05, heartbeat_s=0.5)
        sleeper.submit(what)
        until(lambda: len(store.settled(what.job_id)) == 2, "two are recorded")
        until(lambda: store.acquire_lease(what.job_id, "thief", 60.0), "the lease is free")
        until(lambda: not sleeper.runs_here(what.job_id), "the old owner has noticed")
        record = store.job(what.job_id)
        assert record is not None
        assert (record.state, record.owner, *counts(record)) == ("running", "thief", 2, 0, 4)
        assert backend.finished.total() == 2

    def test_a_finished_job_with_other_chunks_is_left_alone(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        """Another release groups experiments otherwise: what is done stays done."""
        what = spec()
        store.create_job(JobRecord(what.job_id, what, "field", "local", 2, 12))
        store.acquire_lease(what.job_id, "then", 60.0)
        first = ids_of(what)[0]
        outcome = made_up.TaskOutcome(first, "done", 2, result=made_up.result(first))
        store.record(what.job_id, [outcome, made_up.done(7)])
        before = store.set_state(what.job_id, "done", owner="then")
        assert make().submit(what) == before
        assert backend.started.total() == 0

    def test_the_lease_holds_while_the_end_takes_long(
        self, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Very many earlier results are read for the best model: nobody may take over meanwhile."""
        what, owners = spec(), []

        def slow_best(*_: object, **__: object) -> None:
            for _ in range(3):
                now[0] += 50.0
                until(lambda: lease_of(what)[1] == now[0] + 60.0, "the lease is renewed")
                other._adopt_orphans()
                owners.append(lease_of(what)[0])

        def lease_of(what: JobSpec) -> tuple[str | None, float | None]:
            record = store.job(what.job_id)
            assert record is not None
            return record.owner, record.lease_expires_at

        monkeypatch.setattr("dashboard.jobs.recorder.Recorder.summary", slow_best)
        now = [1_000.0]
        store = SqliteJobStore(tmp_path / "timed.sqlite3", clock=lambda: now[0])
        timing = {"store": store, "lease_s": 60.0, "clock": lambda: now[0]}
        other = make(**timing, owner="other")
        make(**timing, owner="first").submit(what)
        assert finished_by_itself(store, what).state == "done"
        assert [owner is not None and owner.startswith("first") for owner in owners] == [True] * 3

    def test_tasks_of_another_release_are_put_aside(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        what = spec()
        store.create_job(JobRecord(what.job_id, what, "field", "local", 2, 12))
        store.record(what.job_id, [made_up.done(1), made_up.done(2)])
        assert task_id(1) in store.settled(what.job_id)
        service = make()
        service.submit(what)
        record = finished(service, what)
        assert (record.state, record.n_tasks, *counts(record)) == ("done", 6, 6, 0, 12)
        assert store.settled(what.job_id) == dict.fromkeys(ids_of(what), "done")
        assert backend.started.total() == 6


class TestDelete:
    def test_of_a_running_job(self, make: Make, store: JobStore, backend: ScriptedBackend) -> None:
        backend.gate = threading.Semaphore(3)
        service, what = make(), spec()
        service.submit(what)
        until(lambda: len(store.settled(what.job_id)) == 3, "three are recorded")
        assert service.delete(what.job_id) is True
        assert store.jobs() == []
        assert store.outcomes(what.job_id).outcomes == ()
        until(lambda: not service.runs_here(what.job_id), "the run has ended")
        assert store.jobs() == []
        assert service.delete(what.job_id) is False

    def test_of_a_job_that_another_process_runs(
        self, make: Make, store: JobStore, backend: ScriptedBackend
    ) -> None:
        backend.gate = threading.Semaphore(1)
        runner, what = make(), spec()
        runner.submit(what)
        until(lambda: len(store.settled(what.job_id)) == 1, "one is recorded")
        assert make(backend=ScriptedBackend()).delete(what.job_id) is True
        until(lambda: not runner.runs_here(what.job_id), "the runner has let go")
        assert store.jobs() == []


class FlakyStore:
    """Fails the first `n` calls of `method`, as with a full disk, then works."""

    def __init__(self, store: JobStore, method: str, n: int) -> None:
        self._store, self._method, self.left = store, method, n

    def __getattr__(self, name: str):
        if name == self._method and self.left:
            self.left -= 1

            def fail(*_: object, **__: object) -> None:
                raise OSError("disk full")

            return fail
        return getattr(self._store, name)


@pytest.mark.parametrize("method", ["record", "renew_lease"])
def test_a_store_that_fails_for_a_while_loses_nothing(
    make: Make, store: JobStore, backend: ScriptedBackend, method: str
) -> None:
    backend.gate = threading.Semaphore(0)
    flaky = FlakyStore(store, method, 0)
    service, what = make(store=flaky), spec()
    service.submit(what)
    until(lambda: backend.started.total() == 1, "the job runs")
    flaky.left = 3
    backend.gate.release(5)
    until(lambda: flaky.left == 0, "the store has failed three times")
    backend.gate.release(1)
    record = finished(service, what)
    assert (record.state, *counts(record)) == ("done", 6, 0, 12)
    assert backend.started == dict.fromkeys(ids_of(what), 1)


def test_a_job_is_cut_into_tasks_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quote of the settings in view, Run, and a second Run: one and the same groups."""
    n_made = 0

    def counting(*arguments: Any) -> list[Group]:
        nonlocal n_made
        n_made += 1
        return groups(*arguments)

    monkeypatch.setattr("dashboard.planning.analysis.groups", counting)
    service, what = make(), spec()
    quoted = service.quote(what)
    service.submit(what)
    assert quoted.n_tasks == finished(service, what).n_tasks == 6
    service.submit(what)
    assert n_made == 1


class TestLabels:
    def test_what_they_cost_is_added_and_leaves_less_of_the_cap(
        self, make: Make, store: JobStore
    ) -> None:
        service, what = make(), spec()
        assert service.left_usd(what.job_id) is None  # no such job
        service.submit(what, spending_cap_usd=1.0)
        finished(service, what)
        service.charge_labels(what.job_id, Usage(3, 100, 0.75))
        record = store.job(what.job_id)
        assert record is not None
        assert record.spent == record.usage + Usage(3, 100, 0.75)
        assert service.left_usd(what.job_id) == pytest.approx(0.25 - record.usage.usd)
        service.charge_labels(what.job_id, Usage(1, 1, 9.0))
        assert service.left_usd(what.job_id) == 0.0
        store.set_spending_cap(what.job_id, None)
        assert service.left_usd(what.job_id) is None
