"""What every job store does, whatever it is made of."""

from __future__ import annotations

import dataclasses

import numpy as np

from dashboard.planning.spending import Usage
from dashboard.stores.base import JobRecord, JobStore
from tests.dashboard.conftest import StoreUnderTest
from tests.dashboard.jobs.made_up import done, failed, fit, job, task_id


def counts(record: JobRecord | None) -> tuple[int, int, int]:
    assert record is not None
    return record.n_done, record.n_failed, record.n_units_done


class TestJobs:
    def test_a_new_job_is_queued_with_nothing_done(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        made = store.create_job(job(n_tasks=7, n_units=35))
        assert made == store.job(made.job_id)
        assert made.spec == job().spec
        assert (made.dataset_name, made.backend) == ("field", "local")
        assert (made.state, made.n_tasks, made.n_units) == ("queued", 7, 35)
        assert (made.created_at, made.started_at, made.finished_at) == (stores.clock(), None, None)
        assert counts(made) == (0, 0, 0)
        assert (made.cancel_requested, made.error, made.best, made.owner) == (
            False,
            None,
            None,
            None,
        )

    def test_creating_it_again_changes_nothing(self, store: JobStore) -> None:
        first = store.create_job(job())
        store.record(first.job_id, [done(0)])
        again = store.create_job(dataclasses.replace(job(), dataset_name="renamed", n_tasks=99))
        assert (again.dataset_name, again.n_tasks, again.n_done) == ("field", 10, 1)
        assert len(store.jobs()) == 1

    def test_jobs_come_newest_first(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        made = []
        for seed in (3, 1, 2):
            stores.clock.now += 1.0
            made.append(store.create_job(job(seed)).job_id)
        assert [record.job_id for record in store.jobs()] == made[::-1]

    def test_a_deleted_job_leaves_nothing(self, store: JobStore) -> None:
        kept, gone = store.create_job(job(1)).job_id, store.create_job(job(2)).job_id
        store.record(kept, [done(0)])
        store.record(gone, [done(0), done(1)])
        assert store.delete_job(gone) is True
        assert store.delete_job(gone) is False
        assert store.job(gone) is None
        assert store.outcomes(gone).outcomes == ()
        assert store.settled(gone) == {}
        assert counts(store.job(kept)) == (1, 0, 5)

    def test_a_job_made_again_starts_from_nothing_with_later_cursors(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0), done(1)])
        seen = store.outcomes(job_id).cursor
        store.delete_job(job_id)
        assert counts(store.create_job(job())) == (0, 0, 0)
        store.record(job_id, [done(0)])
        assert [o.task_id for o in store.outcomes(job_id, after=seen).outcomes] == [task_id(0)]

    def test_an_unknown_job_is_no_error(self, store: JobStore) -> None:
        assert store.job("nope") is None
        assert store.record("nope", [done(0)]) == 0
        assert store.outcomes("nope", after=4).cursor == 4
        assert store.discard_failures("nope") == 0
        assert store.acquire_lease("nope", "a", 5.0) is False
        assert store.renew_lease("nope", "a", 5.0, 0) is None
        assert store.set_state("nope", "done", owner="a") is None
        assert store.reopen("nope") is None
        assert store.request_cancel("nope") is False
        store.release_lease("nope", "a")
        assert store.jobs() == []

    def test_two_handles_see_the_same(self, stores: StoreUnderTest) -> None:
        one, other = stores.open(), stores.open()
        job_id = one.create_job(job()).job_id
        one.record(job_id, [done(0)])
        assert counts(other.job(job_id)) == (1, 0, 5)


