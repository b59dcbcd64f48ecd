"""Requests signed as AWS's own tools sign them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.waiting import WAIT_S

REGION = "eu-central-1"
KEY, SECRET = "local-developer", "local-developer-secret"


def signature_headers(
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    key: str = KEY,
    secret: str = SECRET,
    region: str = REGION,
    service: str = "execute-api",
    token: str | None = None,
) -> dict[str, str]:
    """`headers` with a signature; they are all signed except those that proxies may change."""
    request = AWSRequest(method, url, dict(headers or {}), body)
    SigV4Auth(Credentials(key, secret, token), service, region).add_auth(request)
    return dict(request.headers)


class SignedClient:
    """Signs and sends to one endpoint; safe to use from several threads."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.Client(timeout=WAIT_S, limits=limits, trust_env=False)

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        url = self.endpoint + path
        chosen = {"content-type": "application/json"} if headers is None else headers
        signed = signature_headers(method, url, body, chosen)
        return self._client.request(method, url, content=body, headers=signed)

    def fit(self, content: Any) -> httpx.Response:
        """POST /tasks with JSON."""
        return self.send("POST", "/tasks", json.dumps(content).encode())

    def close(self) -> None:
        self._client.close()
