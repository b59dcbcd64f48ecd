"""A new kind of task takes a folder of its own and one line; everything else does the rest.

The kind is `count/` in this folder. It is put into a copy of the packages, and processes of that
copy (driver.py) do its jobs: on threads, and through the local HTTP API and Lambda, where AWS's own
runtime client runs the bundle that was built of the copy.
"""

from __future__ import annotations

import contextlib
import difflib
import filecmp
import os
import signal
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.task_seam.conftest import (
    CHECKOUT,
    HERE,
    KIND_FOLDER,
    LINE,
    PACKAGES,
    REGISTRY,
    Way,
    local_way,
)
from tests.waiting import until

THRESHOLDS = [-1.0, -0.5, 0.0, 0.5, 1.0]
JOB = {"thresholds": THRESHOLDS, "name": "first"}
N_TASKS, STEPS_PER_TASK = 10, 4
N_STEPS = N_TASKS * STEPS_PER_TASK
ALL_FIRST_ROWS = [0, 100, 200, 300, 400, 500, 600, 700]


def modules(folder: Path) -> set[Path]:
    found = (path for name in PACKAGES for path in (folder / name).rglob("*"))
    return {
        path.relative_to(folder)
        for path in found
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_copy_differs_by_a_folder_and_a_line(root: Path) -> None:
    here, there = modules(CHECKOUT), modules(root)
    assert there - here == {KIND_FOLDER / path.name for path in (HERE / "count").glob("*.py")}
    assert here <= there
    changed = [p for p in here if not filecmp.cmp(CHECKOUT / p, root / p, shallow=False)]
    assert changed == [REGISTRY]
    before = (CHECKOUT / REGISTRY).read_text().splitlines(keepends=True)
    after = (root / REGISTRY).read_text().splitlines(keepends=True)
    diff = [line for line in difflib.ndiff(before, after) if line[0] != " "]
    assert diff == [f"+ {LINE}"]


def check_steps(way: Way, tasks: list[str], times: int = 1) -> None:
    """Each step of each of these tasks was done so many times, and no other."""
    done = Counter(way.noted())
    assert {task for task, _ in done} == set(tasks)
    assert len(done) == STEPS_PER_TASK * len(tasks)
    assert set(done.values()) == {times}


def check_counts(job: dict[str, Any], rows: np.ndarray) -> None:
    """The outcomes that came back out of the store are right, each task's and in sum."""
    assert job["spec_is_read_back"]
    total = 0
    for outcome in job["outcomes"]:
        result = outcome["result"]
        asked = result["asked"]
        column = rows[asked["start"] : asked["stop"], asked["column"]]
        assert result["n_above"] == int((column > asked["threshold"]).sum())
        assert (result["n_seen"], result["resume"]) == (400, None)
        assert (result["kind"], outcome["status"], outcome["error"]) == ("count", "done", None)
        assert result["task_id"] == outcome["task_id"]
        total += result["n_above"]
    assert job["best"] == {"n_above": total}


def test_a_job_is_done_remembered_kept_and_shown(way: Way, rows: np.ndarray) -> None:
    before = way.n_invocations() if way.cloud else 0
    first, same, other = way.jobs(JOB, JOB, {**JOB, "name": "second"})
    assert (first["state"], first["error"], first["title"]) == ("done", None, "field.csv")
    assert first["counts"] == [N_TASKS, N_TASKS, 0]
    assert first["units"] == [4_000, 4_000]
    assert len(first["asked"]) == len(set(first["asked"])) == N_TASKS
    check_counts(first, rows)
    # Interrupted tasks went on: nothing was done twice.
    pieces = [outcome["result"]["n_pieces"] for outcome in first["outcomes"]]
    assert pieces == [STEPS_PER_TASK if way.step_by_step else 1] * N_TASKS
    check_steps(way, first["asked"])
    if way.cloud:
        assert way.n_invocations() - before == first["n_requests"] == N_STEPS
    # The same job is there, and another job of the same tasks is remembered.
    assert (same["asked"], other["asked"]) == ([], [])
    assert (other["state"], other["counts"]) == ("done", [N_TASKS, N_TASKS, 0])
    check_counts(other, rows)
    assert other["n_requests"] == 0
    # A later process finds both in the store, and asks for nothing.
    (again,) = way.jobs(JOB)
    assert again["asked"] == []
    assert again["outcomes"] == first["outcomes"]
    # More thresholds: what is new is done.
    (wider,) = way.jobs({"thresholds": [*THRESHOLDS, 2.0], "name": "wider"})
    assert wider["counts"] == [12, 12, 0]
    assert len(wider["asked"]) == 2
    check_counts(wider, rows)
    check_steps(way, [*first["asked"], *wider["asked"]])


def test_the_table_of_tasks_has_the_columns_of_the_kind(way: Way) -> None:
    (job,) = way.jobs({"thresholds": [0.25], "name": "one"})
    assert job["columns"][:3] == ["no", "threshold", "rows"]
    assert not {"type", "k", "experiments"} & set(job["columns"])
    assert [(row["no"], row["threshold"], row["rows"]) for row in job["rows"]] == [
        (1, "> 0.25", 400),
        (2, "> 0.25", 400),
    ]
    assert {(row["status"], row["problem"], row["attempts"]) for row in job["rows"]} == {
        ("done", "", 1)
    }
    assert {row["start"] for row in job["rows"]} <= {"cold", "warm"}


def test_a_task_that_fails_is_shown_with_what_it_was_about(way: Way, rows: np.ndarray) -> None:
    (job,) = way.jobs({"thresholds": [0.5], "columns": [0, 9], "name": "failing"})
    assert (job["state"], job["counts"]) == ("done", [4, 2, 2])
    assert job["units"] == [1_600, 800]
    assert len(job["asked"]) == 4
    failed = [outcome for outcome in job["outcomes"] if outcome["status"] == "failed"]
    assert sorted(outcome["error"]["details"]["start"] for outcome in failed) == [0, 400]
    for outcome in failed:
        assert outcome["error"]["code"] == "unknown_column"
        details = outcome["error"]["details"]
        assert details["kind"] == "count"
        assert (details["column"], details["threshold"]) == (9, 0.5)
        assert details["stop"] - details["start"] == 400
    shown = [row for row in job["rows"] if row["status"] == "failed"]
    assert [(row["threshold"], row["rows"]) for row in shown] == [("> 0.5", 400)] * 2
    assert all("column positions below 2" in row["problem"] for row in shown)
    good = [outcome for outcome in job["outcomes"] if outcome["status"] == "done"]
    assert job["best"] == {"n_above": int((rows[:, 0] > 0.5).sum())}
    check_steps(way, [outcome["task_id"] for outcome in good])
    # Submitted again, the failed ones are tried again, and only they.
    (again,) = way.jobs({"thresholds": [0.5], "columns": [0, 9], "name": "failing"})
    assert sorted(again["asked"]) == sorted(outcome["task_id"] for outcome in failed)


def test_two_jobs_on_one_thread_make_way_for_each_other(
    root: Path,
    tmp_path: Path,
    rows: np.ndarray,
    request: pytest.FixtureRequest,
) -> None:
    """After each step the other one has its turn; both go on from where they were."""
    way = local_way(root, tmp_path, request)
    (way.steps / "wait").touch()
    found = way.ask(do="turns")
    way.end()
    one, other = found["one"], found["other"]
    mine, theirs = one["task_id"], other["task_id"]
    in_turns = [
        (task, first) for first in ALL_FIRST_ROWS[:STEPS_PER_TASK] for task in (mine, theirs)
    ]
    assert way.noted() == in_turns
    for result, threshold in ((one, 1.0), (other, 2.0)):
        assert (result["n_pieces"], result["n_seen"], result["resume"]) == (4, 400, None)
        assert result["n_above"] == int((rows[:400, 0] > threshold).sum())


def n_recorded(directory: Path) -> int:
    with contextlib.closing(sqlite3.connect(directory / "jobs.sqlite3")) as db:
        try:
            return int(db.execute("SELECT count(*) FROM outcomes").fetchone()[0])
        except sqlite3.OperationalError:  # no table yet
            return 0


def is_quiet(way: Way) -> bool:
    """Whether the function does nothing, and nothing was on its way to it a moment ago."""
    assert way.cloud is not None
    one, other = way.cloud.state(), way.cloud.state()
    return one["counts"] == other["counts"] and one["n_in_flight"] == other["n_in_flight"] == 0


@pytest.mark.parametrize("n_done", [0, 3])
def test_another_process_does_what_a_killed_one_has_left(
    way: Way, rows: np.ndarray, n_done: int
) -> None:
    process = way.start(do="jobs", jobs=[JOB], most=n_done)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    until(lambda: n_recorded(way.directory) == n_done, "so many are recorded")
    until(lambda: len(way.noted()) > STEPS_PER_TASK * n_done, "it was busy with a further one")
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    if way.cloud:
        until(lambda: is_quiet(way), "what it has sent has come to its end")
    n_before, steps_before = len(way.noted()), Counter(way.noted())
    calls_before = way.n_invocations() if way.cloud else 0
    assert n_recorded(way.directory) == n_done
    with contextlib.closing(sqlite3.connect(way.directory / "jobs.sqlite3")) as db, db:
        held = db.execute("UPDATE jobs SET lease_expires_at = 1 WHERE owner IS NOT NULL")
        assert held.rowcount == 1  # it died with the lease, which now has run out
        done = {task for (task,) in db.execute("SELECT task_id FROM outcomes")}
    (job,) = way.jobs(JOB)
    assert (job["state"], job["counts"]) == ("done", [N_TASKS, N_TASKS, 0])
    check_counts(job, rows)
    assert len(job["asked"]) == len(set(job["asked"])) == N_TASKS - n_done
    assert done.isdisjoint(job["asked"])
    later = Counter(way.noted())
    later.subtract(steps_before)
    expected = STEPS_PER_TASK * (N_TASKS - n_done)
    assert sum(later.values()) == len(way.noted()) - n_before == expected
    assert {n for (task, _), n in later.items() if task in done} <= {0}
    assert {later[step] for step in later if step[0] not in done} == {1}
    if way.cloud:
        assert way.n_invocations() - calls_before == expected
