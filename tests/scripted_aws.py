"""A client of AWS whose answers come, now and then, from a script; the others are real."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from urllib3 import HTTPResponse

REGION = "eu-central-1"


def client(service: str, url: str, **config: Any) -> Any:
    """A real client that tries once and talks to `url`."""
    settings = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 32} | config
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(**settings),
    )


class Script:
    """Counts what a client sends, by operation, and answers in the place of AWS when told so.

    `after[operation]` holds functions, each for one request: it gets the request and returns an
    answer (`refused`, `body`), raises an error, or returns None to let the request through.
    """

    def __init__(self, aws: Any) -> None:
        self.sent: Counter[str] = Counter()
        self.answers: dict[str, deque[Callable[[Any], AWSResponse | None]]] = {}
        self._lock = threading.Lock()
        service = aws.meta.service_model.service_name
        aws.meta.events.register(f"before-send.{service}", self._send)

    def will(self, operation: str, *answers: Callable[[Any], AWSResponse | None]) -> None:
        self.answers.setdefault(operation, deque()).extend(answers)

    @property
    def left(self) -> int:
        """Answers that nobody has asked for yet."""
        return sum(map(len, self.answers.values()))

    def _send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        with self._lock:
            self.sent[operation] += 1
            waiting = self.answers.get(operation)
            answer = waiting.popleft() if waiting else None
        return answer(request) if answer else None


def passes(_request: Any) -> None:
    """This request goes through."""


def unreachable(request: Any) -> AWSResponse:
    raise EndpointConnectionError(endpoint_url=request.url)


def refused(status: int, code: str, message: str = "Scripted.", **more: Any) -> Callable:
    """An error, as S3 says it (XML) and as DynamoDB does (JSON), by the request."""

    def answer(request: Any) -> AWSResponse:
        if b"DynamoDB" in request.headers.get("X-Amz-Target", b""):
            text = json.dumps(
                {"__type": f"com.amazonaws.dynamodb#{code}", "message": message, **more}
            )
            return _answer(request, status, text.encode(), "application/x-amz-json-1.0")
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return _answer(request, status, text.encode(), "application/xml")

    return answer


def answered(record: dict[str, Any]) -> Callable:
    """A good answer of DynamoDB."""

    def answer(request: Any) -> AWSResponse:
        return _answer(request, 200, json.dumps(record).encode(), "application/x-amz-json-1.0")

    return answer


def body(
    content: bytes, *, status: int = 200, length: int | None = None, **headers: str
) -> Callable:
    """An answer with `content`, which breaks off when `length` is larger."""

    def answer(request: Any) -> AWSResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return _answer(request, status, content, "binary/octet-stream", length, named)

    return answer


def _answer(
    request: Any,
    status: int,
    content: bytes,
    kind: str,
    length: int | None = None,
    more: dict[str, str] | None = None,
) -> AWSResponse:
    n_bytes = str(len(content) if length is None else length)
    headers = {"content-type": kind, "content-length": n_bytes, **(more or {})}
    raw = HTTPResponse(io.BytesIO(content), headers, status, preload_content=False)
    return AWSResponse(request.url, status, raw.headers, raw)
