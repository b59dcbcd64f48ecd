"""The Tasks tab: facts of each invocation, and the bar that shows when it ran."""

from __future__ import annotations

import dataclasses

from dashboard.analysis.task_runs import TaskRun, task_run
from dashboard.pages.analyse.details.task_table import task_columns, task_rows, tasks_note
from dashboard.stores.base import TaskOutcome
from tests.dashboard.jobs.made_up import done, fit, job, result, task_id

START = 1_700_000_000.0
RECORD = job(n_tasks=5, started_at=START, created_at=START - 1)


def ran(number: int, *, seconds: float = 0.0, attempts: int = 1, **invocation: object) -> TaskRun:
    """A task of two K and three experiments that began so many seconds after the job."""
    fits = [fit(k=k, experiment=e) for k in (2, 3) for e in (1, 2, 4)]
    outcome = done(number, 12, *fits)
    assert outcome.result is not None
    facts = dataclasses.replace(outcome.result.invocation, started_at=START + seconds, **invocation)
    answer = dataclasses.replace(outcome.result, invocation=facts)
    return task_run(dataclasses.replace(outcome, result=answer, attempts=attempts, seq=number))


def test_a_row_says_what_the_task_held_and_what_the_invocation_took() -> None:
    run = ran(
        1,
        seconds=2.0,
        attempts=3,
        cold=True,
        startup_ms=90.5,
        read_ms=12.25,
        run_ms=400.0,
        memory_mb=1769,
        worker="w-1",
    )
    (row,) = task_rows([run], RECORD, START + 10.0, billed=True)
    assert row == {
        "no": 1,
        "type": "full-untied",
        "k": "2–3",
        "experiments": 3,
        "status": "done",
        "problem": "",
        "start": "cold",
        "when": "",
        "at_s": 2.0,
        "from": 20.0,
        "to": 25.03,  # 502.75 ms of ten seconds
        "startup_ms": 90.5,
        "read_ms": 12.25,
        "run_ms": 400.0,
        "billed_ms": 503,
        "memory_mb": 1769,
        "worker": "w-1",
        "attempts": 3,
    }
    assert set(row) - {"from", "to", "problem"} == {each["field"] for each in task_columns("fit")}


def test_where_nothing_is_billed_or_limited_nothing_is_said() -> None:
    (row,) = task_rows([ran(1)], RECORD, START + 10.0, billed=False)
    assert (row["billed_ms"], row["memory_mb"], row["start"]) == (None, None, "warm")


def test_bars_stay_within_the_jobs_time_and_are_never_too_thin_to_see() -> None:
    short, late = ran(1, seconds=5.0, run_ms=0.1, read_ms=0.0), ran(2, seconds=9.99, run_ms=900.0)
    rows = task_rows([short, late], RECORD, START + 10.0, billed=True)
    assert [(row["from"], row["to"]) for row in rows] == [(50.0, 50.6), (99.4, 100.0)]
    finished = dataclasses.replace(RECORD, finished_at=START + 20.0)
    (row,) = task_rows([short], finished, START + 500.0, billed=True)
    assert row["from"] == 25.0


def test_a_remembered_task_is_not_of_this_job() -> None:
    (row,) = task_rows([ran(1, seconds=-3600.0)], RECORD, START + 10.0, billed=True)
    assert (row["status"], row["from"], "at_s" in row) == ("remembered", None, False)
    # A worker's clock may be a little behind.
    (row,) = task_rows([ran(1, seconds=-0.5)], RECORD, START + 10.0, billed=True)
    assert (row["status"], row["from"]) == ("done", 0.0)


def test_a_failed_task_says_what_it_was_about_and_why() -> None:
    about = {"covariance_type": "diag-tied", "n_clusters": [4], "experiments": [0, 1]}
    error = {"code": "x", "message": "Out of memory.", "details": about, "request_id": "r"}
    outcome = TaskOutcome(task_id(9), "failed", 4, error=error, attempts=5, seq=3)
    (row,) = task_rows([task_run(outcome)], RECORD, START + 10.0, billed=True)
    assert (row["type"], row["k"], row["experiments"]) == ("diag-tied", "4", 2)
    assert (row["status"], row["problem"], row["attempts"]) == ("failed", "Out of memory.", 5)
    assert (row["start"], row["from"]) == ("–", None)


def test_the_note_counts_cold_starts_of_this_job_and_second_tries() -> None:
    runs = [
        ran(1, cold=True),
        ran(2, cold=True, attempts=2),
        ran(3),
        ran(4, seconds=-3600.0, cold=True),
    ]
    rows = task_rows(runs, RECORD, START + 10.0, billed=True)
    assert [row["no"] for row in rows] == [1, 2, 3, 4]
    assert tasks_note(rows, 5) == (
        "4 of 5 tasks have ended, 2 cold starts, 1 tried more than once."
    )
    assert tasks_note(rows[2:3], 5) == "1 of 5 tasks have ended, 0 cold starts."


def test_a_result_without_fits_is_a_row_too() -> None:
    empty = dataclasses.replace(result(task_id(1)), fits=())
    run = task_run(TaskOutcome(task_id(1), "done", 0, result=empty, seq=1))
    (row,) = task_rows([run], RECORD, START + 10.0, billed=True)
    assert (row["type"], row["k"], row["experiments"]) == ("", "–", 0)
