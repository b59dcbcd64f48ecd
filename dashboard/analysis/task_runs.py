"""What is known of each task of a job: what it held, how it ended, where and how long it ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compute_lambda.tasks.registry import EARLIEST_KIND

if TYPE_CHECKING:
    from compute_lambda import Invocation
    from dashboard.stores.base import OutcomeStatus, TaskOutcome


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One settled task. `invocation` is None for a failure, `problem` "" for a success.

    `about` says what it held, see `Task.about`. `attempts` counts the requests or tries that it
    took, `seq` when it was recorded.
    """

    task_id: str
    status: OutcomeStatus
    kind: str
    about: Mapping[str, Any]
    attempts: int
    seq: int
    invocation: Invocation | None = None
    problem: str = ""

    @property
    def busy_ms(self) -> float:
        """What a function is billed for; 0 when nothing is known."""
        return 0.0 if self.invocation is None else self.invocation.busy_ms


def task_run(outcome: TaskOutcome) -> TaskRun:
    """The run behind an outcome of the store."""
    result = outcome.result
    if result is not None:
        return TaskRun(
            task_id=outcome.task_id,
            status=outcome.status,
            kind=result.kind,
            about=result.about(),
            attempts=outcome.attempts,
            seq=outcome.seq,
            invocation=result.invocation,
        )
    error = outcome.error or {}
    about = error.get("details") or {}
    return TaskRun(
        task_id=outcome.task_id,
        status=outcome.status,
        kind=str(about.get("kind") or EARLIEST_KIND),
        about=about,
        attempts=outcome.attempts,
        seq=outcome.seq,
        problem=str(error.get("message") or "The task failed without a message."),
    )
