"""Outcomes on their way from a run to the store, in batches that nothing can lose."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from dashboard.jobs.memo import Memo
from dashboard.planning.job_kinds import Summary
from dashboard.stores.base import JobStore, TaskOutcome

BATCH = 200
"""Outcomes per transaction; more would keep other writers, and this run's heartbeat, waiting."""


class Recorder:
    """Collects a job's outcomes; `flush` writes them, remembers results and adds them to `summary`.

    `add` and `flush` may be called from any thread.
    """

    def __init__(self, job_id: str, store: JobStore, memo: Memo, summary: Summary) -> None:
        self._job_id, self._store, self._memo = job_id, store, memo
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._pending: deque[tuple[TaskOutcome, bool]] = deque()
        self._summary = summary

    def add(self, outcome: TaskOutcome, *, is_known: bool = False) -> None:
        """Write the outcome at the next flush. `is_known`: it comes from the memo."""
        with self._lock:
            self._pending.append((outcome, is_known))

    def flush(self) -> bool:
        """Write the oldest batch; whether more is waiting. After an error the batch still waits."""
        with self._flushing:
            return self._flush()

    def summary(self, *, with_earlier_runs: bool) -> dict[str, Any] | None:
        """The summary of the outcomes that were flushed; with earlier runs, of all in the store.

        To be called at the end, when everything is flushed. Takes no lock, so that heartbeats go
        on.
        """
        cursor = 0
        while with_earlier_runs:
            page = self._store.outcomes(self._job_id, after=cursor)
            if not page.outcomes:
                break
            for outcome in page.outcomes:
                if outcome.result is not None:
                    self._summary.add(outcome.result)
            cursor = page.cursor
        return self._summary.record()

    def _flush(self) -> bool:
        with self._lock:
            batch = [self._pending[i] for i in range(min(BATCH, len(self._pending)))]
        if not batch:
            return False
        self._store.record(self._job_id, [outcome for outcome, _ in batch])
        with self._lock:
            for _ in batch:
                self._pending.popleft()
            more = bool(self._pending)
        for outcome, is_known in batch:
            if outcome.result is not None:
                self._summary.add(outcome.result)
                if not is_known:
                    self._memo.put(outcome.result)
        return more
