"""Fits by parallel invocations of the deployed function, through its API Gateway endpoint."""

from __future__ import annotations

from dashboard.backends.api.backend import ApiBackend
from dashboard.backends.api.costs import lambda_costs
from dashboard.backends.api.retrying import Retrying

__all__ = ["ApiBackend", "Retrying", "lambda_costs"]
