"""The transactions by which a job is made and changes its state, in DynamoDB.

Each changes the job's header and, where it begins or ends, its entry among the open jobs. What was
decided after reading the header holds only while the header is as it was: `_unchanged`.
"""

from __future__ import annotations

import json
from typing import Any

from dashboard.planning.spending import Usage
from dashboard.stores.base import FINISHED_STATES, JobRecord, JobState
from dashboard.stores.dynamodb.items import (
    EDITIONS,
    OPEN,
    header_item,
    header_key,
    is_finished,
    open_key,
    usage_text,
)
from dashboard.stores.dynamodb.table import Item, Table

MAX_ERROR_CHARS = 20_000


def making(table: Table, job: JobRecord, before: int, now: float) -> list[Item]:
    """A new job; `before` is the last edition. Editions are taken in turn: a larger one is later.

    A job that has expired but is still there is replaced.
    """
    header = header_item(job, before + 1)
    return [
        table.updating(
            EDITIONS,
            "SET #edition = :edition",
            "attribute_not_exists(#edition) OR #edition = :before",
            {":edition": before + 1, ":before": before},
        ),
        table.putting(header, "attribute_not_exists(task_id) OR expires_at <= :now", {":now": now}),
        table.putting(_open_item(header)),
    ]


def removing(table: Table, header: Item) -> list[Item]:
    """The job is no more; its outcomes are removed afterwards."""
    job_id, edition = header["task_id"], {":edition": header["edition"]}
    return [
        table.deleting(header_key(job_id), "#edition = :edition", edition),
        table.deleting(open_key(job_id)),
    ]


def reopening(table: Table, header: Item) -> list[Item]:
    """No cancel request, and queued if it was finished."""
    sets: dict[str, Any] = {"cancel_requested": False}
    if not is_finished(header):
        return _moving(table, header, sets, set())
    removes = {"started_at", "finished_at", "error", "expires_at"}
    return _moving(table, header, sets | {"state": "queued"}, removes)


def starting(table: Table, header: Item, now: float) -> list[Item]:
    """Running; a start that is recorded stays."""
    sets = {"state": "running", "started_at": header.get("started_at", now)}
    return _moving(table, header, sets, {"finished_at", "error"})


def settling(
    table: Table,
    header: Item,
    state: JobState,
    now: float,
    *,
    error: str | None,
    best: dict[str, Any] | None,
    usage: Usage | None,
    expires_at: int | None,
) -> list[Item]:
    """Finished, or queued again; either way nobody holds it any more."""
    sets = {
        "state": state,
        "n_running": 0,
        "finished_at": None if state == "queued" else now,
        "error": None if error is None else error[:MAX_ERROR_CHARS],
        "best": None if best is None else json.dumps(best),
        "usage": usage_text(usage),
        "expires_at": expires_at,
    }
    # What was best, and what was spent, stays when nothing is said about it.
    removes = {name for name in ("finished_at", "error") if sets[name] is None}
    given = {name: value for name, value in sets.items() if value is not None}
    return _moving(table, header, given, removes | {"owner", "lease_expires_at"})


def granted(state: JobState, header: Item, error: str | None) -> JobState:
    """The state asked for, or "queued" where it is not true any more; see `JobStore.set_state`."""
    unsettled = header["n_done"] + header["n_failed"] < header["n_tasks"]
    withdrawn = not header["cancel_requested"] and error is None
    if (state == "done" and unsettled) or (state == "cancelled" and withdrawn):
        return "queued"
    return state


def is_expired(header: Item, now: float) -> bool:
    """Whether DynamoDB may remove the job at any moment: it counts as gone."""
    return "expires_at" in header and header["expires_at"] <= now


def _moving(table: Table, header: Item, sets: dict[str, Any], removes: set[str]) -> list[Item]:
    condition, values = _unchanged(header)
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
    if removes:
        change += " REMOVE " + ", ".join(f"#{name}" for name in sorted(removes))
    values |= {f":{name}": value for name, value in sets.items()}
    actions = [table.updating(header_key(header["task_id"]), change, condition, values)]
    finishes = sets.get("state", header["state"]) in FINISHED_STATES
    if finishes and not is_finished(header):
        actions.append(table.deleting(open_key(header["task_id"])))
    elif is_finished(header) and not finishes:
        actions.append(table.putting(_open_item(header)))
    return actions


def _unchanged(header: Item) -> tuple[str, dict[str, Any]]:
    """The condition that what was decided on is still so: counts, state, owner, cancel request."""
    names = ("edition", "seq", "n_discards", "state", "cancel_requested", "owner")
    seen = {name: header[name] for name in names if name in header}
    parts = [f"#{name} = :seen_{name}" for name in seen]
    parts += [f"attribute_not_exists(#{name})" for name in names if name not in seen]
    return " AND ".join(parts), {f":seen_{name}": value for name, value in seen.items()}


def _open_item(header: Item) -> Item:
    return {"job_id": OPEN, "task_id": header["task_id"]}
