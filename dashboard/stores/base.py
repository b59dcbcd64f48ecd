"""What the dashboard remembers of jobs: the records and the interface of a job store.

A store keeps one record per job and, append-only, one outcome per settled task. Every reader
follows a job with a cursor: outcomes carry a `seq` that only grows, so whoever remembers the last
one asks for "what came after" and neither skips nor repeats one. Writers deliver at least once:
recording the same outcome again changes nothing.

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

#: A job in one of these states runs nowhere and does not start again by itself.
FINISHED_STATES: frozenset[JobState] = frozenset({"done", "cancelled", "failed"})


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
    #: Units of progress (such as fits) in the done tasks, which differ in size.
    n_units_done: int = 0
    #: Tasks in flight, as told by the last heartbeat.
    n_running: int = 0
    created_at: float = 0.0
    #: When work began after the last submission; a take-over after a crash keeps it.
    started_at: float | None = None
    finished_at: float | None = None
    cancel_requested: bool = False
    error: str | None = None
    #: No more is sent when this is spent, in US dollars; None for no cap. Not part of the spec.
    spending_cap_usd: float | None = None
    #: What all runs of this job cost so far, as told by the last heartbeat.
    usage: Usage = NOTHING_SPENT
    #: What the job's kind has to say of the results in a line of the list of jobs, as plain JSON;
    #: of an analysis the best model so far: {"type", "k", "bic"}.
    best: dict[str, Any] | None = None
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
    def finished(self) -> bool:
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
    #: {"code", "message", "details", "request_id"} of a failed task.
    error: dict[str, Any] | None = None
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

    def job(self, job_id: str) -> JobRecord | None: ...

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
        """Another cap, or none. A run in progress follows it from its next heartbeat on."""
        ...

    def record(self, job_id: str, outcomes: Sequence[TaskOutcome]) -> int:
        """Write outcomes and the job's counts in one transaction; how many were news.

        A done task is never overwritten. A failure is replaced by a later success, which gets a
        `seq` of its own so that readers beyond the failure see it. Everything else that is there
        already is left alone.
        """
        ...

    def outcomes(self, job_id: str, after: int = 0, limit: int = 500) -> OutcomePage:
        """At most `limit` outcomes with `seq` > `after`, ascending.

        With every outcome in a page, all smaller ones of this job are in this page or before it,
        now and for ever: a smaller `seq` never appears later.
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
        """Give the job up, if `owner` holds it; from now on it counts as orphaned or finished."""
        ...

    def request_cancel(self, job_id: str) -> bool:
        """Ask whoever runs the job to stop; whether it is one that could still run."""
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

        A finished state (and "queued") gives up the lease in the same transaction. Two requests are
        granted only if they are still true, otherwise the job becomes "queued" and whoever asked
        (or the next process) goes on with it: "done" needs every task to be settled, because
        failures may have been discarded for a rerun in the meantime; "cancelled" without an `error`
        needs the cancel request to stand, because it may have been withdrawn by `reopen`.
        """
        ...

    def orphaned(self, now: float) -> list[str]:
        """Jobs that are queued or running and held by nobody (or by a lease that ran out)."""
        ...

    def close(self) -> None: ...
