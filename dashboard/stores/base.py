"""What the dashboard remembers of jobs: the records and the interface of a job store.

A store keeps one record per job and, append-only, one outcome per settled task. Every reader
follows a job with a cursor: outcomes carry a `seq` that only grows, so a reader who remembers the
last one asks for everything after it, and neither skips nor repeats one. Writers deliver at least
once: recording the same outcome again changes nothing.

A running job is held by a *lease*: a name and a time at which it runs out unless it is renewed.
When the holder dies the lease runs out, the job is listed as orphaned and another process goes on
with what is missing. The lease keeps two processes from doing the same work twice; the outcomes
stay right even if two do, because a task's result depends on nothing but the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from compute_lambda import Result
from compute_lambda.contract.errors import ReportedError
from dashboard.planning.job_kinds import Spec
from dashboard.planning.spec import JobSpec, SpecError
from dashboard.planning.spending import NOTHING_SPENT, Usage

JobState = Literal["queued", "running", "done", "cancelled", "failed"]
OutcomeStatus = Literal["done", "failed"]

FINISHED_STATES: frozenset[JobState] = frozenset({"done", "cancelled", "failed"})
"""A job in one of these states runs nowhere and does not start again by itself."""


class StoreError(ReportedError):
    """The store cannot be used. The message is one sentence or two with the remedy."""

    status = 503

    def __init__(self, message: str) -> None:
        super().__init__("store_unavailable", message)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as the store knows it at one moment.

    Times are Unix seconds. `state` is "done" when every task is settled, also when some of them
    failed (`n_failed` > 0); "failed" when nothing could run, with the reason in `error`;
    "cancelled" when somebody asked for it, or, with the reason in `error`, when the job stopped
    itself at its spending cap.
    """

    job_id: str
    spec: Spec
    dataset_name: str
    backend: str
    n_tasks: int
    n_units: int
    state: JobState = "queued"
    n_done: int = 0
    n_failed: int = 0
    n_units_done: int = 0
    """Units of progress (such as fits) in the tasks that are done."""
    n_running: int = 0
    """Tasks in flight, by the last heartbeat."""
    created_at: float = 0.0
    started_at: float | None = None
    """When work began after the last submission; a take-over after a crash keeps it."""
    finished_at: float | None = None
    cancel_requested: bool = False
    error: str | None = None
    spending_cap_usd: float | None = None
    """No more is sent when this is spent, in US dollars; None for no cap. Not part of the spec."""
    usage: Usage = NOTHING_SPENT
    """The cost of all runs of this job so far, by the last heartbeat."""
    label_usage: Usage = NOTHING_SPENT
    """What labels of its table cost, which are computed outside its runs."""
    best: dict[str, Any] | None = None
    """What the list of jobs shows of the results, as plain JSON that the job's kind has made: for
    an analysis the best model so far, {"type", "k", "bic"}."""
    owner: str | None = None
    lease_expires_at: float | None = None

    @property
    def analysis(self) -> JobSpec:
        """The settings of an analysis. Raises SpecError for a job of another kind."""
        if not isinstance(self.spec, JobSpec):
            raise SpecError(
                "not_an_analysis",
                f"Expected an analysis, got job {self.job_id}, which is of kind {self.spec.kind}.",
            )
        return self.spec

    @property
    def spent(self) -> Usage:
        """What the job cost in all: its runs, and labels of its table."""
        return self.usage + self.label_usage

    @property
    def finished(self) -> bool:
        """Whether the job runs nowhere and does not start again by itself."""
        return self.state in FINISHED_STATES

    @property
    def capped(self) -> bool:
        """Whether the job stopped itself at its spending cap. A cancelled one has no error."""
        has_cap = self.spending_cap_usd is not None
        return self.state == "cancelled" and self.error is not None and has_cap


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """How one task ended. `seq` and `recorded_at` (Unix seconds) are given by the store."""

    task_id: str
    status: OutcomeStatus
    n_units: int
    result: Result | None = None
    error: dict[str, Any] | None = None
    """{"code", "message", "details", "request_id"} of a failed task."""
    attempts: int = 1
    seq: int = 0
    recorded_at: float = 0.0


