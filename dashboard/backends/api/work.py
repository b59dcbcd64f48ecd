"""A task on its way to its result, and a job's share of the requests."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections import deque
from typing import Any

from compute_lambda import Result, Task
from dashboard.backends.api.uploads import Uploads
from dashboard.backends.base import TaskEvent
from dashboard.planning.spending import Budget

FIRST_GUESS_MS = 1_000.0
"""What a request is expected to be billed before the first answer says more."""

FORGET = 0.95
"""The expectation shrinks by this with every answer that is cheaper."""


@dataclasses.dataclass(slots=True)
class Work:
    """One task: what came of it so far, and how often it was sent in vain.

    `n_errors` and `n_turned_away` count since the last progress; `attempts` all tries that ended
    in an error, and the one to come. `upload_version` is that of the dataset when it was last sent.
    """

    task: Task
    task_id: str
    so_far: Result | None = None
    started: bool = False
    n_errors: int = 0
    n_turned_away: int = 0
    turned_away_since: float | None = None
    attempts: int = 1
    upload_version: int = 0

    @classmethod
    def of(cls, task: Task) -> Work:
        return cls(task, task.task_id)

    def request(self) -> Task:
        """The task to send: going on from where an unfinished result ended."""
        if self.so_far is None:
            return self.task
        return self.task.resumed(self.so_far.resume)

    def progressed(self, result: Result) -> None:
        """An unfinished result has come; errors before it do not count any more."""
        self.so_far = result
        self.n_errors = self.n_turned_away = 0
        self.turned_away_since = None


class Run:
    """One job. All but `closed`, `cancelled`, `events` and `budget` belongs to the event loop.

    `events` holds None where the run's caller should only look at its state. Once nothing more can
    be sent, `final_error` says why: every task that is not in flight fails with it.
    """

    def __init__(
        self, cancelled: threading.Event, budget: Budget, uploads: Uploads, now: float
    ) -> None:
        self.cancelled = cancelled
        self.budget = budget
        self.uploads = uploads
        self.began_at = now
        self.closed = False
        self.events: queue.SimpleQueue[TaskEvent | None] = queue.SimpleQueue()
        self.waiting: deque[Work] = deque()
        self.n_in_flight = 0
        self.expected_ms = FIRST_GUESS_MS
        self.final_error: dict[str, Any] | None = None

    @property
    def stopped(self) -> bool:
        """Whether nothing more shall be sent, and nothing but finished tasks matters."""
        return self.closed or self.cancelled.is_set() or self.budget.exhausted

    def billed(self, ms: float) -> None:
        """Learn what a request is billed: a slowly forgotten maximum, to stay below a cap.

        The first guess is forgotten no faster: a quick first answer says little about the rest.
        """
        self.expected_ms = max(ms, FORGET * self.expected_ms)
