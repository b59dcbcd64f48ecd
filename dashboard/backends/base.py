"""Where work is sent: one method that turns tasks into a stream of events."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from threading import Event
from typing import Any, Protocol

from compute_lambda import Result, Task
from dashboard.planning.cost import CostModel
from dashboard.planning.spending import Budget


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A worker has taken the task up. `at` is Unix time in seconds."""

    task_id: str
    at: float


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The task is complete: `result.resume` is None. `attempts` counts the tries it took."""

    task_id: str
    result: Result
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """The task has failed for good. `error` is {"code", "message", "details", "request_id"}."""

    task_id: str
    error: dict[str, Any]
    attempts: int


TaskEvent = TaskStarted | TaskResult | TaskFailure


class Backend(Protocol):
    """Something that runs tasks of any kind, many at a time.

    `name` is for configuration and records ("local"), `label` for people ("Local · 2 threads"),
    `concurrency` the number of tasks it runs at once, `costs` predicts how long one of them takes.
    Tasks are cut by `costs`, so it must stay the same for tasks to be found done again.
    """

    @property
    def name(self) -> str:
        """For configuration and records: "local" or "aws"."""
        ...

    @property
    def label(self) -> str:
        """For people: "Local · 2 threads"."""
        ...

    @property
    def concurrency(self) -> int:
        """The most tasks that run at once."""
        ...

    @property
    def costs(self) -> CostModel:
        """Predicts the milliseconds of one task on one worker."""
        ...

    def run(
        self, tasks: Iterable[Task], cancelled: Event, budget: Budget | None = None
    ) -> Generator[TaskEvent, None, None]:
        """Run `tasks`; yield for each one TaskStarted, then TaskResult or TaskFailure.

        Events of different tasks interleave in the order in which they happen. One task's failure
        does not touch the others. The iterator ends when every task has its outcome, or, soon after
        `cancelled` is set, without an outcome for the tasks that were then unfinished. Closing the
        iterator cancels as well. Several runs may be in progress at once, from different threads.

        What is sent is paid from `budget`. Once that is exhausted the run ends as if cancelled,
        when what was in flight has come in.
        """
        ...

    def cost_usd(self, busy_s: float, n_requests: int) -> float:
        """What `busy_s` seconds of computing in `n_requests` tasks cost, in US dollars."""
        ...

    def close(self) -> None:
        """Stop taking tasks and stop those in progress. Runs in progress end as if cancelled."""
        ...
