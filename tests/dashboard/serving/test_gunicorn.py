"""Two gunicorn workers on one data directory: one job, one page, whoever answers."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.dashboard.serving.conftest import Gunicorn
from tests.waiting import WAIT_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn (use Linux or macOS)")


def answers_of_both(server: Gunicorn, workers: set[int], path: str) -> dict[int, object]:
    """What each worker answers, while the other one is stopped and cannot."""
    answers = {}
    for silent in workers:
        os.kill(silent, signal.SIGSTOP)
        try:
            (speaking,) = workers - {silent}
            assert server.get("/api/health")[1]["worker"] == speaking
            status, answers[speaking] = server.get(path)
            assert status == 200
        finally:
            os.kill(silent, signal.SIGCONT)
    return answers


def test_two_workers_do_every_task_once_and_show_the_same_page(gunicorn: Gunicorn) -> None:
    job_id = gunicorn.queue()
    gunicorn.hold(3)
    workers = gunicorn.start().ready()
    gunicorn.until(lambda: gunicorn.record(job_id).n_done == 3, "three tasks are recorded")
    assert gunicorn.holder(job_id) in workers
    gunicorn.hold(None)
    # A page that follows the job with its cursor, over connections to any of the two.
    cursor, token, cells = 0, "", {}

    def followed() -> bool:
        nonlocal cursor, token, cells
        status, payload = gunicorn.get(f"/api/jobs/{job_id}/updates?after={cursor}&state={token}")
        if status == 204:
            return False
        assert payload["cursor"] >= cursor
        cursor, token = payload["cursor"], payload["token"]
        cells |= {(cell["type"], cell["k"]): cell for cell in payload["cells"]}
        return payload["job"]["state"] == "done"

    gunicorn.until(followed, "the page says that the job is done")
    assert len(cells) == 24
    assert {cell["n"] for cell in cells.values()} == {2}
    assert gunicorn.begun() == dict.fromkeys(gunicorn.task_ids(job_id), 1)
    assert len(gunicorn.begun()) == 48

    one, other = answers_of_both(gunicorn, workers, f"/api/jobs/{job_id}/updates").values()
    assert one == other


def test_a_killed_worker_is_replaced_and_its_job_goes_on(gunicorn: Gunicorn) -> None:
    job_id = gunicorn.queue()
    gunicorn.hold(5)
    workers = gunicorn.start().ready()
    gunicorn.until(lambda: gunicorn.record(job_id).n_done == 5, "five tasks are recorded")
    gunicorn.until(lambda: len(gunicorn.begun()) == 7, "two more are in flight")
    holder = gunicorn.holder(job_id)
    assert holder in workers
    settled = gunicorn.task_ids(job_id)
    os.kill(holder, signal.SIGKILL)
    gunicorn.hold(None)
    gunicorn.until(lambda: holder not in gunicorn.workers(), "it is gone")
    gunicorn.let_lease_run_out(job_id)
    gunicorn.until(lambda: gunicorn.record(job_id).finished, "the job is finished")
    record = gunicorn.record(job_id)
    assert (record.state, record.n_done, record.n_failed) == ("done", 48, 0)
    begun = gunicorn.begun()
    # What was recorded is not computed again; of the rest only the two that were in flight.
    assert {begun[task_id] for task_id in settled} == {1}
    assert sorted(begun.values()) == 46 * [1] + 2 * [2]
    gunicorn.until(lambda: len(gunicorn.workers()) == 2, "there are two workers again")


def test_a_cancel_through_one_worker_stops_the_job_of_the_other(gunicorn: Gunicorn) -> None:
    job_id = gunicorn.queue()
    gunicorn.hold(4)
    gunicorn.start().ready()
    gunicorn.until(lambda: gunicorn.record(job_id).n_done == 4, "four tasks are recorded")
    assert gunicorn.store.request_cancel(job_id)  # as any process does that does not run it
    gunicorn.until(lambda: gunicorn.record(job_id).finished, "the job is cancelled")
    assert gunicorn.record(job_id).state == "cancelled"
    # Nothing new was begun; the two in flight were recorded when they had just ended.
    assert sum(gunicorn.begun().values()) == 6
    assert gunicorn.record(job_id).n_done in (4, 5, 6)


def test_a_server_that_stops_gives_its_jobs_back_and_the_next_one_goes_on(
    gunicorn: Gunicorn,
) -> None:
    job_id = gunicorn.queue()
    gunicorn.hold(3)
    gunicorn.start().ready()
    gunicorn.until(lambda: gunicorn.record(job_id).n_done == 3, "three tasks are recorded")
    settled = gunicorn.task_ids(job_id)
    assert gunicorn.stop() == 0
    record = gunicorn.record(job_id)
    assert (record.state, record.owner, record.n_failed) == ("running", None, 0)
    gunicorn.hold(None)
    gunicorn.start().ready()
    gunicorn.until(lambda: gunicorn.record(job_id).finished, "the job is finished")
    assert gunicorn.record(job_id).n_done == 48
    begun = gunicorn.begun()
    assert {begun[task_id] for task_id in settled} == {1}
    assert "Traceback" not in gunicorn.log()


def test_what_is_missing_is_said_once_and_nothing_is_started_again(gunicorn: Gunicorn) -> None:
    gunicorn.start(CENTAURUS_BACKEND="aws")
    assert gunicorn.process.wait(WAIT_S) != 0
    assert "The aws backend needs to know where it is: expected --stack NAME" in gunicorn.log()
    # gunicorn itself may print where it was when its workers gave up; nothing of ours is in it.
    assert "dashboard/" not in gunicorn.log().partition("Traceback")[2]


def test_an_application_that_was_loaded_before_the_fork_says_so(gunicorn: Gunicorn) -> None:
    gunicorn.start("--preload")

    def refused() -> bool:
        try:
            status, answer = gunicorn.get("/api/health")
        except OSError:
            return False
        assert (status, answer["error"]["code"]) == (503, "preloaded")
        return "without --preload" in answer["error"]["message"]

    gunicorn.until(refused, "a worker answers")
