"""Jobs as the page and the command line use them: submit, cancel, rerun, delete, wait.

Several processes may serve the same store. Each runs the jobs whose lease it holds, and a watcher
takes over the jobs that another process left behind. Readers need not know which process runs a
job.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable

from dashboard.backends import Backend
from dashboard.datasets import DatasetCatalogue, DatasetError
from dashboard.jobs.memo import Memo
from dashboard.jobs.run import JobRun
from dashboard.planning.job_kinds import Spec, job_kind
from dashboard.planning.quote import Plan, Quote
from dashboard.planning.quotes import Quotes
from dashboard.planning.spec import SpecError
from dashboard.planning.spending import Usage
from dashboard.stores.base import JobRecord, JobState, JobStore, StoreError

_log = logging.getLogger(__name__)

WATCH_S = 1.0
"""How often the watcher looks for jobs that nobody runs, in seconds."""

POLL_S = 0.05
"""How often `wait` and `delete` look at the store, in seconds."""

STOP_S = 15.0
"""A cancelled run ends within moments. After this time nobody waits for it any more."""


class JobService:
    """Runs jobs on `backend` and keeps their state in `store`.

    Call `start()` in a process that should take over orphaned jobs (a server), and `close()` at the
    end. `lease_s` is how long a dead process keeps its jobs from others; `heartbeat_s` how often
    a lease is renewed and how late a cancel request from another process may be noticed.
    """

    def __init__(
        self,
        store: JobStore,
        backend: Backend,
        catalogue: DatasetCatalogue,
        memo: Memo,
        *,
        owner: str | None = None,
        lease_s: float = 5.0,
        heartbeat_s: float = 0.5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._backend, self._catalogue, self._memo = store, backend, catalogue, memo
        self._quotes = Quotes(catalogue, backend)
        self._owner = owner or f"{socket.gethostname()}:{os.getpid()}"
        self._lease_s, self._heartbeat_s, self._clock = lease_s, heartbeat_s, clock
        self._lock = threading.Lock()
        self._runs: dict[str, JobRun] = {}
        self._ending: set[JobRun] = set()
        """Those that work no more but still look at the store."""
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None

    def quote(self, spec: Spec) -> Quote:
        """What the whole job would take. Raises DatasetError and SpecError as `submit` does."""
        return self._quotes.of(spec)

    def submit(self, spec: Spec, *, spending_cap_usd: float | None = None) -> JobRecord:
        """Make sure that the job is done or being worked on; the record as it is now.

        A finished job comes back at once. One that was cancelled, or in which tasks failed, goes on
        with what is missing. `spending_cap_usd` is for all runs of the job together and replaces an
        earlier one, also while the job runs; None is no cap. Raises DatasetError and SpecError when
        it cannot be run as asked.
        """
        plan = self._quotes.of(spec).plan()
        record = self._enter(spec, plan, spending_cap_usd)
        if record.state == "done" and record.n_failed == 0:
            return record
        if record.finished:
            self._store.discard_failures(record.job_id)
        if record.spending_cap_usd != spending_cap_usd:
            self._store.set_spending_cap(record.job_id, spending_cap_usd)
        record = self._store.reopen(record.job_id) or record
        self._start(spec, plan)
        return record

    def cancel(self, job_id: str) -> None:
        """Stop the job wherever it runs. What is recorded stays; `submit` goes on with the rest."""
        if not self._store.request_cancel(job_id):
            return
        with self._lock:
            run = self._runs.get(job_id)
        if run is not None:
            run.stop("cancel")
            return
        # When nobody holds the job, nobody would notice the request. Otherwise its holder will.
        self._settle_unheld(job_id, "cancelled", None)

    def rerun_failed(self, job_id: str) -> JobRecord | None:
        """Compute the failed tasks again (and whatever else is missing); None if it is unknown.

        Raises DatasetError and SpecError as `submit` does.
        """
        record = self._store.job(job_id)
        if record is None:
            return None
        plan = self._quotes.of(record.spec).plan()
        if self._store.discard_failures(job_id) == 0 and record.state == "done":
            return record
        reopened = self._store.reopen(job_id)
        self._start(record.spec, plan)
        return reopened

    def delete(self, job_id: str) -> bool:
        """Cancel the job if it runs, and forget it; whether it was known.

        Its fits stay remembered: submitting it again is quick.
        """
        self.cancel(job_id)
        with self._lock:
            run = self._runs.get(job_id)
        if run is not None:
            run.join(STOP_S)
        else:
            self.wait(job_id, min(STOP_S, self._lease_s + self._heartbeat_s))
        # If another process still has not noticed, its next heartbeat finds the job gone.
        return self._store.delete_job(job_id)

    def wait(self, job_id: str, timeout_s: float) -> JobRecord | None:
        """The record once the job is finished, or as it is after `timeout_s`; None if unknown.

        Takes the job over when the process that ran it has died.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            record = self._store.job(job_id)
            if record is None or record.finished or time.monotonic() >= deadline:
                return record
            if self._unheld(record):
                self._take_over(record)
            time.sleep(min(POLL_S, max(0.0, deadline - time.monotonic())))

    def charge_labels(self, job_id: str, usage: Usage) -> None:
        """Add to the job what labels of its table cost; its runs have an account of their own."""
        self._store.add_label_usage(job_id, usage)

    def left_usd(self, job_id: str) -> float | None:
        """What may still be spent on the job, in US dollars; None where it has no cap."""
        record = self._store.job(job_id)
        if record is None or record.spending_cap_usd is None:
            return None
        return max(0.0, record.spending_cap_usd - record.spent.usd)

    def runs_here(self, job_id: str) -> bool:
        """Whether this process is the one working on the job."""
        with self._lock:
            return job_id in self._runs

    def start(self) -> None:
        """Begin to watch for jobs that nobody runs; jobs of a dead process go on at once."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="job-watcher", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """Stop working and give up the leases, so that another process goes on at once."""
        self._closing.set()
        with self._lock:
            runs = [*self._runs.values(), *self._ending]
        for run in runs:
            run.stop("close")
        deadline = time.monotonic() + STOP_S
        for run in runs:
            if not run.join(max(0.0, deadline - time.monotonic())):
                _log.warning("Job %s did not stop in time; its lease runs out", run.job_id)
        if self._watcher is not None:
            self._watcher.join(max(WATCH_S, deadline - time.monotonic()))

    # -- entering a job -----------------------------------------------------------------------

    def _enter(self, spec: Spec, plan: Plan, spending_cap_usd: float | None) -> JobRecord:
        """The job's record, made if there is none."""
        record = JobRecord(
            job_id=spec.job_id,
            spec=spec,
            dataset_name=plan.title,
            backend=self._backend.name,
            n_tasks=len(plan.tasks),
            n_units=plan.n_units,
            created_at=self._clock(),
            spending_cap_usd=spending_cap_usd,
        )
        stored = self._store.create_job(record)
        task_ids = {task.task_id for task in plan.tasks}
        settled = self._store.settled(spec.job_id)
        if stored.state == "done" and stored.n_failed == 0:
            # All experiments are there, however they were grouped into tasks, unless the fits are
            # of another release: that changes every id.
            fits_in = not task_ids.isdisjoint(settled)
        else:
            fits_in = stored.n_tasks == len(plan.tasks) and task_ids.issuperset(settled)
        if fits_in or not self._unheld(stored):
            return stored
        self._store.delete_job(spec.job_id)
        return self._store.create_job(record)

    # -- running ------------------------------------------------------------------------------

    def _start(self, spec: Spec, plan: Plan) -> None:
        job_id = spec.job_id
        with self._lock:
            # A run that is just ending leaves `_runs`, and then looks at the store once more.
            if job_id in self._runs or self._closing.is_set():
                return
            run = JobRun(
                job_id,
                plan.tasks,
                self._store,
                self._backend,
                self._memo,
                job_kind(spec.kind).summary(),
                owner=self._owner,
                lease_s=self._lease_s,
                heartbeat_s=self._heartbeat_s,
                on_end=self._ended,
            )
            self._runs[job_id] = run
            run.start()

    def _ended(self, run: JobRun) -> None:
        with self._lock:
            if self._runs.get(run.job_id) is run:
                del self._runs[run.job_id]
            self._ending.add(run)
        try:
            if self._closing.is_set():
                return
            # Submitted again, or failures discarded, while it was ending.
            record = self._store.job(run.job_id)
            if record is not None and record.state == "queued" and self._unheld(record):
                self._take_over(record)
        except Exception:
            _log.exception("Job %s: the store failed after the run", run.job_id)
        finally:
            with self._lock:
                self._ending.discard(run)

    def _unheld(self, record: JobRecord) -> bool:
        expires = record.lease_expires_at
        return record.owner is None or expires is None or expires <= self._clock()

    def _take_over(self, record: JobRecord) -> None:
        if self.runs_here(record.job_id) or self._closing.is_set():
            return
        try:
            plan = self._quotes.of(record.spec).plan()
            self._enter(record.spec, plan, record.spending_cap_usd)
        except (DatasetError, SpecError) as error:
            self._settle_unheld(record.job_id, "failed", error.message)
        except Exception:
            error_id = uuid.uuid4().hex[:8]
            _log.exception("Job %s cannot be planned (error %s)", record.job_id, error_id)
            message = f"The job could not be planned ({error_id} in the server's log)."
            self._settle_unheld(record.job_id, "failed", message)
        else:
            self._start(record.spec, plan)

    def _is_for_another_machine(self, record: JobRecord) -> bool:
        """A store in the cloud also holds jobs on tables that were uploaded elsewhere."""
        if self._backend.name == "local":
            return False
        try:
            self._catalogue.get(record.spec.dataset_id)
        except DatasetError as error:
            return error.code == "unknown_dataset"
        return False

    def _settle_unheld(self, job_id: str, state: JobState, error: str | None) -> None:
        owner = f"{self._owner}:{uuid.uuid4().hex[:8]}"
        if self._store.acquire_lease(job_id, owner, self._lease_s):
            self._store.set_state(job_id, state, owner=owner, error=error)

    def _watch(self) -> None:
        said = ""
        while True:
            try:
                self._adopt_orphans()
                said = ""
            except StoreError as error:
                # A lasting problem, such as credentials that expire overnight, is logged once.
                if str(error) != said:
                    said = str(error)
                    _log.warning("Looking for orphaned jobs failed: %s", said)
            except Exception:
                _log.exception("Looking for orphaned jobs failed")
            if self._closing.wait(WATCH_S):
                return

    def _adopt_orphans(self) -> None:
        for job_id in self._store.orphaned(self._clock()):
            record = self._store.job(job_id)
            # Another backend may cost money, or not reach the data: only our own jobs.
            if record is None or record.backend != self._backend.name:
                continue
            if not self._is_for_another_machine(record):
                self._take_over(record)
