"""Views that follow a real store: refreshed, shared, dropped, started anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.planning.spec import JobSpec
from dashboard.services.views import UnknownJobError, ViewRegistry
from dashboard.stores.base import JobRecord
from dashboard.stores.sqlite.store import SqliteJobStore

TWO = ((0.0, 0.0), (8.0, 0.0))


@pytest.fixture
def store(tmp_path):
    opened = SqliteJobStore(tmp_path / "jobs.sqlite")
    yield opened
    opened.close()


def add_job(store, seed=0, created_at=1.0):
    spec = JobSpec("a" * 64, ("a", "b"), seed=seed)
    return store.create_job(
        JobRecord(spec.job_id, spec, "three", "local", 60, spec.n_fits, created_at=created_at)
    )


def test_a_view_holds_what_the_store_has_by_now(store, catalogue, made_up):
    job = add_job(store)
    registry = ViewRegistry(store, catalogue)
    assert registry.view(job.job_id).cells == {}
    store.record(job.job_id, [made_up.done(made_up.fit(means=TWO, bic=-3.0))])
    view, record = registry.view_and_record(job.job_id)
    assert view.cells["spher-tied", 2].best.bic == -3.0
    assert record.n_done == 1
    assert registry.view(job.job_id) is view


def test_more_outcomes_than_one_page(store, catalogue, made_up, monkeypatch):
    monkeypatch.setattr("dashboard.services.views.PAGE_SIZE", 3)
    job = add_job(store)
    store.record(job.job_id, [made_up.done(made_up.fit(experiment=e)) for e in range(10)])
    assert ViewRegistry(store, catalogue).view(job.job_id).cells["spher-tied", 1].n == 10


def test_an_unknown_or_deleted_job_raises(store, catalogue):
    registry = ViewRegistry(store, catalogue)
    with pytest.raises(UnknownJobError):
        registry.view("0" * 16)
    job = add_job(store)
    registry.view(job.job_id)
    store.delete_job(job.job_id)
    with pytest.raises(UnknownJobError):
        registry.view(job.job_id)


def test_a_job_that_was_deleted_and_started_again_is_seen_anew(store, catalogue, made_up):
    job = add_job(store)
    registry = ViewRegistry(store, catalogue)
    store.record(job.job_id, [made_up.done(made_up.fit(experiment=e)) for e in range(4)])
    assert registry.view(job.job_id).cells["spher-tied", 1].n == 4
    store.delete_job(job.job_id)
    add_job(store, created_at=2.0)
    assert registry.view(job.job_id).cells == {}


def test_failures_that_are_run_again_disappear(store, catalogue, made_up):
    job = add_job(store)
    registry = ViewRegistry(store, catalogue)
    store.record(job.job_id, [made_up.failed("t1"), made_up.failed("t2")])
    assert set(registry.view(job.job_id).failures) == {"t1", "t2"}
    store.discard_failures(job.job_id)
    assert registry.view(job.job_id).failures == {}
    store.record(job.job_id, [made_up.done(made_up.fit(), task_id="t1"), made_up.failed("t2")])
    view = registry.view(job.job_id)
    assert set(view.failures) == {"t2"}
    assert view.cells["spher-tied", 1].n == 1


def test_the_least_used_view_is_dropped(store, catalogue):
    jobs = [add_job(store, seed=seed) for seed in range(3)]
    registry = ViewRegistry(store, catalogue, capacity=2)
    first = registry.view(jobs[0].job_id)
    second = registry.view(jobs[1].job_id)
    registry.view(jobs[0].job_id)
    registry.view(jobs[2].job_id)
    assert registry.view(jobs[0].job_id) is first
    assert registry.view(jobs[1].job_id) is not second


def test_the_view_uses_the_settings_of_the_stored_job(store, catalogue):
    job = add_job(store)
    view = ViewRegistry(store, catalogue).view(job.job_id)
    assert view.spec == replace(job.spec)
