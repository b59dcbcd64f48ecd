"""Who is let in: only requests that a known caller signed, as they arrived, a moment ago."""

from __future__ import annotations

import hashlib
import time
from calendar import timegm
from typing import Any

import httpx
import pytest
from conftest import Scripted
from signed_requests import REGION, signature_headers

from cloud_local.function.configuration import Caller
from cloud_local.gateway.signatures import Authoriser, SignedRequest
from tests.waiting import WAIT_S

HOST = "127.0.0.1:9000"
CALLERS = (Caller("one", "first secret"), Caller("two", "second secret", "a token"))
BODY = b'{"a": 1}'


def signed_request(
    target: str = "/tasks", headers: dict[str, str] | None = None, **identity: Any
) -> SignedRequest:
    identity = {"key": "one", "secret": "first secret"} | identity
    url = f"http://{HOST}{target}"
    found = signature_headers("POST", url, BODY, headers or {"x-own": " a  b "}, **identity)
    lowered = {name.lower(): value for name, value in found.items()}
    return SignedRequest("POST", target, {"host": HOST, "user-agent": "x", **lowered}, BODY)


def changed(request: SignedRequest, **parts: Any) -> SignedRequest:
    fields = {name: getattr(request, name) for name in ("method", "target", "headers", "body")}
    return SignedRequest(**{**fields, **parts})


def with_headers(request: SignedRequest, **headers: str | None) -> SignedRequest:
    both = {**request.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return changed(request, headers={name: text for name, text in both.items() if text is not None})


def caller_of(request: SignedRequest, clock: Any = time.time) -> Caller | None:
    return Authoriser(CALLERS, REGION, clock).caller_of(request)


@pytest.mark.parametrize("target", ["/tasks", "/tasks?b=2&a=1", "/a%20b", "/tasks?x=%C3%A9&empty="])
def test_a_right_signature_names_its_caller(target: str) -> None:
    assert caller_of(signed_request(target)) is CALLERS[0]


def test_temporary_keys_come_with_their_token() -> None:
    identity = {"key": "two", "secret": "second secret"}
    assert caller_of(signed_request(**identity, token="a token")) is CALLERS[1]
    assert caller_of(signed_request(**identity, token="another")) is None
    assert caller_of(signed_request(**identity)) is None
    assert caller_of(signed_request(token="a token")) is None


def test_a_hash_of_the_body_may_come_along_and_must_be_true() -> None:
    true_hash = {"x-amz-content-sha256": hashlib.sha256(BODY).hexdigest()}
    assert caller_of(signed_request(headers=true_hash)) is CALLERS[0]
    for wrong in ("UNSIGNED-PAYLOAD", hashlib.sha256(b"").hexdigest()):
        assert caller_of(signed_request(headers={"x-amz-content-sha256": wrong})) is None


@pytest.mark.parametrize(
    "identity",
    [
        {"secret": "wrong"},
        {"key": "nobody"},
        {"region": "us-east-1"},
        {"service": "lambda"},
    ],
)
def test_signed_by_another_or_for_another(identity: dict[str, str]) -> None:
    assert caller_of(signed_request(**identity)) is None


def test_every_part_is_covered() -> None:
    request = signed_request("/tasks?a=1")
    assert caller_of(request) is CALLERS[0]
    assert caller_of(changed(request, method="PUT")) is None
    assert caller_of(changed(request, target="/tasks?a=2")) is None
    assert caller_of(changed(request, target="/fits?a=1")) is None
    assert caller_of(changed(request, body=BODY + b" ")) is None
    assert caller_of(with_headers(request, x_own="c")) is None
    assert caller_of(with_headers(request, x_own=None)) is None
    assert caller_of(with_headers(request, host="elsewhere")) is None
    assert caller_of(with_headers(request, x_amz_more="not signed")) is None
    # Proxies add and change these.
    assert caller_of(with_headers(request, user_agent="y", x_forwarded_for="z")) is CALLERS[0]


@pytest.mark.parametrize(("age_s", "accepted"), [(299, True), (301, False), (-299, True)])
def test_a_signature_grows_old(age_s: int, accepted: bool) -> None:
    request = signed_request()
    signed_at = timegm(time.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))
    assert (caller_of(request, lambda: signed_at + age_s) is CALLERS[0]) is accepted
    assert caller_of(request, lambda: signed_at - 301) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer abc",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=one, SignedHeaders=host, Signature=00",
        f"AWS4-HMAC-SHA256 Credential=one/20260101/{REGION}/execute-api/aws4_request,"
        f" SignedHeaders=, Signature={'0' * 64}",
        "é" * 5_000,
    ],
)
def test_what_is_no_authorisation_is_refused(text: str) -> None:
    assert caller_of(with_headers(signed_request(), authorization=text)) is None
    assert caller_of(with_headers(signed_request(), x_amz_date=text)) is None


def test_the_front_door_asks_before_the_function_runs(scripted: Scripted) -> None:
    before = scripted.counts()
    url = f"{scripted.client.endpoint}/tasks"
    right = signature_headers("POST", url, BODY)
    late = {**right, "X-Amz-Date": "20200101T000000Z"}
    wrong = signature_headers("POST", url, BODY, secret="guessed")
    for headers, body in (({}, BODY), (wrong, BODY), (late, BODY), (right, b"{}")):
        answer = httpx.post(url, content=body, headers=headers, timeout=WAIT_S)
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    for path in ("/", "/fits", "/tasks/", "/health/x", "/TASKS"):
        answer = httpx.get(scripted.client.endpoint + path, timeout=WAIT_S)
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
    assert httpx.get(url, timeout=WAIT_S).status_code == 404
    assert scripted.counts() == before
    assert httpx.post(url, content=BODY, headers=right, timeout=WAIT_S).status_code == 200
