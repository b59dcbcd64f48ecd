"""Every route of the function, however it fails: one shape, the right status, no secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from compute_lambda import gateway
from compute_lambda.contract.errors import ContractError, DatasetError, HttpError, ReportedError
from compute_lambda.environment import Environment
from compute_lambda.handler import ROUTES, Worker
from tests.error_shape import error_in

CONTEXT: Any = SimpleNamespace(aws_request_id="lambda-1", get_remaining_time_in_millis=lambda: 9e4)
SECRET = "the key of the safe is 1234"
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "NONSENSE")
JSON = "application/json"


def event(method: str, path: str, body: Any = "{}", content_type: str = JSON) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": content_type},
        "requestContext": {"http": {"method": method}, "requestId": "gateway-1"},
        "body": body,
        "isBase64Encoded": False,
    }


@pytest.fixture
def worker() -> Worker:
    return Worker(Environment())


def error_of(answer: Mapping[str, Any], status: int, code: str | None = None) -> dict[str, Any]:
    assert answer["statusCode"] == status
    error = error_in(answer["body"], answer["headers"]["content-type"])
    assert code in (None, error["code"])
    assert error["request_id"] == "lambda-1"
    return error


@pytest.mark.parametrize(
    ("path", "verb"), [(path, verb) for path in ROUTES for verb in VERBS if verb != ROUTES[path]]
)
def test_a_wrong_method_is_told_the_right_one(worker: Worker, path: str, verb: str) -> None:
    answer = worker.handle(event(verb, path), CONTEXT)
    error_of(answer, 405, "method_not_allowed")
    assert answer["headers"]["allow"] == ROUTES[path]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "path", ["/", "", "/nothing", "/tasks/../health", *(f"{path}/more" for path in ROUTES)]
)
def test_an_unknown_path(worker: Worker, path: str, verb: str) -> None:
    error_of(worker.handle(event(verb, path), CONTEXT), 404, "unknown_route")


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        "event",
        7,
        {},
        {"version": "1.0", "httpMethod": "POST", "path": "/tasks", "requestContext": {}},
        {**event("POST", "/tasks"), "headers": "none"},
        {**event("POST", "/tasks"), "requestContext": None},
        {**event("POST", "/tasks"), "requestContext": {"http": {"method": 3}}},
        {**event("POST", "/tasks"), "rawPath": ["/tasks"]},
        {**event("POST", "/tasks"), "rawPath": None},
        {"key1": "value1"},
        event("POST", "/tasks", {"dataset_id": "ab"}),
    ],
)
def test_an_event_of_another_kind(worker: Worker, sent: object) -> None:
    error_of(worker.handle(sent, CONTEXT), 400, "malformed_event")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        ("", JSON, 400, "malformed_body"),
        ("{", JSON, 400, "malformed_body"),
        ("[" * 100_000, JSON, 400, "malformed_body"),
        ('{"a": NaN}', JSON, 400, "malformed_body"),
        ('{"a": 1, "a": 2}', JSON, 400, "malformed_body"),
        ("{}", "text/plain", 415, "unsupported_media_type"),
        ("{}", "", 415, "unsupported_media_type"),
        (" " * (gateway.MAX_BODY_BYTES + 1), JSON, 413, "body_too_large"),
        ("[]", JSON, 422, "wrong_type"),
        ("{}", JSON, 422, None),
        ('{"dataset_id": "x"}', JSON, 422, None),
    ],
)
def test_bad_input(
    worker: Worker, body: str, content_type: str, status: int, code: str | None
) -> None:
    sent = event("POST", "/tasks", body, content_type)
    error = error_of(worker.handle(sent, CONTEXT), status, code)
    assert error["message"].count(". ") >= 1


def failing(raised: BaseException) -> Any:
    def route(_request: object) -> str:
        raise raised

    return route


@pytest.mark.parametrize(("path", "verb"), ROUTES.items())
def test_an_unforeseen_error_is_an_id_that_the_log_has_too(
    worker: Worker,
    path: str,
    verb: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("compute_lambda.handler._route", failing(RuntimeError(SECRET)))
    answer = worker.handle(event(verb, path), CONTEXT)
    error = error_of(answer, 500, "internal")
    assert SECRET not in answer["body"]
    assert "RuntimeError" not in answer["body"]
    assert error["request_id"] in error["message"]
    (record,) = caplog.records
    logged = json.loads(record.getMessage())
    assert record.levelno == logging.ERROR
    assert (logged["code"], logged["request_id"]) == ("internal", "lambda-1")
    assert logged["route"] == f"{verb} {path}"
    assert SECRET in logged["traceback"]


FAMILY = [
    (ReportedError("odd", "Odd things happen. Try again."), 500),
    (ContractError("wrong_type", "Expected a list. Send one.", {"field": "columns"}), 422),
    (DatasetError("dataset_not_found", "Expected it. Upload it.", "ab"), 404),
    (DatasetError("dataset_forbidden", "Expected a right. Grant it.", "ab"), 403),
    (DatasetError("dataset_unavailable", "Expected S3. Try again.", "ab"), 503),
    (HttpError(429, "too_many", "Too many. Wait.", {"s": 1}, {"retry-after": "9"}), 429),
]


@pytest.mark.parametrize(("path", "verb"), ROUTES.items())
@pytest.mark.parametrize(("raised", "status"), FAMILY)
def test_every_member_of_the_family_speaks_for_itself(
    worker: Worker,
    path: str,
    verb: str,
    raised: ReportedError,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("compute_lambda.handler._route", failing(raised))
    answer = worker.handle(event(verb, path), CONTEXT)
    error = error_of(answer, status, raised.code)
    assert (error["message"], error["details"]) == (str(raised), raised.details)
    assert answer["headers"].get("retry-after") == raised.headers.get("retry-after")
    (record,) = caplog.records
    assert error.items() <= json.loads(record.getMessage()).items()
    assert record.levelno == (logging.ERROR if status >= 500 else logging.WARNING)
