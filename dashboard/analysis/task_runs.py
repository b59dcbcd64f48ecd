"""What is known of each task of a job: what it held, how it ended, where and how long it ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compute_lambda import FitResult
    from compute_lambda.contract import Invocation
    from dashboard.stores.base import OutcomeStatus, TaskOutcome


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One settled task. `invocation` is None for a failure, `problem` "" for a success.

    `attempts` counts the requests or tries that it took, `seq` when it was recorded.
    """

    task_id: str
    status: OutcomeStatus
    covariance_type: str
    k_values: tuple[int, ...]
    n_experiments: int
    attempts: int
    seq: int
    invocation: Invocation | None = None
    problem: str = ""

    @property
    def busy_ms(self) -> float:
        """What a function is billed for: start-up, reading and fitting; 0 when nothing is known."""
        ran = self.invocation
        return 0.0 if ran is None else ran.startup_ms + ran.read_ms + ran.fit_ms


def task_run(outcome: TaskOutcome) -> TaskRun:
    """The run behind an outcome of the store."""
    if outcome.result is not None:
        return _finished(outcome, outcome.result)
    error = outcome.error or {}
    about = error.get("details") or {}
    return TaskRun(
        task_id=outcome.task_id,
        status=outcome.status,
        covariance_type=str(about.get("covariance_type") or ""),
        k_values=tuple(about.get("n_clusters") or ()),
        n_experiments=len(about.get("experiments") or ()),
        attempts=outcome.attempts,
        seq=outcome.seq,
        problem=str(error.get("message") or "The task failed without a message."),
    )


def _finished(outcome: TaskOutcome, result: FitResult) -> TaskRun:
    fits = result.fits
    return TaskRun(
        task_id=outcome.task_id,
        status=outcome.status,
        covariance_type=fits[0].covariance_type if fits else "",
        k_values=tuple(sorted({int(fit.n_clusters) for fit in fits})),
        n_experiments=len({int(fit.experiment) for fit in fits}),
        attempts=outcome.attempts,
        seq=outcome.seq,
        invocation=result.invocation,
    )
