"""What a Lambda runs: the request contract, one fit task, and the HTTP handler around it."""

from __future__ import annotations

from compute_lambda.contract import FitResult, FitTask, Invocation
from compute_lambda.errors import ContractError
from compute_lambda.fit import fit

__all__ = ["ContractError", "FitResult", "FitTask", "Invocation", "fit"]
