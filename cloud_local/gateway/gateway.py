"""The HTTP API in front of the function: routes, the IAM authoriser, limits, and what it says."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Mapping
from urllib.parse import unquote

from aiohttp.web import BaseRequest, RequestHandler, Response, Server, StreamResponse

from cloud_local.function.configuration import THROTTLE_MESSAGES, GatewayConfiguration
from cloud_local.function.function import Function
from cloud_local.function.invocation import Answered, FailureKind, Outcome
from cloud_local.gateway.payload_format import HttpAnswer, ReceivedRequest, answer_of, event_of
from cloud_local.gateway.signatures import Authoriser, SignedRequest

MAX_REQUEST_BYTES = 10 * 2**20

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect", "upgrade"})
"""Headers that belong to the connection and not to the request; the others reach the function."""


class Gateway:
    """An aiohttp handler. Its own answers are {"message": ...}; the function's go out unchanged."""

    def __init__(self, configuration: GatewayConfiguration, function: Function) -> None:
        self.throttle_status = configuration.throttle_status
        self.integration_limit_s = configuration.integration_limit_s
        self._routes = frozenset(configuration.routes)
        self._function = function
        self._authoriser = Authoriser(configuration.callers, configuration.function.region)

    async def __call__(self, request: BaseRequest) -> Response:
        request_id = base64.b64encode(os.urandom(11)).decode("ascii")
        answer = await self._answer(request, request_id)
        response = Response(status=answer.status, body=answer.body)
        response.headers.update(answer.headers)
        response.headers["apigw-requestid"] = request_id
        for cookie in answer.cookies:
            response.headers.add("set-cookie", cookie)
        return response

    async def _answer(self, request: BaseRequest, request_id: str) -> HttpAnswer:
        raw_path, _, query = request.raw_path.partition("?")
        route_key = f"{request.method} {unquote(raw_path)}"
        if route_key not in self._routes:
            return said(404, "Not Found")
        body = await _limited_body(request)
        if body is None:
            return said(413, "Request Entity Too Large")
        headers = _joined_headers(request)
        signed = SignedRequest(request.method, request.raw_path, headers, body)
        caller = self._authoriser.caller_of(signed)
        if caller is None:
            return said(403, "Forbidden")
        received = ReceivedRequest(
            method=request.method,
            path=raw_path,
            query=query,
            headers={name: text for name, text in headers.items() if name not in _HOP_BY_HOP},
            body=body,
            source_ip=request.remote or "",
            request_id=request_id,
        )
        event = json.dumps(event_of(received, route_key, caller)).encode()
        outcome = self._function.invoke(event)
        # The integration limit: the client is told, the function runs on.
        await asyncio.wait((outcome,), timeout=self.integration_limit_s)
        if not outcome.done():
            return said(503, "Service Unavailable")
        return self._said_of(outcome.result())

    def _said_of(self, outcome: Outcome) -> HttpAnswer:
        if isinstance(outcome, Answered):
            return answer_of(outcome.payload) or said(500, "Internal Server Error")
        if outcome.kind == "throttled":
            return said(self.throttle_status, THROTTLE_MESSAGES[self.throttle_status])
        return said(*_FAILURES.get(outcome.kind, (500, "Internal Server Error")))


_FAILURES: Mapping[FailureKind, tuple[int, str]] = {
    "request_too_large": (413, "Request Entity Too Large"),
    "stopped": (503, "Service Unavailable"),
}


def said(status: int, message: str) -> HttpAnswer:
    """One of the gateway's own answers."""
    body = json.dumps({"message": message}).encode()
    return HttpAnswer(status, body, {"content-type": "application/json"})


class _Connection(RequestHandler):
    """Answers to what is not HTTP have the gateway's shape as well."""

    def handle_error(
        self,
        request: BaseRequest,  # noqa: ARG002 - the base class calls it so
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> StreamResponse:
        if status >= 500:
            self.logger.error("The gateway itself failed", exc_info=exc)
        answer = said(status, "Bad Request" if status < 500 else "Internal Server Error")
        response = Response(status=status, body=answer.body, headers=answer.headers)
        response.force_close()
        return response


class HttpServer(Server):
    """The protocol factory for the front door: bodies as they came, connections kept open."""

    def __call__(self) -> RequestHandler:
        loop = asyncio.get_running_loop()
        # Compressed bodies are the function's affair; 10,240 bytes of headers are AWS's limit.
        return _Connection(
            self,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,
            max_field_size=10_240,
        )


def _joined_headers(request: BaseRequest) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def _limited_body(request: BaseRequest) -> bytes | None:
    """The body; None as soon as it is known to be too large."""
    declared = request.content_length
    if declared is not None and declared > MAX_REQUEST_BYTES:
        return None
    if request.headers.get("expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not request.body_exists:
        return b""
    parts: list[bytes] = []
    n_bytes = 0
    async for part in request.content.iter_any():
        n_bytes += len(part)
        if n_bytes > MAX_REQUEST_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)
