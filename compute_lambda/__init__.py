"""What a Lambda runs: the request contract, one fit task, and the HTTP handler around it."""

from __future__ import annotations

from compute_lambda.contract import FitResult, FitTask, Invocation
from compute_lambda.fields import ContractError

__all__ = ["ContractError", "FitResult", "FitTask", "Invocation"]
