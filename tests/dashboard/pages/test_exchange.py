"""What browser and server hand each other, read and written in one place."""

from __future__ import annotations

import pytest

from dashboard.pages.parts.exchange import (
    FOLLOW,
    NO_JOB,
    LiveJob,
    chosen,
    job_in,
    live_job,
    opened_again,
)
from tests.dashboard.jobs import made_up
from tests.dashboard.jobs.doubles import OneTable


@pytest.fixture
def job() -> LiveJob:
    record = made_up.job()
    return live_job(record, OneTable().get(record.spec.dataset_id))


def test_a_job_is_told_in_full(job: LiveJob) -> None:
    assert set(job) == LiveJob.__required_keys__
    assert (job["columns"], job["units"]) == (["a", "b"], ["", ""])
    assert (job["k_min"], job["k_max"], job["n_rows"]) == (1, 10, 30)


def test_there_is_a_job_in_view_or_none(job: LiveJob) -> None:
    assert job_in(job) is job
    assert job_in(NO_JOB) is None
    assert job_in(None) is None


def test_following_starts_again_when_the_time_of_opening_changes(job: LiveJob) -> None:
    again = opened_again({**job, "opened_at": 0.0})
    assert again["opened_at"] > 0.0
    assert {**again, "opened_at": job["opened_at"]} == job
    assert opened_again(job, "running")["state"] == "running"


def test_a_clustering_is_chosen_or_not() -> None:
    assert chosen({"type": "full-tied", "k": 3, "follow": False}) == ("full-tied", 3)
    assert chosen(FOLLOW) is None
    assert chosen(None) is None