@dataclass(frozen=True, slots=True)
class OutcomePage:
    """Outcomes by ascending `seq`, and the cursor to ask with next time."""

    outcomes: tuple[TaskOutcome, ...]
    cursor: int


class JobStore(Protocol):
    """Where jobs live. Every method may be called from any thread; a store is shared by processes.

    A `job_id` that the store does not know is never an error: reads come back empty and writes
    change nothing, because a job may be deleted while somebody still works on it.
    """

    def create_job(self, record: JobRecord) -> JobRecord:
        """Add a job, unless one with this `job_id` exists; the stored record either way."""
        ...

    def job(self, job_id: str) -> JobRecord | None:
        """The job as it is now; None when there is none, or its settings are unreadable here."""
        ...

    def jobs(self) -> list[JobRecord]:
        """All jobs, newest first."""
        ...

    def delete_job(self, job_id: str) -> bool:
        """Remove a job and its outcomes; whether there was one."""
        ...

    def reopen(self, job_id: str) -> JobRecord | None:
        """The job shall go on: withdraws a cancel request; a finished job is queued again.

        A job that is running keeps running. What is recorded stays.
        """
        ...

    def set_spending_cap(self, job_id: str, cap_usd: float | None) -> None:
        """Change the cap; None for no cap. A run takes note of it with its next heartbeat."""
        ...

    def add_label_usage(self, job_id: str, usage: Usage) -> None:
        """Add to what labels of the job's table cost. Atomic; its runs are not disturbed."""
        ...

    def record(self, job_id: str, outcomes: Sequence[TaskOutcome]) -> int:
        """Write outcomes and the job's counts together; how many of them changed anything.

        A done task is never overwritten. A failure is replaced by a later success, which gets a
        `seq` of its own, so that a reader who has passed the failure sees it. Any other outcome of
        a task that is recorded already changes nothing.
        """
        ...

    def outcomes(self, job_id: str, after: int = 0, limit: int = 500) -> OutcomePage:
        """At most `limit` outcomes with `seq` > `after`, ascending.

        A `seq` smaller than one that was ever returned never appears later, so a reader who goes on
        from the cursor has seen everything before it.
        """
        ...

    def settled(self, job_id: str) -> dict[str, OutcomeStatus]:
        """Every task that has ended, by `task_id`."""
        ...

    def discard_failures(self, job_id: str) -> int:
        """Forget the failed tasks so that they count as missing; how many there were."""
        ...

    def acquire_lease(self, job_id: str, owner: str, ttl_s: float) -> bool:
        """Take the job if nobody holds it, the holder's lease ran out, or `owner` has it already.

        Atomic: of several that try at once exactly one succeeds.
        """
        ...

    def renew_lease(
        self,
        job_id: str,
        owner: str,
        ttl_s: float,
        n_running: int,
        usage: Usage | None = None,
    ) -> JobRecord | None:
        """Heartbeat of the holder; the record as it is now, with a cancel request if there is one.

        `usage` replaces the job's (it is a total, so that writing it twice changes nothing); None
        leaves it as it is. The answer is None when the lease went to somebody else or the job was
        deleted: stop working.
        """
        ...

    def release_lease(self, job_id: str, owner: str) -> None:
        """Give the job up, if `owner` holds it. Unless finished, it then counts as orphaned."""
        ...

    def request_cancel(self, job_id: str) -> bool:
        """Ask the run to stop; whether the job was queued or running."""
        ...

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
        """The holder of the lease moves the job on. None when `owner` does not hold the lease.

        `best` and `usage` None leave what is recorded.

        A finished state (and "queued") gives up the lease in the same transaction. Two states have
        a condition. "done" needs every task to be settled: failures may have been discarded for a
        rerun in the meantime. "cancelled" without an `error` needs the cancel request to stand:
        `reopen` may have withdrawn it. When the condition does not hold, the job becomes "queued",
        and the caller (or the next process) goes on with it.
        """
        ...

    def orphaned(self, now: float) -> list[str]:
        """Jobs that are queued or running and held by nobody (or by a lease that ran out)."""
        ...

    def close(self) -> None:
        """Let go of files and connections. Nothing may be called afterwards."""
        ...
