"""Signatures that a verifier which recomputes them from the specification accepts."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import hmac
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials

from dashboard.aws.signing import Signer
from tests.dashboard.backends.api.conftest import CREDENTIALS, MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import ScriptedEndpoint
from tests.dashboard.backends.made_up_tasks import many

URL = "https://abc123.execute-api.eu-central-1.amazonaws.com/tasks"
HEADERS = {
    "host": "abc123.execute-api.eu-central-1.amazonaws.com",
    "content-type": "application/json",
}


def recomputed(headers: dict[str, str], path: str, body: bytes, secret: str) -> str:
    """The signature as the specification says, from the request as it arrived."""
    given = {name.lower(): value for name, value in headers.items()}
    parts = dict(
        part.strip().split("=", 1)
        for part in given["authorization"].removeprefix("AWS4-HMAC-SHA256").split(",")
    )
    names = parts["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            "POST",
            path,
            "",
            *(f"{name}:{given[name].strip()}" for name in names),
            "",
            parts["SignedHeaders"],
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = parts["Credential"].split("/", 1)[1]
    to_sign = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            given["x-amz-date"],
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def signature(headers: dict[str, str]) -> str:
    given = {name.lower(): value for name, value in headers.items()}
    return given["authorization"].rsplit("Signature=", 1)[1]


def signed(signer: Signer, body: bytes = b"{}") -> dict[str, str]:
    key = asyncio.run(signer.current())
    return signer.headers(key, "POST", URL, body, dict(HEADERS))


def test_it_signs_host_type_date_and_token() -> None:
    signer = Signer(Credentials("AKIDEXAMPLE", "secret", "session"), "eu-central-1")
    headers = signed(signer)
    names = headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    assert names == "content-type;host;x-amz-date;x-amz-security-token"
    assert headers["x-amz-security-token"] == "session"
    scope = headers["authorization"].split("Credential=")[1].split(",")[0].split("/")
    assert (scope[0], *scope[2:]) == (
        "AKIDEXAMPLE",
        "eu-central-1",
        "execute-api",
        "aws4_request",
    )
    assert signature(headers) == recomputed(headers, "/tasks", b"{}", "secret")


def botocores(
    monkeypatch: pytest.MonkeyPatch,
    credentials: Credentials,
    now: datetime.datetime,
    url: str,
    body: bytes,
    headers: dict[str, str],
) -> dict[str, str]:
    """What botocore's own signer makes of the same request at the same moment."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    request = AWSRequest("POST", url, data=body, headers=headers)
    SigV4Auth(credentials, "execute-api", "eu-central-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("credentials", [CREDENTIALS, Credentials("AKID", "s/+=", "a token")])
def test_it_is_botocores_own_also_with_the_remembered_key(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    signer = Signer(credentials, "eu-central-1", clock=lambda: now.timestamp())
    for day in (1, 1, 2, 2, 1):
        now = now.replace(day=day)
        for body in (b"{}", b'{"a": 1}', b"", bytes(range(256))):
            expected = botocores(monkeypatch, credentials, now, URL, body, HEADERS)
            assert signed(signer, body) == expected


@pytest.mark.parametrize(
    "target",
    [
        "/tasks",
        "/prod/tasks",
        "/",
        "//tasks/",
        "/a/../tasks",
        "/a b/%41~é",
        "/tasks?b=2&a=%20&a=1&c",
        "/*+,;=",
    ],
)
def test_any_address_is_escaped_as_botocore_does(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.datetime(2026, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
    signer = Signer(CREDENTIALS, "eu-central-1", clock=lambda: now.timestamp())
    url = f"https://{HEADERS['host']}{target}"
    headers = {**HEADERS, "content-type": "  application/json;   charset=utf-8 "}
    found = signer.headers(asyncio.run(signer.current()), "POST", url, b"{}", headers)
    expected = botocores(monkeypatch, CREDENTIALS, now, url, b"{}", headers)
    assert found["authorization"] == expected["authorization"]


def test_another_secret_signs_otherwise() -> None:
    keys = [ReadOnlyCredentials("AKID", "one", None)]
    signer = Signer(lambda: keys[-1], "eu-central-1")
    first = signed(signer)
    keys.append(ReadOnlyCredentials("AKID", "two", None))
    second = signed(signer)
    assert signature(first) == recomputed(first, "/tasks", b"{}", "one")
    assert signature(second) == recomputed(second, "/tasks", b"{}", "two")


def test_what_arrives_verifies(endpoint: ScriptedEndpoint, make: MakeBackend) -> None:
    backend: Any = make(credentials=Credentials("AKIDEXAMPLE", "a secret", "session"))
    list(backend.run(many(5), threading.Event()))
    assert len(endpoint.seen) == 5
    path = urlsplit(endpoint.address + "/tasks").path
    for seen in endpoint.seen:
        assert signature(seen.headers) == recomputed(seen.headers, path, seen.raw_body, "a secret")
        assert signature(seen.headers) != recomputed(seen.headers, path, seen.raw_body, "other")
