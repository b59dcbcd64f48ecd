"""Tasks by parallel invocations of the deployed function, through its API Gateway endpoint."""

from __future__ import annotations

from dashboard.backends.api.backend import ApiBackend
from dashboard.backends.api.retrying import Retrying
from dashboard.planning.lambda_costs import lambda_costs

__all__ = ["ApiBackend", "Retrying", "lambda_costs"]