class TestOutcomes:
    def test_a_result_comes_back_to_the_last_bit(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        awkward = fit(bic=0.1 + 0.2, k=3, kind="full-untied")
        written = done(0, 5, awkward)
        store.record(job_id, [written])
        (read,) = store.outcomes(job_id).outcomes
        assert read.result is not None
        assert written.result is not None
        assert read.result.to_dict() == written.result.to_dict()
        assert read.result.fits[0].bic == 0.1 + 0.2
        np.testing.assert_array_equal(
            read.result.fits[0].model.covariances, awkward.model.covariances
        )
        assert (read.status, read.n_units, read.attempts, read.error) == ("done", 5, 1, None)

    def test_a_failure_keeps_its_reason(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        job_id = store.create_job(job()).job_id
        store.record(job_id, [failed(4, "no memory")])
        (read,) = store.outcomes(job_id).outcomes
        assert (read.status, read.attempts, read.result) == ("failed", 3, None)
        assert read.error == {
            "code": "boom",
            "message": "no memory",
            "details": {},
            "request_id": "r9",
        }
        assert read.recorded_at == stores.clock()

    def test_counts_follow(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        assert store.record(job_id, [done(0, 5), done(1, 20), failed(2)]) == 3
        assert counts(store.job(job_id)) == (2, 1, 25)

    def test_the_same_outcome_twice_counts_once(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0), failed(1)])
        before = [o.seq for o in store.outcomes(job_id).outcomes]
        assert store.record(job_id, [done(0), failed(1), done(0)]) == 0
        assert [o.seq for o in store.outcomes(job_id).outcomes] == before
        assert counts(store.job(job_id)) == (1, 1, 5)

    def test_a_done_task_is_never_overwritten(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0, 5, fit(bic=-1.0))])
        assert store.record(job_id, [failed(0), done(0, 5, fit(bic=-2.0))]) == 0
        (read,) = store.outcomes(job_id).outcomes
        assert read.result is not None
        assert read.result.fits[0].bic == -1.0
        assert counts(store.job(job_id)) == (1, 0, 5)

    def test_a_success_replaces_a_failure_under_a_new_cursor(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [failed(0), done(1)])
        seen = store.outcomes(job_id).cursor
        assert store.record(job_id, [done(0)]) == 1
        page = store.outcomes(job_id, after=seen)
        assert [(o.task_id, o.status) for o in page.outcomes] == [(task_id(0), "done")]
        everything = store.outcomes(job_id).outcomes
        assert [(o.task_id, o.status) for o in everything] == [
            (task_id(1), "done"),
            (task_id(0), "done"),
        ]
        assert counts(store.job(job_id)) == (2, 0, 10)

    def test_failure_and_success_in_one_batch(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        assert store.record(job_id, [failed(0), done(0)]) == 2
        assert store.settled(job_id) == {task_id(0): "done"}
        assert counts(store.job(job_id)) == (1, 0, 5)

    def test_pages_follow_the_cursor(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(number) for number in range(7)])
        read, cursor, sizes = [], 0, []
        while True:
            page = store.outcomes(job_id, after=cursor, limit=3)
            sizes.append(len(page.outcomes))
            if not page.outcomes:
                break
            assert page.cursor == page.outcomes[-1].seq
            read += page.outcomes
            cursor = page.cursor
        assert sizes == [3, 3, 1, 0]
        assert [o.task_id for o in read] == [task_id(number) for number in range(7)]
        assert [o.seq for o in read] == sorted({o.seq for o in read})
        assert page.cursor == cursor  # an empty page keeps the place

    def test_jobs_do_not_mix(self, store: JobStore) -> None:
        one, other = store.create_job(job(1)).job_id, store.create_job(job(2)).job_id
        store.record(one, [done(0)])
        store.record(other, [done(0), failed(1)])
        store.record(one, [done(1)])
        assert [o.task_id for o in store.outcomes(one).outcomes] == [task_id(0), task_id(1)]
        assert store.settled(other) == {task_id(0): "done", task_id(1): "failed"}
        assert counts(store.job(one)) == (2, 0, 10)

    def test_discarded_failures_are_missing_again(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0), failed(1), failed(2)])
        assert store.discard_failures(job_id) == 2
        assert store.discard_failures(job_id) == 0
        assert store.settled(job_id) == {task_id(0): "done"}
        assert counts(store.job(job_id)) == (1, 0, 5)

    def test_a_cursor_is_not_given_out_again_after_a_deletion(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0), failed(1)])
        seen = store.outcomes(job_id).cursor  # that of the failure
        store.discard_failures(job_id)
        store.record(job_id, [done(1)])
        assert [o.task_id for o in store.outcomes(job_id, after=seen).outcomes] == [task_id(1)]


