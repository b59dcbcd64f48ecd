"""One signed request to the fit function, with a deadline, and what came of it."""

from __future__ import annotations

import asyncio
import json
import time

import httpx

from compute_lambda import FitResult, FitTask
from dashboard.backends.api import answers
from dashboard.backends.api.answers import Problem, Reply
from dashboard.backends.api.signing import FrozenCredentials, Signer

CONNECT_S = 5.0
"""How long opening a connection may take."""

MAX_ANSWER_BYTES = 12 * 2**20
"""An HTTP API answers with 10 MB at most; what is longer is no answer of it."""


class Endpoint:
    """`POST /fit` of one deployed stack. Belongs to the event loop in which it is used.

    At most `max_connections` are open, and kept open between requests. `timeout_s` bounds a
    request from the first byte sent to the last one received.
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
        limits = httpx.Limits(
            max_connections=max_connections, max_keepalive_connections=max_connections
        )
        # A proxy of the environment is for the world outside, never for this machine.
        here = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
        self._client = httpx.AsyncClient(
            limits=limits,
            transport=transport,
            mounts=None if transport else here,
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
        )

    async def fit(self, task: FitTask) -> FitResult | Problem:
        """Send `task` once. Never raises, except when the coroutine is cancelled."""
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
        await self._client.aclose()

    async def _send(self, task: FitTask, key: FrozenCredentials, began: float) -> Reply:
        body = json.dumps(task.to_dict(), separators=(",", ":"), allow_nan=False).encode("ascii")
        headers = {"host": self.url.netloc.decode("ascii"), "content-type": "application/json"}
        signed = self._signer.headers(key, "POST", str(self.url), body, headers)
        request = self._client.build_request("POST", self.url, content=body, headers=signed)
        response = await self._client.send(request, stream=True)
        try:
            received = bytearray()
            async for part in response.aiter_bytes():
                received += part
                if len(received) > MAX_ANSWER_BYTES:
                    break
        finally:
            await response.aclose()
        return Reply(response, bytes(received), (time.monotonic() - began) * 1e3)

    async def _renewed(self, used: FrozenCredentials) -> bool:
        """Whether there is another key by now than the one that was refused."""
        try:
            return (await self._signer.current()) != used
        except Exception:
            return False
