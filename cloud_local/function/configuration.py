"""What the gateway's process is told at its start, and what may be changed while it runs."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field

HANDLER = "compute_lambda.handler.handler"
ROUTES = ("GET /health", "POST /tasks")

THROTTLE_MESSAGES = {
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""What an HTTP API says when Lambda throttles is not certain; each of these has been seen."""


@dataclass(frozen=True, slots=True)
class FunctionConfiguration:
    """One Lambda function.

    `task_root` is the unzipped artefact, `runtime_root` what Lambda itself brings along (its
    runtime client and boto3). `init_limit_s` is the start-up that does not count as run time;
    an environment without work for `idle_s` is ended.
    """

    task_root: str
    runtime_root: str
    log_path: str
    handler: str = HANDLER
    name: str = "centaurus-fit"
    region: str = "eu-central-1"
    memory_mb: int = 1_769
    timeout_s: float = 30.0
    concurrency: int = 50
    environment: dict[str, str] = field(default_factory=dict)
    init_limit_s: float = 10.0
    idle_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Caller:
    """An IAM user that may call the endpoint."""

    access_key: str
    secret_key: str
    session_token: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayConfiguration:
    """The HTTP API in front of the function. `port` 0 picks a free one."""

    function: FunctionConfiguration
    callers: tuple[Caller, ...]
    routes: tuple[str, ...] = ROUTES
    port: int = 0
    throttle_status: int = 429
    integration_limit_s: float = 30.0

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> GatewayConfiguration:
        """The configuration that `to_json` wrote."""
        raw = json.loads(text)
        raw["function"] = FunctionConfiguration(**raw["function"])
        raw["callers"] = tuple(Caller(**caller) for caller in raw["callers"])
        raw["routes"] = tuple(raw["routes"])
        return cls(**raw)
