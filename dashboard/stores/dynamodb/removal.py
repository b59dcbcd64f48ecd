"""How outcomes leave the jobs table: with their job, or because they expire."""

from __future__ import annotations

from typing import Any

from dashboard.stores.dynamodb.items import edition_start, header_key, log_key
from dashboard.stores.dynamodb.table import ConditionFailed, Item, Table

#: Batches in one transaction; they may have 300 KB each, it 4 MB.
STAMPED_AT_ONCE = 10


def sweep(table: Table, job_id: str, through_edition: int) -> None:
    """Remove the batches of the job's editions up to this one, which must be gone."""
    keys = _keys(table, job_id, 0, edition_start(through_edition + 1))
    table.delete_all([(job_id, key) for key in keys])


def stamp(table: Table, header: Item, expires_at: int | None) -> None:
    """Let the batches of the header's edition expire then, or (None) never.

    The header is stamped before them when a job ends, and they are freed before it when the job
    goes on: an interruption in between costs storage, never results. Stops when the job is reopened
    or deleted meanwhile.
    """
    job_id, edition = header["task_id"], int(header["edition"])
    change, values = "REMOVE #expires_at", {}
    checks = []
    if expires_at is not None:
        change, values = "SET #expires_at = :expires_at", {":expires_at": expires_at}
        condition = "#expires_at = :expires_at AND #edition = :edition"
        seen: dict[str, Any] = values | {":edition": edition}
        checks = [table.checking(header_key(job_id), condition, seen)]
    keys = _keys(table, job_id, edition_start(edition), edition_start(edition + 1))
    for start in range(0, len(keys), STAMPED_AT_ONCE):
        updates = [
            table.updating((job_id, key), change, "attribute_exists(task_id)", values)
            for key in keys[start : start + STAMPED_AT_ONCE]
        ]
        try:
            table.transact([*checks, *updates])
        except ConditionFailed:
            return


def _keys(table: Table, job_id: str, after: int, through: int) -> list[str]:
    """Sort keys of the job's batches whose last `seq` is in (after, through]."""
    first, last = log_key(after), log_key(through)
    return [
        item["task_id"]
        for items, _ in table.pages(job_id, through=last, attributes=("task_id",))
        for item in items
        if item["task_id"] > first
    ]
