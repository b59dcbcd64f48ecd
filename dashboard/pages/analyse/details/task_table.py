"""The Tasks tab: one row per task, with where, when and how long it ran."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc

from compute_lambda.tasks.registry import kind_of
from dashboard.pages.parts import ids
from dashboard.pages.parts.grid import grid, number_column, text_column

if TYPE_CHECKING:
    from dashboard.analysis.task_runs import TaskRun
    from dashboard.stores.base import JobRecord

CLOCKS_S = 1.0
"""How far the clock of a worker may be behind that of the store."""

_BAR = """
params.data.from == null ? {} : {
  background: 'linear-gradient(90deg, transparent ' + params.data.from + '%, '
    + (params.data.start === 'cold' ? 'var(--task-cold)' : 'var(--task-warm)')
    + ' ' + params.data.from + '% ' + params.data.to + '%, transparent ' + params.data.to + '%)',
  backgroundSize: '100% 55%', backgroundRepeat: 'no-repeat', backgroundPosition: 'center'}
"""
"""Style of the cell that shows when the task ran, as a bar within the job's duration."""


def tasks_panel(kind: str = "fit") -> list[Any]:
    """The table of tasks of that kind, and the line above it."""
    return [
        dmc.Text("", id=ids.TASKS_NOTE, size="sm", c="dimmed", mb="xs"),
        grid(
            ids.TASKS_GRID,
            task_columns(kind),
            empty="No task has ended yet.",
            page_rows=100,
            min_width_px=84,
            column_options={"wrapHeaderText": True, "autoHeaderHeight": True},
        ),
    ]


def task_columns(kind: str) -> list[dict[str, Any]]:
    """Column definitions for tasks of that kind; durations in milliseconds."""

    def number(field: str, title: str, tip: str, decimals: int = 0) -> dict[str, Any]:
        return number_column(field, title, tip, decimals=decimals)

    return [
        number("no", "No.", "Order in which the tasks ended") | {"minWidth": 78, "sort": "desc"},
        *(
            number(fact.key, fact.title, fact.tip)
            if fact.numeric
            else text_column(fact.key, fact.title, fact.tip, fact.width_px)
            for fact in kind_of(kind).columns
        ),
        text_column("status", "State", "done, failed, or remembered from an earlier job", 102)
        | {"tooltipField": "problem"},
        text_column(
            "start", "Start", "cold: a process was started for it; warm: one was there", 82
        ),
        text_column(
            "when", "When", "Start to end, within the job's duration; cold starts stand out", 150
        )
        | {"flex": 2, "sortable": False, "cellStyle": {"function": _BAR.strip()}},
        number("at_s", "At (s)", "Seconds after the job's start", 2),
        number(
            "startup_ms",
            "Start-up (ms)",
            "What starting the process, and loading what a fit needs, took",
            0,
        ),
        number("read_ms", "Read (ms)", "Reading the columns", 1),
        number("run_ms", "Fit (ms)", "Computing", 1),
        number("billed_ms", "Billed (ms)", "Start-up, reading and computing, rounded up"),
        number("memory_mb", "Memory (MB)", "Granted memory; – where there is no limit"),
        text_column("worker", "Worker", "Process or thread that ran it", 110)
        | {"tooltipField": "worker"},
        number("attempts", "Attempts", "Tries that it took"),
    ]


def task_rows(
    runs: Iterable[TaskRun], record: JobRecord, now: float, *, billed: bool
) -> list[dict[str, Any]]:
    """`runs` in the order in which they ended. `now`: Unix time, the end of a running job.

    `billed`: whether the backend costs money.
    """
    began = record.started_at or record.created_at
    lasted_s = max(1e-3, (record.finished_at or now) - began)
    # Numbered here: a store may begin to count anywhere.
    return [_row(run, began, lasted_s, billed) | {"no": no} for no, run in enumerate(runs, start=1)]


def tasks_note(rows: list[dict[str, Any]], n_tasks: int) -> str:
    """`64 of 66 tasks, 12 cold starts, 3 tried more than once`."""
    cold = sum(row["start"] == "cold" and row["status"] == "done" for row in rows)
    again = sum(row["attempts"] > 1 for row in rows)
    note = f"{len(rows):,} of {n_tasks:,} tasks have ended, {cold:,} cold starts"
    return f"{note}, {again:,} tried more than once." if again else f"{note}."


def _row(run: TaskRun, began: float, lasted_s: float, billed: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        **kind_of(run.kind).facts(run.about),
        "status": run.status,
        "problem": run.problem,
        "start": "–",
        "attempts": run.attempts,
        "when": "",
        "from": None,
    }
    ran = run.invocation
    if ran is None:
        return row
    at_s = ran.started_at - began
    # Of a job that was continued, or of another one: it cost nothing this time.
    earlier = at_s < -CLOCKS_S
    if not earlier:
        start_percent = min(100.0, max(0.0, 100 * at_s / lasted_s))
        end_percent = min(100.0, max(0.0, 100 * (at_s + run.busy_ms / 1e3) / lasted_s))
        # Short tasks of a long job stay visible.
        row |= {"at_s": at_s, "from": round(min(start_percent, 99.4), 2)}
        row |= {"to": round(max(end_percent, row["from"] + 0.6), 2)}
    return row | {
        "status": "remembered" if earlier else run.status,
        "start": "cold" if ran.cold else "warm",
        "startup_ms": ran.startup_ms,
        "read_ms": ran.read_ms,
        "run_ms": ran.run_ms,
        "billed_ms": -(-run.busy_ms // 1) if billed else None,
        "memory_mb": ran.memory_mb or None,
        "worker": ran.worker,
    }
