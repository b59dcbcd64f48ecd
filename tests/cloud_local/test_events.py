"""What the function sees of a request, and what the client sees of its answer."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from conftest import Scripted


def event_of(scripted: Scripted, *request: Any) -> dict[str, Any]:
    answer = scripted.client.send(*request)
    assert answer.status_code == 200, answer.text
    return dict(json.loads(answer.text))


def test_a_request_arrives_in_payload_format_2(scripted: Scripted) -> None:
    before_ms = time.time() * 1e3
    event = event_of(
        scripted,
        "POST",
        "/tasks?b=2&a=1&a=%203",
        b'{"do": "echo", "\xc3\xa9": 1}',
        {"Content-Type": "application/json; charset=utf-8", "X-Own": "Yes", "Cookie": "k=v; l=w"},
    )
    context = event.pop("requestContext")
    headers = event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "POST /tasks",
        "rawPath": "/tasks",
        "rawQueryString": "b=2&a=1&a=%203",
        "queryStringParameters": {"b": "2", "a": "1, 3"},
        "cookies": ["k=v", "l=w"],
        "body": '{"do": "echo", "é": 1}',
        "isBase64Encoded": False,
    }
    assert headers["x-own"] == "Yes"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["host"] == scripted.client.endpoint.removeprefix("http://")
    assert all(name == name.lower() for name in headers)
    assert "cookie" not in headers
    assert context["http"]["method"] == "POST"
    assert context["http"]["path"] == "/tasks"
    assert context["http"]["sourceIp"] == "127.0.0.1"
    assert context["http"]["userAgent"].startswith("python-httpx")
    assert context["authorizer"]["iam"]["accessKey"] == "local-developer"
    assert context["stage"] == "$default"
    assert len(context["requestId"]) == 16
    assert before_ms - 1_000 <= context["timeEpoch"] <= time.time() * 1e3 + 1_000


def test_a_request_without_body_has_none(scripted: Scripted) -> None:
    event = event_of(scripted, "GET", "/health", b"", {})
    assert "body" not in event
    assert "queryStringParameters" not in event
    assert event["routeKey"] == "GET /health"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "application/octet-stream"}, b'{"a": 1}'),
        ({}, b'{"a": 1}'),
        ({"content-type": "application/json"}, b"\xff\xfe\x00"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"\x1f\x8b\x08no gzip"),
    ],
)
def test_what_is_not_text_travels_as_base64(
    scripted: Scripted, headers: dict[str, str], body: bytes
) -> None:
    event = event_of(scripted, "POST", "/tasks", body, headers)
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == body


def test_an_answer_keeps_status_headers_cookies_and_bytes(scripted: Scripted) -> None:
    answer = scripted.do(
        "answer",
        **{
            "with": {
                "statusCode": 418,
                "headers": {"Content-Type": "image/png", "X-Number": 5},
                "cookies": ["a=1", "b=2"],
                "body": base64.b64encode(b"\x89PNG\x00").decode(),
                "isBase64Encoded": True,
            }
        },
    )
    assert answer.status_code == 418
    assert answer.content == b"\x89PNG\x00"
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-number"] == "5"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["apigw-requestid"]


@pytest.mark.parametrize("value", [{"found": 3}, ["a"], "text", None, 7])
def test_an_answer_without_a_status_is_the_body(scripted: Scripted, value: Any) -> None:
    answer = scripted.do("answer", **{"with": value})
    assert (answer.status_code, answer.json()) == (200, value)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "value",
    [
        {"statusCode": "many"},
        {"statusCode": 42},
        {"statusCode": 200, "body": 5},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["a"]},
    ],
)
def test_an_answer_that_means_nothing_is_an_internal_error(scripted: Scripted, value: Any) -> None:
    answer = scripted.do("answer", **{"with": value})
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_an_exception_of_the_function_stays_inside(scripted: Scripted) -> None:
    answer = scripted.do("raise")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert "a secret of the function" in scripted.gateway.log_tail()
    assert scripted.do("echo").status_code == 200


def test_a_worker_lives_in_lambdas_world_only(start_scripted: Any) -> None:
    with start_scripted(memory_mb=512, timeout_s=20.0, environment={"OWN": "1"}) as scripted:
        modules = ["boto3", "dashboard", "cloud_local", "aiohttp", "numpy", "pytest"]
        found = scripted.do("look", modules=modules).json()
        (environment,) = scripted.gateway.state()["environments"]
    variables = found["environ"]
    assert found["importable"] == {name: name == "boto3" for name in modules}
    assert variables["OWN"] == "1"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == found["memory"] == "512"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "centaurus-fit"
    assert variables["AWS_LAMBDA_LOG_STREAM_NAME"] == environment["log_stream"]
    assert variables["AWS_REGION"] == "eu-central-1"
    assert variables["_HANDLER"] == "scripted.handler"
    assert variables["LAMBDA_TASK_ROOT"] == found["cwd"]
    assert "VIRTUAL_ENV" not in variables
    assert "HOME" not in variables
    assert found["arn"] == "arn:aws:lambda:eu-central-1:123456789012:function:centaurus-fit"
    assert 10_000 < found["remaining_ms"] <= 20_000
    assert found["pid"] == environment["pid"]
