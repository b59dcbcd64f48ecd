"""One job being worked on by this process: holds the lease, runs what is missing, records it.

Two threads. The *runner* reads the backend's events; it may block for as long as a task takes. The
*keeper* wakes up every FLUSH_S: it records what has come in, so that readers see it at once, and
with every heartbeat renews the lease and looks for a cancel request.

If the process sleeps for longer than its lease (a suspended laptop, SIGSTOP) another one may have
taken the job over. The first heartbeat afterwards says so, and this run stops without writing to
the store. Outcomes that it recorded until then do no harm: both runs compute the same, and the
first record counts.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from compute_lambda import Task
from compute_lambda.contract.errors import ReportedError, error_record
from dashboard.backends import Backend, TaskEvent, TaskFailure, TaskResult, TaskStarted
from dashboard.jobs.memo import Memo
from dashboard.jobs.recorder import Recorder
from dashboard.planning.job_kinds import Summary
from dashboard.planning.spending import Budget
from dashboard.stores.base import JobStore, StoreError, TaskOutcome

_log = logging.getLogger(__name__)

FLUSH_S = 0.1
"""How long an outcome may wait for others before it is written, in seconds."""

LAST_FLUSHES = 5
"""Tries to write the last outcomes before the run gives up and leaves the rest to a take-over."""

RECALL_S = 1.0
"""How long a run looks for remembered results before it begins to compute, in seconds."""

StopReason = Literal["cancel", "close", "lost"]


class JobRun:
    """Start with `start()`; ends by itself, or soon after `stop(reason)`.

    `tasks` are all tasks of the job, whether settled or not. `on_end(run)` is called last, in the
    runner's thread.
    """

    def __init__(
        self,
        job_id: str,
        tasks: Sequence[Task],
        store: JobStore,
        backend: Backend,
        memo: Memo,
        summary: Summary,
        *,
        owner: str,
        lease_s: float,
        heartbeat_s: float,
        on_end: Callable[[JobRun], None],
    ) -> None:
        self.job_id = job_id
        # Every run has a name of its own: for the lease, two runs in one process are two owners.
        self.owner = f"{owner}:{uuid.uuid4().hex[:8]}"
        self._tasks = {task.task_id: task for task in tasks}
        self._store, self._backend, self._memo = store, backend, memo
        self._lease_s, self._heartbeat_s = lease_s, heartbeat_s
        self._on_end = on_end
        self._lock = threading.Lock()
        self._recorder = Recorder(job_id, store, memo, summary)
        self._budget = Budget()
        self._unsettled: set[str] = set()
        self._in_flight: set[str] = set()
        self._resumed = False
        self._reason: StopReason | None = None
        self._stopping = threading.Event()
        self._idle = threading.Event()
        self._next_beat = 0.0
        self._thread = threading.Thread(target=self._run, name=f"job-{job_id}", daemon=True)

    def start(self) -> None:
        """Begin in a thread of its own, and return. To be called once."""
        self._thread.start()

    def stop(self, reason: StopReason) -> None:
        """End soon: "cancel" for good, "close" for the next process to go on, "lost" silently."""
        with self._lock:
            # A lost lease or the end of the process overrules a wish to cancel, not the reverse.
            if self._reason is None or self._reason == "cancel":
                self._reason = reason
        self._stopping.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; whether it came in time."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # -- runner -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._store.acquire_lease(self.job_id, self.owner, self._lease_s):
                self._hold()
        except Exception:
            # The store itself fails. The lease runs out, and a process that reaches the store goes
            # on.
            _log.exception("Job %s: the run ended because the store failed", self.job_id)
        finally:
            self._on_end(self)

    def _hold(self) -> None:
        job = self._store.set_state(self.job_id, "running", owner=self.owner)
        if job is None:
            return
        self._budget = Budget(job.spending_cap_usd, job.usage)
        self._beat()  # a job taken over may have been cancelled before its process died
        keeper = threading.Thread(target=self._keep, name=f"keeper-{self.job_id}", daemon=True)
        keeper.start()
        best = None
        try:
            error = self._attempt()
            self._flush_last()
            if self._reason not in ("lost", "close"):
                # Reads a resumed job's results again, which takes long for very many: the keeper
                # must still be there to hold the lease.
                best = self._recorder.summary(with_earlier_runs=self._resumed)
        finally:
            self._idle.set()
            keeper.join()
        self._finish(error, best)

    def _attempt(self) -> str | None:
        """Do the work; a sentence for people if that ended in an unexpected error."""
        try:
            if not self._stopping.is_set():
                self._work()
        except Exception:
            error_id = uuid.uuid4().hex[:8]
            _log.exception("Job %s failed unexpectedly (error %s)", self.job_id, error_id)
            self._stopping.set()  # for the backend, should its iterator still be alive
            return f"The job stopped on an unexpected error ({error_id} in the server's log)."
        return None

    def _work(self) -> None:
        settled = self._store.settled(self.job_id)
        self._resumed = bool(settled)
        missing = [task for task_id, task in self._tasks.items() if task_id not in settled]
        self._unsettled = {task.task_id for task in missing}
        for event in self._backend.run(self._unknown(missing), self._stopping, self._budget):
            self._take(event)
        if not self._stopping.is_set() and not self._budget.exhausted:
            for task_id in sorted(self._unsettled):
                self._take(TaskFailure(task_id, _no_outcome(self._backend.name), 1))

    def _unknown(self, missing: list[Task]) -> Iterator[Task]:
        """The tasks to compute. Tasks that the memo knows are recorded as done on the way.

        The memo is asked for all tasks before the first one is given out, so that the page fills in
        at once. A job of very many tasks does not wait for that: after RECALL_S the rest is looked
        up when its turn comes.
        """
        until = time.monotonic() + RECALL_S
        waiting = deque(missing)
        unknown = []
        while waiting and time.monotonic() < until and not self._stopping.is_set():
            task = waiting.popleft()
            if not self._recalled(task):
                unknown.append(task)
        yield from unknown
        for task in waiting:
            if not self._recalled(task):
                yield task

    def _recalled(self, task: Task) -> bool:
        result = self._memo.get(task.task_id)
        if result is None:
            return False
        outcome = TaskOutcome(task.task_id, "done", task.n_units, result=result)
        self._unsettled.discard(task.task_id)
        self._recorder.add(outcome, is_known=True)
        return True

    def _take(self, event: TaskEvent) -> None:
        task = self._tasks[event.task_id]
        if isinstance(event, TaskStarted):
            with self._lock:
                self._in_flight.add(event.task_id)
            return
        with self._lock:
            self._in_flight.discard(event.task_id)
        self._unsettled.discard(event.task_id)
        self._recorder.add(_outcome(task, event))

    def _finish(self, error: str | None, best: dict[str, Any] | None) -> None:
        if self._reason == "lost":
            return
        if self._reason == "close":
            self._beat()  # records what was spent since the last heartbeat
            self._store.release_lease(self.job_id, self.owner)
            return
        job = self._store.job(self.job_id)
        if job is None:
            return
        finish = functools.partial(self._store.set_state, usage=self._budget.usage)
        unsettled = job.n_done + job.n_failed < job.n_tasks
        if error is not None:
            finish(self.job_id, "failed", owner=self.owner, error=error, best=best)
        elif unsettled and self._reason == "cancel":
            finish(self.job_id, "cancelled", owner=self.owner, best=best)
        elif unsettled and self._budget.exhausted and job.spending_cap_usd == self._budget.cap_usd:
            # With another cap by now, "done" is asked for below, which queues the job: it goes on.
            reason = self._budget.sentence()
            finish(self.job_id, "cancelled", owner=self.owner, error=reason, best=best)
        elif job.n_done == 0 and job.n_failed >= job.n_tasks:
            reason = self._first_failure()
            finish(self.job_id, "failed", owner=self.owner, error=reason, best=best)
        else:
            finish(self.job_id, "done", owner=self.owner, best=best)

    def _first_failure(self) -> str:
        page = self._store.outcomes(self.job_id, limit=1)
        errors = [outcome.error for outcome in page.outcomes if outcome.error]
        message = errors[0].get("message", "") if errors else ""
        return f"None of the {len(self._tasks):,} tasks could be computed. {message}".strip()

    # -- keeper -------------------------------------------------------------------------------

    def _keep(self) -> None:
        said: set[str] = set()
        while not self._idle.wait(FLUSH_S):
            try:
                self._flush()
                if time.monotonic() >= self._next_beat:
                    self._beat()
            except StoreError as error:
                # Ten times a second, so each sentence once.
                if str(error) not in said:
                    said.add(str(error))
                    _log.warning("Job %s: the store failed, trying again: %s", self.job_id, error)
            except Exception:
                # A full disk or a lock held too long may pass; the outcomes are kept until then.
                _log.exception("Job %s: the store failed, trying again", self.job_id)

    def _beat(self) -> None:
        self._next_beat = time.monotonic() + self._heartbeat_s
        with self._lock:
            n_running = len(self._in_flight)
        usage = self._budget.usage
        job = self._store.renew_lease(self.job_id, self.owner, self._lease_s, n_running, usage)
        if job is None:
            self.stop("lost")
            return
        self._budget.move_cap(job.spending_cap_usd)
        if job.cancel_requested and self._reason is None:
            self.stop("cancel")

    def _flush(self) -> None:
        while self._reason != "lost" and self._recorder.flush():
            if time.monotonic() >= self._next_beat:
                self._beat()

    def _flush_last(self) -> None:
        for _ in range(LAST_FLUSHES - 1):
            try:
                return self._flush()
            except Exception:
                _log.exception("Job %s: the last outcomes are not written yet", self.job_id)
                time.sleep(FLUSH_S)
        return self._flush()


def _outcome(task: Task, event: TaskResult | TaskFailure) -> TaskOutcome:
    if isinstance(event, TaskResult):
        return TaskOutcome(
            task.task_id, "done", task.n_units, result=event.result, attempts=event.attempts
        )
    error = _with_task(event.error, task)
    return TaskOutcome(task.task_id, "failed", task.n_units, error=error, attempts=event.attempts)


def _with_task(error: dict[str, Any], task: Task) -> dict[str, Any]:
    """The error, with what its task holds, so that a reader can name it without the plan."""
    about = {"kind": task.kind, **task.about()}
    return {**error, "details": {**(error.get("details") or {}), **about}}


def _no_outcome(backend: str) -> dict[str, Any]:
    message = f"The backend {backend} ended without an outcome for this task. Rerun it."
    return error_record(ReportedError("no_outcome", message), "")