class TestLease:
    def test_one_holder_at_a_time(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        job_id = store.create_job(job()).job_id
        assert store.acquire_lease(job_id, "a", 5.0) is True
        assert store.acquire_lease(job_id, "b", 5.0) is False
        assert store.acquire_lease(job_id, "a", 5.0) is True
        record = store.job(job_id)
        assert record is not None
        assert (record.owner, record.lease_expires_at) == ("a", stores.clock() + 5.0)

    def test_a_lease_that_ran_out_can_be_taken(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 5.0)
        stores.clock.now += 4.9
        assert store.acquire_lease(job_id, "b", 5.0) is False
        stores.clock.now += 0.1
        assert store.acquire_lease(job_id, "b", 5.0) is True
        assert store.renew_lease(job_id, "a", 5.0, 1) is None
        assert store.set_state(job_id, "running", owner="a") is None

    def test_a_heartbeat_prolongs_and_tells_how_many_run(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 5.0)
        stores.clock.now += 4.0
        renewed = store.renew_lease(job_id, "a", 5.0, 3)
        assert renewed == store.job(job_id)
        assert renewed is not None
        assert (renewed.n_running, renewed.lease_expires_at) == (3, stores.clock() + 5.0)
        stores.clock.now += 4.0
        assert store.acquire_lease(job_id, "b", 5.0) is False

    def test_a_late_heartbeat_holds_if_nobody_took_the_job(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 5.0)
        stores.clock.now += 60.0
        assert store.renew_lease(job_id, "a", 5.0, 0) is not None
        assert store.acquire_lease(job_id, "b", 5.0) is False

    def test_only_the_holder_releases(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 5.0)
        store.renew_lease(job_id, "a", 5.0, 2)
        store.release_lease(job_id, "b")
        assert store.acquire_lease(job_id, "b", 5.0) is False
        store.release_lease(job_id, "a")
        record = store.job(job_id)
        assert record is not None
        assert (record.owner, record.n_running) == (None, 0)
        assert store.acquire_lease(job_id, "b", 5.0) is True

    def test_a_lease_does_not_outlive_its_job(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 60.0)
        store.delete_job(job_id)
        store.create_job(job())
        assert store.renew_lease(job_id, "a", 60.0, 0) is None
        assert store.acquire_lease(job_id, "b", 60.0) is True


class TestState:
    def test_running_and_done(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        job_id = store.create_job(job(n_tasks=2)).job_id
        store.acquire_lease(job_id, "a", 5.0)
        stores.clock.now += 1.0
        running = store.set_state(job_id, "running", owner="a")
        assert running is not None
        assert (running.state, running.started_at, running.owner) == (
            "running",
            stores.clock(),
            "a",
        )
        store.renew_lease(job_id, "a", 5.0, 2)
        store.record(job_id, [done(0), failed(1)])
        stores.clock.now += 2.0
        best = {"type": "full-tied", "k": 3, "bic": -12.5}
        end = store.set_state(job_id, "done", owner="a", best=best)
        assert end == store.job(job_id)
        assert end is not None
        assert (end.state, end.finished, end.finished_at) == ("done", True, stores.clock())
        assert (end.best, end.owner, end.n_running) == (best, None, 0)
        assert end.started_at == stores.clock() - 2.0

    def test_done_needs_every_task(self, store: JobStore) -> None:
        job_id = store.create_job(job(n_tasks=2)).job_id
        store.acquire_lease(job_id, "a", 5.0)
        store.set_state(job_id, "running", owner="a")
        store.record(job_id, [done(0), failed(1)])
        store.discard_failures(job_id)  # for a rerun, while "a" was about to finish
        end = store.set_state(job_id, "done", owner="a")
        assert end is not None
        assert (end.state, end.owner, end.finished_at) == ("queued", None, None)
        assert store.orphaned(0.0) == [job_id]

    def test_cancelling(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 5.0)
        store.set_state(job_id, "running", owner="a")
        assert store.request_cancel(job_id) is True
        beat = store.renew_lease(job_id, "a", 5.0, 1)
        assert beat is not None
        assert beat.cancel_requested is True
        end = store.set_state(job_id, "cancelled", owner="a")
        assert end is not None
        assert (end.state, end.owner) == ("cancelled", None)
        assert store.request_cancel(job_id) is False
        assert store.orphaned(1e12) == []

    def test_a_withdrawn_cancellation_queues_the_job(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 5.0)
        store.set_state(job_id, "running", owner="a")
        store.request_cancel(job_id)
        reopened = store.reopen(job_id)
        assert reopened is not None
        assert (reopened.state, reopened.cancel_requested) == ("running", False)
        end = store.set_state(job_id, "cancelled", owner="a")
        assert end is not None
        assert end.state == "queued"

    def test_reopening_a_finished_job(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        job_id = store.create_job(job(n_tasks=1)).job_id
        store.acquire_lease(job_id, "a", 5.0)
        store.set_state(job_id, "running", owner="a")
        best = {"type": "diag-tied", "k": 2, "bic": -3.0}
        store.set_state(job_id, "failed", owner="a", error="no data", best=best)
        failed_job = store.job(job_id)
        assert failed_job is not None
        assert (failed_job.state, failed_job.error) == ("failed", "no data")
        reopened = store.reopen(job_id)
        assert reopened is not None
        assert (reopened.state, reopened.error, reopened.started_at, reopened.finished_at) == (
            "queued",
            None,
            None,
            None,
        )
        assert reopened.best == best  # until there is a better one
        stores.clock.now += 9.0
        store.acquire_lease(job_id, "b", 5.0)
        again = store.set_state(job_id, "running", owner="b")
        assert again is not None
        assert again.started_at == stores.clock()

    def test_a_take_over_keeps_the_start(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 5.0)
        started = stores.clock()
        store.set_state(job_id, "running", owner="a")
        stores.clock.now += 6.0
        store.acquire_lease(job_id, "b", 5.0)
        taken = store.set_state(job_id, "running", owner="b")
        assert taken is not None
        assert taken.started_at == started

    def test_orphans_are_unfinished_jobs_that_nobody_holds(self, stores: StoreUnderTest) -> None:
        store = stores.open()
        ids = {}
        for seed, name in enumerate(("new", "held", "dead", "done")):
            stores.clock.now += 1.0
            ids[name] = store.create_job(job(seed, n_tasks=0)).job_id
        for name, ttl_s in (("held", 100.0), ("dead", 5.0), ("done", 5.0)):
            store.acquire_lease(ids[name], name, ttl_s)
            store.set_state(ids[name], "running", owner=name)
        store.set_state(ids["done"], "done", owner="done")
        now = stores.clock()
        assert store.orphaned(now) == [ids["new"]]
        assert store.orphaned(now + 5.0) == [ids["new"], ids["dead"]]
        store.release_lease(ids["held"], "held")
        assert store.orphaned(now) == [ids["new"], ids["held"]]


class TestSpending:
    SPENT = Usage(n_requests=12, billed_ms=3_456, usd=0.0125)

    def test_a_job_is_made_with_its_cap_and_has_spent_nothing(self, store: JobStore) -> None:
        capped = store.create_job(job(0, spending_cap_usd=0.5))
        free = store.create_job(job(1))
        assert (capped.spending_cap_usd, capped.usage) == (0.5, Usage())
        assert (free.spending_cap_usd, free.usage) == (None, Usage())
        assert store.create_job(job(0, spending_cap_usd=9.0)).spending_cap_usd == 0.5

    def test_the_cap_can_be_moved_and_removed(self, store: JobStore) -> None:
        job_id = store.create_job(job(0, spending_cap_usd=0.5)).job_id
        for cap_usd in (2.25, None):
            store.set_spending_cap(job_id, cap_usd)
            assert [record.spending_cap_usd for record in store.jobs()] == [cap_usd]
        store.set_spending_cap("nope", 1.0)
        assert store.job("nope") is None

    def test_heartbeats_tell_the_total(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 60.0)
        for _ in range(2):  # a total: telling it twice changes nothing
            renewed = store.renew_lease(job_id, "a", 60.0, 1, self.SPENT)
            assert renewed is not None
            assert renewed.usage == self.SPENT
        assert store.renew_lease(job_id, "b", 60.0, 1, Usage(99, 99, 99.0)) is None
        store.renew_lease(job_id, "a", 60.0, 1)
        record = store.job(job_id)
        assert record is not None
        assert record.usage == self.SPENT

    def test_the_end_tells_the_total_and_a_new_run_keeps_it(self, store: JobStore) -> None:
        job_id = store.create_job(job(n_tasks=0)).job_id
        store.acquire_lease(job_id, "a", 60.0)
        store.set_state(job_id, "running", owner="a")
        end = store.set_state(job_id, "done", owner="a", usage=self.SPENT)
        assert end is not None
        assert (end.state, end.usage) == ("done", self.SPENT)
        reopened = store.reopen(job_id)
        assert reopened is not None
        assert reopened.usage == self.SPENT
        store.acquire_lease(job_id, "b", 60.0)
        again = store.set_state(job_id, "running", owner="b")
        assert again is not None
        assert again.usage == self.SPENT

    def test_labels_add_up_beside_the_runs_and_whoever_holds_the_job(self, store: JobStore) -> None:
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 60.0)
        store.add_label_usage(job_id, Usage(2, 30, 0.25))
        store.renew_lease(job_id, "a", 60.0, 1, self.SPENT)
        store.add_label_usage(job_id, Usage(1, 12, 0.5))
        (record,) = store.jobs()
        assert (record.usage, record.label_usage) == (self.SPENT, Usage(3, 42, 0.75))
        assert record.spent == self.SPENT + Usage(3, 42, 0.75)
        assert record.owner == "a"
        store.add_label_usage("nope", Usage(1, 1, 1.0))
        assert store.job("nope") is None

    def test_stopped_at_the_cap_without_anybody_asking(self, store: JobStore) -> None:
        job_id = store.create_job(job(spending_cap_usd=0.01)).job_id
        store.acquire_lease(job_id, "a", 60.0)
        store.set_state(job_id, "running", owner="a")
        end = store.set_state(job_id, "cancelled", owner="a", error="Cap.", usage=self.SPENT)
        assert end == store.job(job_id)
        assert end is not None
        assert (end.state, end.error, end.usage) == ("cancelled", "Cap.", self.SPENT)
        assert store.orphaned(1e12) == []
        reopened = store.reopen(job_id)
        assert reopened is not None
        assert (reopened.state, reopened.error) == ("queued", None)
