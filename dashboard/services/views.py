"""The job views of this process: each follows the store's cursor, the least used are dropped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from compute_lambda.contract.errors import ReportedError
from dashboard.analysis.view import Catalogue, JobView

if TYPE_CHECKING:
    from dashboard.stores.base import JobRecord, JobStore

CAPACITY = 8
PAGE_SIZE = 500


class UnknownJobError(ReportedError, KeyError):
    """The store has no such job."""

    status = 404

    def __init__(self, job_id: str) -> None:
        super().__init__(
            "unknown_job",
            f"Expected a job of this installation, got “{job_id[:64]}”, which it does not have. It "
            "may have been deleted; the Jobs page lists all there are.",
        )


class ViewRegistry:
    """Views of the `capacity` most recently asked jobs, refreshed from the store when asked for.

    Safe to use from several threads; two jobs are refreshed side by side, one job by one at a time.
    """

    def __init__(self, store: JobStore, catalogue: Catalogue, capacity: int = CAPACITY) -> None:
        self._store = store
        self._catalogue = catalogue
        self._capacity = capacity
        self._lock = threading.Lock()
        self._views: OrderedDict[str, tuple[float, JobView]] = OrderedDict()

    def view(self, job_id: str) -> JobView:
        """The job's view with everything that the store has by now.

        Raises UnknownJobError (a KeyError) when the store does not know the job.
        """
        return self.view_and_record(job_id)[0]

    def view_and_record(self, job_id: str) -> tuple[JobView, JobRecord]:
        """The refreshed view and the job's record, which is never newer than the view."""
        record = self._store.job(job_id)
        if record is None:
            with self._lock:
                self._views.pop(job_id, None)
            raise UnknownJobError(job_id)
        view = self._current(job_id, record)
        with view.lock:
            while True:
                page = self._store.outcomes(job_id, after=view.cursor, limit=PAGE_SIZE)
                view.absorb(page.outcomes)
                if len(page.outcomes) < PAGE_SIZE:
                    break
            if len(view.failures) != record.n_failed:
                settled = self._store.settled(job_id)
                view.forget_failures(t for t, status in settled.items() if status == "failed")
        return view, record

    def _current(self, job_id: str, record: JobRecord) -> JobView:
        with self._lock:
            known = self._views.get(job_id)
            # A job that was deleted and started again has the same id but counts from 1 again.
            if known is None or known[0] != record.created_at:
                known = record.created_at, JobView(self._catalogue, record.analysis)
                self._views[job_id] = known
            self._views.move_to_end(job_id)
            while len(self._views) > self._capacity:
                self._views.popitem(last=False)
            return known[1]
