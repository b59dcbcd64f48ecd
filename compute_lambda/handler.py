"""The Lambda entry point: POST /tasks runs one task, GET /health says that the process is well."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from compute_lambda import gateway
from compute_lambda.contract.errors import HttpError, ReportedError, error_record
from compute_lambda.contract.version import CONTRACT_VERSION, WIRE_VERSION
from compute_lambda.deadline import Deadline
from compute_lambda.environment import Environment
from compute_lambda.gateway import Request
from compute_lambda.readiness import check_complete, kernel_name
from compute_lambda.startup import process_age_ms
from compute_lambda.tasks.host import Process

if TYPE_CHECKING:
    from compute_lambda.service import TaskService
    from compute_lambda.tables.columns import ColumnStore

GATEWAY_LIMIT_MS = 30_000.0
"""An HTTP API gives up on its integration after 30 s, whatever the function's own limit."""

ROUTES = {"/tasks": "POST", "/health": "GET"}
"""Every path that is served, with its only method."""

_log = logging.getLogger("compute_lambda")


class Context(Protocol):
    """What is used of the context object that Lambda passes."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's own time limit ends the invocation."""
        ...


class Worker:
    """One process: its settings, whether it has served yet, and the service that does tasks.

    The service is loaded at the first task, or at once where the environment says so.
    `startup_ms` is the age of the process when it makes its worker; loading at once comes on top.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        store: ColumnStore | None = None,
        startup_ms: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.environment = environment
        self.startup_ms = startup_ms
        self._clock = clock
        self._served = False
        self._store = store
        self._service: TaskService | None = None
        if environment.loads_at_start:
            # What an incomplete bundle lacks is in the log; /health and every task say it as well.
            with contextlib.suppress(HttpError):
                self.startup_ms += self._loaded({})[1]

    def handle(self, event: object, context: Context) -> dict[str, Any]:
        """The answer to one event; every error becomes an answer in the one error shape."""
        request_id = str(
            getattr(context, "aws_request_id", "") or gateway.gateway_request_id(event)
        )
        process = self._process()
        facts: dict[str, Any] = {
            "request_id": request_id,
            "gateway_request_id": gateway.gateway_request_id(event),
        }
        try:
            request = gateway.parse(event)
            facts["route"] = f"{request.method} {request.path}"
            if _route(request) == "health":
                return gateway.answer(self._health(process))
            return gateway.answer(self._do(request, context, request_id, process, facts))
        except Exception as error:
            _log_failure(error, facts)
            return gateway.error_answer(error, request_id)

    def _process(self) -> Process:
        """This process as the result reports it; only the first invocation is cold."""
        cold, self._served = not self._served, True
        return Process(
            worker=self.environment.worker,
            cold=cold,
            startup_ms=self.startup_ms if cold else 0.0,
            memory_mb=self.environment.memory_mb,
        )

    def _health(self, process: Process) -> dict[str, Any]:
        return {
            "status": "ok",
            "contract_version": CONTRACT_VERSION,
            "wire_version": WIRE_VERSION,
            "kernel": kernel_name(),
            "cold": process.cold,
            "startup_ms": process.startup_ms,
            "memory_mb": process.memory_mb,
            "worker": process.worker,
        }

    def _do(
        self,
        request: Request,
        context: Context,
        request_id: str,
        process: Process,
        facts: dict[str, Any],
    ) -> dict[str, Any]:
        payload = request.json()
        service, loading_ms = self._loaded(facts)
        # Loading is a part of starting up that has only waited for something to do.
        process = dataclasses.replace(process, startup_ms=process.startup_ms + loading_ms)
        deadline = Deadline(self._remaining(context, process), self.environment.deadline_margin_ms)
        return service.answer(payload, process, request_id, deadline.passed, facts)

    def _loaded(self, facts: dict[str, Any]) -> tuple[TaskService, float]:
        """The service, and how many ms it took to load it: 0 when it was there.

        Raises HttpError 500 `incomplete` when the bundle lacks a part. Any other failure ends the
        process: NumPy cannot be imported twice in one, so every later task would fail here too,
        while Lambda replaces a process that has ended.
        """
        if self._service is not None:
            return self._service, 0.0
        began = self._clock()
        try:
            from compute_lambda.service import TaskService

            self._service = TaskService(self.environment, self._store)
        except Exception as error:
            _log_failure(error, facts)
            check_complete()
            raise SystemExit(1) from error
        return self._service, (self._clock() - began) * 1e3

    def _remaining(self, context: Context, process: Process) -> Callable[[], float]:
        """Milliseconds left by the function's limit and by the gateway's, whichever is less."""
        # The gateway's clock was running while this process started.
        end = self._clock() + (GATEWAY_LIMIT_MS - process.startup_ms) / 1e3

        def remaining_ms() -> float:
            by_gateway = (end - self._clock()) * 1e3
            return min(by_gateway, context.get_remaining_time_in_millis())

        return remaining_ms


def _route(request: Request) -> str:
    """ "tasks" or "health". Raises HttpError 404 or 405."""
    method = ROUTES.get(request.path)
    if method is None:
        raise HttpError(
            404,
            "unknown_route",
            f"Expected POST /tasks or GET /health, got {request.method} {request.path[:100]}."
            " Correct the address.",
        )
    if request.method != method:
        raise HttpError(
            405,
            "method_not_allowed",
            f"Expected {method} {request.path}, got {request.method}. Use {method}.",
            headers={"allow": method},
        )
    return request.path.removeprefix("/")


def _log_failure(error: Exception, facts: dict[str, Any]) -> None:
    """One JSON line; with the stack where the fault is ours."""
    record = {**error_record(error, facts.get("request_id", "")), **facts}
    if isinstance(error, ReportedError) and error.status < 500:
        _log.warning(json.dumps(record, default=str))
    else:
        record["traceback"] = "".join(traceback.format_exception(error))
        _log.error(json.dumps(record, default=str))


_WORKER = Worker(Environment.read(), startup_ms=process_age_ms())
"""Lives as long as the execution environment, so that the next invocation finds it warm."""


def handler(event: object, context: Context) -> dict[str, Any]:
    """Serve one API Gateway event, payload format 2.0."""
    return _WORKER.handle(event, context)
