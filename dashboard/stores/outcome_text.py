"""A task's outcome as JSON text, the form in which stores keep it."""

from __future__ import annotations

import json
from typing import Any

from compute_lambda import ContractError
from compute_lambda.contract.errors import error_record
from compute_lambda.tasks.registry import read_result
from dashboard.stores.base import OutcomeStatus, TaskOutcome


def result_text(outcome: TaskOutcome) -> str | None:
    """The result; floats survive bit for bit."""
    result = outcome.result
    return None if result is None else json.dumps(result.to_dict(), allow_nan=False)


def error_text(outcome: TaskOutcome) -> str | None:
    return None if outcome.error is None else json.dumps(outcome.error)


def read_outcome(
    task_id: str,
    status: OutcomeStatus,
    *,
    n_units: int,
    result: str | None,
    error: str | None,
    attempts: int,
    seq: int,
    recorded_at: float,
) -> TaskOutcome:
    """The outcome with these texts.

    A result of a release with another contract reads as a failure that says so: the rest of the job
    is not held up by it.
    """
    found = None
    failure: dict[str, Any] | None = None
    try:
        found = None if result is None else read_result(json.loads(result))
        failure = None if error is None else json.loads(error)
    except ContractError as unreadable:
        status = "failed"
        failure = error_record(unreadable, "")
    return TaskOutcome(
        task_id=task_id,
        status=status,
        n_units=n_units,
        result=found,
        error=failure,
        attempts=attempts,
        seq=seq,
        recorded_at=recorded_at,
    )
