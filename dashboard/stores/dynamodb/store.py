"""The job store in the cloud: one DynamoDB table and, for large results, one S3 bucket.

What the items look like stands in `items`, how outcomes are written and read in `log`. A job's
header and its entry among the open jobs change in one transaction; the rest of a header changes in
single conditional writes.

Requests, which is what is billed (per started kilobyte written, twice in a transaction, and per
started four kilobytes read):

    a page following a job    2 for each look: the header, and the outcomes since the last one
    a run                     1 for each heartbeat (0.5 s), 1 for each batch of outcomes
    a process with no job     1 a second, which finds no open job
    beginning and ending      some 10 for each job

At some 0.15 USD for a million reads a dashboard on which nothing runs costs less than a cent a day,
and nothing when it is not up.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from dashboard.planning.spending import Usage
from dashboard.stores.base import (
    FINISHED_STATES,
    JobRecord,
    JobState,
    OutcomePage,
    OutcomeStatus,
    StoreError,
    TaskOutcome,
)
from dashboard.stores.dynamodb.headers import (
    granted,
    is_expired,
    making,
    removing,
    reopening,
    settling,
    starting,
)
from dashboard.stores.dynamodb.items import (
    EDITIONS,
    JOBS,
    OPEN,
    header_key,
    is_finished,
    is_free,
    is_job_id,
    job_record,
    label_additions,
    usage_text,
)
from dashboard.stores.dynamodb.log import JobLog, in_turn, read_outcomes
from dashboard.stores.dynamodb.overflow import Overflow
from dashboard.stores.dynamodb.removal import stamp, sweep
from dashboard.stores.dynamodb.table import ConditionFailed, Item, Table

DAY_S = 86_400
MAX_LOGS = 32
"""Logs that a process remembers: more than the jobs that it works on at once."""


class DynamoJobStore:
    """A `JobStore` in a table with partition key `job_id` and sort key `task_id`.

    `dynamodb` is a client made with `table.CLIENT_CONFIG`; `s3` is one that tries again by itself.
    With `finished_ttl_days` a finished job expires so many days after its end: DynamoDB removes its
    items (attribute `expires_at`), and it counts as gone from that moment. Its objects in the
    bucket stay, unless the stack's parameter LargeResultsDays removes them later.

    Methods raise StoreError when AWS cannot be used.
    """

    def __init__(
        self,
        table_name: str,
        bucket: str,
        *,
        dynamodb: Any,
        s3: Any,
        finished_ttl_days: float | None = None,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._clock, self._rng = clock, rng or random.Random()
        self._table = Table(dynamodb, table_name, rng=self._rng)
        self._overflow = Overflow(s3, bucket)
        self._ttl_s = None if finished_ttl_days is None else finished_ttl_days * DAY_S
        self._lock = threading.Lock()
        self._logs: OrderedDict[str, JobLog] = OrderedDict()

    # -- jobs ---------------------------------------------------------------------------------

    def create_job(self, record: JobRecord) -> JobRecord:
        """See `JobStore.create_job`. Only what a new job has is taken from `record`; raises
        StoreError when the job is there and unreadable.
        """
        made = JobRecord(
            job_id=record.job_id,
            spec=record.spec,
            dataset_name=record.dataset_name,
            backend=record.backend,
            n_tasks=record.n_tasks,
            n_units=record.n_units,
            created_at=record.created_at or self._clock(),
            spending_cap_usd=record.spending_cap_usd,
        )
        return in_turn(self._rng, lambda: self._create(made))

    def job(self, job_id: str) -> JobRecord | None:
        """See `JobStore.job`. None for a job that has expired, too."""
        header = self._header(job_id)
        return None if header is None else job_record(header)

    def jobs(self) -> list[JobRecord]:
        """See `JobStore.jobs`. Jobs that have expired, or whose settings are unreadable, are left
        out.
        """
        now = self._clock()
        headers = [
            item
            for items, _ in self._table.pages(JOBS)
            for item in items
            if not is_expired(item, now)
        ]
        headers.sort(key=lambda item: (item["created_at"], item["edition"]), reverse=True)
        return [record for item in headers if (record := job_record(item)) is not None]

    def delete_job(self, job_id: str) -> bool:
        """See `JobStore.delete_job`. Its large results in the bucket go with it."""
        header = self._header(job_id)
        if header is None:
            return False
        edition = int(header["edition"])
        try:
            self._table.transact(removing(self._table, header))
        except ConditionFailed:  # another process was first
            return False
        with self._lock:
            self._logs.pop(job_id, None)
        sweep(self._table, job_id, edition)
        self._overflow.sweep(job_id, edition)
        return True

    def reopen(self, job_id: str) -> JobRecord | None:
        """See `JobStore.reopen`. The job no longer expires."""
        return in_turn(self._rng, lambda: self._reopen(job_id))

    def set_spending_cap(self, job_id: str, cap_usd: float | None) -> None:
        """See `JobStore.set_spending_cap`."""
        if cap_usd is None:
            self._change(job_id, "REMOVE #spending_cap_usd")
        else:
            self._change(job_id, "SET #spending_cap_usd = :cap", values={":cap": cap_usd})

    def add_label_usage(self, job_id: str, usage: Usage) -> None:
        """See `JobStore.add_label_usage`."""
        change, values = label_additions(usage)
        self._change(job_id, change, values=values)

    # -- outcomes -----------------------------------------------------------------------------

    def record(self, job_id: str, outcomes: Sequence[TaskOutcome]) -> int:
        """See `JobStore.record`. There is one transaction for each batch: an error may leave some
        of them written.
        """
        return self._log(job_id).record(outcomes) if outcomes and is_job_id(job_id) else 0

    def outcomes(self, job_id: str, after: int = 0, limit: int = 500) -> OutcomePage:
        """See `JobStore.outcomes`. A page may be shorter than `limit` although more is there."""
        if not is_job_id(job_id):
            return OutcomePage((), after)
        return read_outcomes(self._table, self._overflow, job_id, after, limit)

    def settled(self, job_id: str) -> dict[str, OutcomeStatus]:
        """See `JobStore.settled`. Costs two requests, and one more for each megabyte that is new to
        this process.
        """
        return self._log(job_id).settled() if is_job_id(job_id) else {}

    def discard_failures(self, job_id: str) -> int:
        """See `JobStore.discard_failures`. There is one transaction for each few batches."""
        return self._log(job_id).discard_failures() if is_job_id(job_id) else 0

    # -- lease --------------------------------------------------------------------------------

    def acquire_lease(self, job_id: str, owner: str, ttl_s: float) -> bool:
        """See `JobStore.acquire_lease`."""
        now = self._clock()
        taken = self._change(
            job_id,
            "SET #owner = :owner, #lease_expires_at = :expires",
            "(attribute_not_exists(#owner) OR #lease_expires_at <= :now OR #owner = :owner)",
            {":owner": owner, ":expires": now + ttl_s, ":now": now},
        )
        return taken is not None

    def renew_lease(
        self,
        job_id: str,
        owner: str,
        ttl_s: float,
        n_running: int,
        usage: Usage | None = None,
    ) -> JobRecord | None:
        """See `JobStore.renew_lease`."""
        change = "SET #lease_expires_at = :expires, #n_running = :n_running"
        values = {":owner": owner, ":expires": self._clock() + ttl_s, ":n_running": n_running}
        if usage is not None:
            change += ", #usage = :usage"
            values[":usage"] = usage_text(usage) or ""
        header = self._change(job_id, change, "#owner = :owner", values)
        return None if header is None else job_record(header)

    def release_lease(self, job_id: str, owner: str) -> None:
        """See `JobStore.release_lease`."""
        self._change(
            job_id,
            "SET #n_running = :none REMOVE #owner, #lease_expires_at",
            "#owner = :owner",
            {":owner": owner, ":none": 0},
        )

    # -- state --------------------------------------------------------------------------------

    def request_cancel(self, job_id: str) -> bool:
        """See `JobStore.request_cancel`."""
        changed = self._change(
            job_id,
            "SET #cancel_requested = :yes",
            "#state IN (:queued, :running)",
            {":yes": True, ":queued": "queued", ":running": "running"},
        )
        return changed is not None

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
        """See `JobStore.set_state`. A finished job expires after `finished_ttl_days`."""

        def attempt() -> JobRecord | None:
            header = self._header(job_id)
            if header is None or header.get("owner") != owner:
                return None
            if state == "running":
                self._table.transact(starting(self._table, header, self._clock()))
            else:
                becomes = granted(state, header, error)
                self._settle(header, becomes, error=error, best=best, usage=usage)
            return self.job(job_id)

        return in_turn(self._rng, attempt)

    def orphaned(self, now: float) -> list[str]:
        """See `JobStore.orphaned`. A job made in the last second may be missing."""
        # A job that is missing here for a moment will be seen a second later: the cheap read.
        pages = self._table.pages(OPEN, consistent=False)
        keys = [header_key(item["task_id"]) for items, _ in pages for item in items]
        headers = [
            header
            for header in self._table.get_all(keys)
            if not is_finished(header) and is_free(header, now)
        ]
        headers.sort(key=lambda header: (header["created_at"], header["edition"]))
        return [header["task_id"] for header in headers]

    def close(self) -> None:
        """Does nothing: the clients belong to whoever made them."""

    # -- items ----------------------------------------------------------------------------------

    def _header(self, job_id: str) -> Item | None:
        """The job's header, unless it has expired."""
        header = self._table.get(header_key(job_id)) if is_job_id(job_id) else None
        return None if header is None or is_expired(header, self._clock()) else header

    def _log(self, job_id: str) -> JobLog:
        with self._lock:
            log = self._logs.get(job_id)
            if log is None:
                log = JobLog(self._table, self._overflow, job_id, self._clock, self._rng)
                self._logs[job_id] = log
            self._logs.move_to_end(job_id)
            while len(self._logs) > MAX_LOGS:
                self._logs.popitem(last=False)
            return log

    def _change(
        self,
        job_id: str,
        change: str,
        condition: str = "attribute_exists(task_id)",
        values: dict[str, Any] | None = None,
    ) -> Item | None:
        """The header after the change; None when the condition (or the job) is not there."""
        if not is_job_id(job_id):
            return None
        if "attribute_exists(task_id)" not in condition:
            condition += " AND attribute_exists(task_id)"
        try:
            return self._table.update(header_key(job_id), change, condition, values or {})
        except ConditionFailed:
            return None

    def _create(self, made: JobRecord) -> JobRecord:
        header = self._header(made.job_id)
        if header is not None:
            stored = job_record(header)
            if stored is None:
                raise StoreError(
                    f"The job {made.job_id} is there with settings that this release cannot read."
                    " Delete it, or update Centaurus."
                )
            return stored
        counter = self._table.get(EDITIONS)
        before = 0 if counter is None else int(counter["edition"])
        self._table.transact(making(self._table, made, before, self._clock()))
        sweep(self._table, made.job_id, before)  # what a deletion that broke off has left
        return made

    def _reopen(self, job_id: str) -> JobRecord | None:
        header = self._header(job_id)
        if header is None:
            return None
        expires = "expires_at" in header
        if expires:
            stamp(self._table, header, None)
        self._table.transact(reopening(self._table, header))
        if expires:
            stamp(self._table, header, None)  # whoever ended it may still have been stamping
        return self.job(job_id)

    def _settle(
        self,
        header: Item,
        state: JobState,
        *,
        error: str | None,
        best: dict[str, Any] | None,
        usage: Usage | None,
    ) -> None:
        now, expires_at = self._clock(), None
        if self._ttl_s is not None and state in FINISHED_STATES:
            expires_at = math.ceil(now + self._ttl_s)
        self._table.transact(
            settling(
                self._table,
                header,
                state,
                now,
                error=error,
                best=best,
                usage=usage,
                expires_at=expires_at,
            )
        )
        if expires_at is not None:
            stamp(self._table, header, expires_at)
