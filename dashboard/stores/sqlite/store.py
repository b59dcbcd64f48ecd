"""The job store of one machine: a SQLite file in the data directory, shared by its processes.

Why a cursor never skips an outcome: `seq` is given out inside a write transaction, and SQLite lets
one write transaction run at a time (BEGIN IMMEDIATE waits for the one before). So numbers become
visible in the order in which they were given out, and a reader's snapshot that holds `seq` n holds
every smaller one that will ever exist. Databases with concurrent writers do not promise that.
Why it never repeats one: AUTOINCREMENT does not reuse numbers, also after the largest was deleted.

WAL mode: readers never wait for writers. `synchronous=NORMAL` survives the death of the process at
any point; a power failure may lose the last moments, never consistency, and lost outcomes are
simply computed again.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dashboard.planning.job_kinds import job_kind
from dashboard.planning.spec import SpecError
from dashboard.planning.spending import Usage
from dashboard.stores.base import JobRecord, JobState, OutcomePage, OutcomeStatus, TaskOutcome
from dashboard.stores.outcome_text import error_text, read_outcome, result_text
from dashboard.stores.sqlite.connections import Connections
from dashboard.stores.sqlite.schema import SCHEMA, SCHEMA_VERSION, UPGRADES

_log = logging.getLogger(__name__)

_JOB_COLUMNS = (
    "job_id, spec, dataset_name, backend, n_tasks, n_units, state, n_done, n_failed, n_units_done, "
    "n_running, created_at, started_at, finished_at, cancel_requested, error, best, owner, "
    "lease_expires_at, spending_cap_usd, usage, kind, label_usage"
)
_ONE_JOB = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE job_id = ?"
_FREE = "(owner IS NULL OR lease_expires_at <= :now)"


class SqliteJobStore:
    """A `JobStore` in one SQLite file; see there for what each method promises.

    Raises StoreError when the file cannot be opened or is not one of ours.
    """

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = time.time, busy_timeout_s: float = 30.0
    ) -> None:
        self._clock = clock
        self._db = Connections(path, SCHEMA, SCHEMA_VERSION, busy_timeout_s, UPGRADES)

    # -- jobs ---------------------------------------------------------------------------------

    def create_job(self, record: JobRecord) -> JobRecord:
        """See `JobStore.create_job`."""
        row = (
            record.job_id,
            json.dumps(record.spec.to_dict()),
            record.dataset_name,
            record.backend,
            record.n_tasks,
            record.n_units,
            record.created_at or self._clock(),
            record.spending_cap_usd,
            record.spec.kind,
        )
        with self._db.writing() as db:
            db.execute(
                "INSERT INTO jobs (job_id, spec, dataset_name, backend, n_tasks, n_units, state,"
                " created_at, spending_cap_usd, kind)"
                " VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                row,
            )
            stored = _job(db, record.job_id)
        assert stored is not None
        return stored

    def job(self, job_id: str) -> JobRecord | None:
        """See `JobStore.job`."""
        rows = self._db.read(_ONE_JOB, (job_id,))
        return _job_record(rows[0]) if rows else None

    def jobs(self) -> list[JobRecord]:
        """See `JobStore.jobs`. Jobs whose settings are unreadable are left out."""
        rows = self._db.read(
            f"SELECT {_JOB_COLUMNS} FROM jobs ORDER BY created_at DESC, rowid DESC"
        )
        return [record for row in rows if (record := _job_record(row)) is not None]

    def delete_job(self, job_id: str) -> bool:
        """See `JobStore.delete_job`. Its outcomes go in the same transaction."""
        with self._db.writing() as db:
            return db.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,)).rowcount > 0

    def reopen(self, job_id: str) -> JobRecord | None:
        """See `JobStore.reopen`."""
        with self._db.writing() as db:
            db.execute("UPDATE jobs SET cancel_requested = 0 WHERE job_id = ?", (job_id,))
            db.execute(
                "UPDATE jobs SET state = 'queued', started_at = NULL, finished_at = NULL,"
                " error = NULL WHERE job_id = ? AND state IN ('done', 'cancelled', 'failed')",
                (job_id,),
            )
            return _job(db, job_id)

    def set_spending_cap(self, job_id: str, cap_usd: float | None) -> None:
        """See `JobStore.set_spending_cap`."""
        with self._db.writing() as db:
            db.execute("UPDATE jobs SET spending_cap_usd = ? WHERE job_id = ?", (cap_usd, job_id))

    def add_label_usage(self, job_id: str, usage: Usage) -> None:
        """See `JobStore.add_label_usage`."""
        with self._db.writing() as db:
            job = _job(db, job_id)
            if job is not None:
                total = _encoded(job.label_usage + usage)
                db.execute("UPDATE jobs SET label_usage = ? WHERE job_id = ?", (total, job_id))

    # -- outcomes -----------------------------------------------------------------------------

    def record(self, job_id: str, outcomes: Sequence[TaskOutcome]) -> int:
        """See `JobStore.record`."""
        if not outcomes:
            return 0
        # Encoded before the transaction begins, so that writers wait for each other less.
        rows = [_outcome_row(job_id, outcome, self._clock()) for outcome in outcomes]
        n_new = 0
        with self._db.writing() as db:
            if _job(db, job_id) is None:
                return 0
            for row in rows:
                n_new += _record_one(db, row)
        return n_new

    def outcomes(self, job_id: str, after: int = 0, limit: int = 500) -> OutcomePage:
        """See `JobStore.outcomes`. Reads one snapshot."""
        rows = self._db.read(
            "SELECT seq, task_id, status, n_units, result, error, attempts, recorded_at"
            " FROM outcomes WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (job_id, after, limit),
        )
        found = tuple(_task_outcome(row) for row in rows)
        return OutcomePage(found, found[-1].seq if found else after)

    def settled(self, job_id: str) -> dict[str, OutcomeStatus]:
        """See `JobStore.settled`."""
        rows = self._db.read("SELECT task_id, status FROM outcomes WHERE job_id = ?", (job_id,))
        return dict(rows)

    def discard_failures(self, job_id: str) -> int:
        """See `JobStore.discard_failures`."""
        with self._db.writing() as db:
            n_discarded = db.execute(
                "DELETE FROM outcomes WHERE job_id = ? AND status = 'failed'", (job_id,)
            ).rowcount
            db.execute("UPDATE jobs SET n_failed = 0 WHERE job_id = ?", (job_id,))
        return n_discarded

    # -- lease --------------------------------------------------------------------------------

    def acquire_lease(self, job_id: str, owner: str, ttl_s: float) -> bool:
        """See `JobStore.acquire_lease`."""
        now = self._clock()
        with self._db.writing() as db:
            changed = db.execute(
                "UPDATE jobs SET owner = :owner, lease_expires_at = :expires"
                f" WHERE job_id = :job_id AND ({_FREE} OR owner = :owner)",
                {"job_id": job_id, "owner": owner, "expires": now + ttl_s, "now": now},
            )
            return changed.rowcount > 0

    def renew_lease(
        self,
        job_id: str,
        owner: str,
        ttl_s: float,
        n_running: int,
        usage: Usage | None = None,
    ) -> JobRecord | None:
        """See `JobStore.renew_lease`."""
        with self._db.writing() as db:
            changed = db.execute(
                "UPDATE jobs SET lease_expires_at = ?, n_running = ?, usage = COALESCE(?, usage)"
                " WHERE job_id = ? AND owner = ?",
                (self._clock() + ttl_s, n_running, _encoded(usage), job_id, owner),
            )
            return _job(db, job_id) if changed.rowcount else None

    def release_lease(self, job_id: str, owner: str) -> None:
        """See `JobStore.release_lease`."""
        with self._db.writing() as db:
            db.execute(
                "UPDATE jobs SET owner = NULL, lease_expires_at = NULL, n_running = 0"
                " WHERE job_id = ? AND owner = ?",
                (job_id, owner),
            )

    # -- state --------------------------------------------------------------------------------

    def request_cancel(self, job_id: str) -> bool:
        """See `JobStore.request_cancel`."""
        with self._db.writing() as db:
            changed = db.execute(
                "UPDATE jobs SET cancel_requested = 1"
                " WHERE job_id = ? AND state IN ('queued', 'running')",
                (job_id,),
            )
            return changed.rowcount > 0

    def set_state(
        self,
        job_id: str,
        state: JobState,
        *,
        owner: str,
        error: str | None = None,
        best: dict[str, Any] | None = None,
        usage: Usage | None = None,
    ) -> JobRecord | None:
        """See `JobStore.set_state`. One transaction, so that nothing changes between check and
        write.
        """
        with self._db.writing() as db:
            job = _job(db, job_id)
            if job is None or job.owner != owner:
                return None
            unsettled = job.n_done + job.n_failed < job.n_tasks
            withdrawn = not job.cancel_requested and error is None
            if (state == "done" and unsettled) or (state == "cancelled" and withdrawn):
                state = "queued"
            now = self._clock()
            encoded = None if best is None else json.dumps(best)
            if state == "running":
                db.execute(
                    "UPDATE jobs SET state = 'running', started_at = COALESCE(started_at, ?),"
                    " finished_at = NULL, error = NULL WHERE job_id = ?",
                    (now, job_id),
                )
            else:
                db.execute(
                    "UPDATE jobs SET state = ?, finished_at = ?, error = ?,"
                    " best = COALESCE(?, best), usage = COALESCE(?, usage), n_running = 0,"
                    " owner = NULL, lease_expires_at = NULL WHERE job_id = ?",
                    (
                        state,
                        None if state == "queued" else now,
                        error,
                        encoded,
                        _encoded(usage),
                        job_id,
                    ),
                )
            return _job(db, job_id)

    def orphaned(self, now: float) -> list[str]:
        """See `JobStore.orphaned`. Oldest first."""
        rows = self._db.read(
            f"SELECT job_id FROM jobs WHERE state IN ('queued', 'running') AND {_FREE}"
            " ORDER BY created_at",
            {"now": now},
        )
        return [job_id for (job_id,) in rows]

    def close(self) -> None:
        """See `JobStore.close`. Connections of all threads are closed."""
        self._db.close()


def _record_one(db: sqlite3.Connection, row: dict[str, Any]) -> int:
    """Write one outcome and what it changes in the job's counts; 1 if it was news."""
    replaced = 0
    if row["status"] == "done":
        replaced = db.execute(
            "DELETE FROM outcomes WHERE job_id = :job_id AND task_id = :task_id"
            " AND status = 'failed'",
            row,
        ).rowcount
    added = db.execute(
        "INSERT INTO outcomes (job_id, task_id, status, n_units, result, error, attempts,"
        " recorded_at) VALUES (:job_id, :task_id, :status, :n_units, :result, :error, :attempts,"
        " :recorded_at) ON CONFLICT (job_id, task_id) DO NOTHING",
        row,
    ).rowcount
    if added:
        done = row["status"] == "done"
        db.execute(
            "UPDATE jobs SET n_done = n_done + ?, n_failed = n_failed + ?,"
            " n_units_done = n_units_done + ? WHERE job_id = ?",
            (int(done), int(not done) - replaced, row["n_units"] if done else 0, row["job_id"]),
        )
    return added


