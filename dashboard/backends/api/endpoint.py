"""One signed request to the fit function, with a deadline, and what came of it."""

from __future__ import annotations

import asyncio
import json
import time

import httpx

from compute_lambda import FitResult, FitTask
from dashboard.backends.api import answers
from dashboard.backends.api.answers import Problem, Reply
from dashboard.backends.api.connections import transport_to
from dashboard.backends.api.signing import FrozenCredentials, Signer

CONNECT_S = 5.0
"""How long opening a connection may take."""


class Endpoint:
    """`POST /fit` of one deployed stack. Belongs to the event loop in which it is used.

    `timeout_s` bounds a request from the first byte sent to the last one received.
    """

    def __init__(
        self,
        address: str,
        signer: Signer,
        *,
        max_connections: int,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = httpx.URL(address.rstrip("/") + "/fit")
        self._signer = signer
        self._timeout_s = timeout_s
        self._transport = transport or transport_to(self.url, max_connections)
        limits = httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))
        self._extensions = {"timeout": limits.as_dict()}

    async def fit(self, task: FitTask) -> FitResult | Problem:
        """Send `task` once. What goes wrong on the way is a Problem, not an exception."""
        began = time.monotonic()
        try:
            key = await self._signer.current()
            async with asyncio.timeout(self._timeout_s):
                reply = await self._send(task, key, began)
        except Exception as error:
            return answers.lost(error, self.url.host, (time.monotonic() - began) * 1e3)
        found = answers.read(reply, task)
        if isinstance(found, Problem) and found.remedy == "stop" and await self._renewed(key):
            return Problem("again", found.error)
        return found

    async def close(self) -> None:
        await self._transport.aclose()

    async def _send(self, task: FitTask, key: FrozenCredentials, began: float) -> Reply:
        body = json.dumps(task.to_dict(), separators=(",", ":"), allow_nan=False).encode("ascii")
        headers = {"host": self.url.netloc.decode("ascii"), "content-type": "application/json"}
        signed = self._signer.headers(key, "POST", str(self.url), body, headers)
        request = httpx.Request(
            "POST", self.url, headers=signed, content=body, extensions=self._extensions
        )
        try:
            response = await self._transport.handle_async_request(request)
            received = await response.aread()
        except httpx.RequestError as error:
            error.request = request  # so that the sentence can name the host
            raise
        response.request = request
        return Reply(response, received, (time.monotonic() - began) * 1e3)

    async def _renewed(self, used: FrozenCredentials) -> bool:
        """Whether there is another key by now than the one that was refused."""
        try:
            return (await self._signer.current()) != used
        except Exception:
            return False