def _outcome_row(job_id: str, outcome: TaskOutcome, now: float) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "task_id": outcome.task_id,
        "status": outcome.status,
        "n_units": outcome.n_units,
        "result": result_text(outcome),
        "error": error_text(outcome),
        "attempts": outcome.attempts,
        "recorded_at": now,
    }


def _task_outcome(row: tuple[Any, ...]) -> TaskOutcome:
    seq, task_id, status, n_units, result, error, attempts, recorded_at = row
    return read_outcome(
        task_id,
        status,
        n_units=n_units,
        result=result,
        error=error,
        attempts=attempts,
        seq=seq,
        recorded_at=recorded_at,
    )


def _encoded(usage: Usage | None) -> str | None:
    return None if usage is None else json.dumps(dataclasses.asdict(usage))


def _job(db: sqlite3.Connection, job_id: str) -> JobRecord | None:
    row = db.execute(_ONE_JOB, (job_id,)).fetchone()
    return None if row is None else _job_record(row)


def _job_record(row: tuple[Any, ...]) -> JobRecord | None:
    values = dict(zip(_JOB_COLUMNS.split(", "), row, strict=True))
    try:
        values["spec"] = job_kind(values.pop("kind")).read(json.loads(values["spec"]))
    except SpecError as error:
        # Of a release with other settings or kinds. Nobody can run it; the others are not held up.
        _log.warning("Job %s is left out, its settings are unreadable: %s", row[0], error)
        return None
    values["cancel_requested"] = bool(values["cancel_requested"])
    for name in ("usage", "label_usage"):
        text = values[name]
        values[name] = Usage() if text is None else Usage(**json.loads(text))
    values["best"] = None if values["best"] is None else json.loads(values["best"])
    return JobRecord(**values)
