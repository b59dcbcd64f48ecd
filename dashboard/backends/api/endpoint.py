"""One signed request to the function, with a deadline, and what came of it."""

from __future__ import annotations

import asyncio
import json
import time

import httpx

from compute_lambda import Result, Task
from dashboard.aws.signing import FrozenCredentials, Signer
from dashboard.backends.api import answers
from dashboard.backends.api.answers import Problem, Reply
from dashboard.backends.api.connections import Transport, transport_to

CONNECT_S = 5.0
"""How long opening a connection may take."""

_compact = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Endpoint:
    """`POST /tasks` of one deployed stack. Belongs to the event loop in which it is used.

    `timeout_s` bounds a request from the first byte sent to the last one received.
    """

    def __init__(
        self,
        address: str,
        signer: Signer,
        *,
        max_connections: int,
        timeout_s: float,
        transport: Transport | None = None,
    ) -> None:
        self.url = httpx.URL(address.rstrip("/") + "/tasks")
        self._signer = signer
        self._timeout_s = timeout_s
        connect_s = min(CONNECT_S, timeout_s)
        self._transport = transport or transport_to(self.url, max_connections, connect_s)
        self._signed_url = str(self.url)
        self._headers = {
            "host": self.url.netloc.decode("ascii"),
            "content-type": "application/json",
        }

    async def send(self, task: Task, task_id: str) -> Result | Problem:
        """Send `task`, which has that id, once.

        What goes wrong on the way is a Problem, not an exception.
        """
        began = time.monotonic()
        try:
            key = await self._signer.current()
            async with asyncio.timeout(self._timeout_s):
                reply = await self._post(task, key, began)
        except Exception as error:
            if isinstance(error, httpx.RequestError):  # so that the sentence can name the host
                error.request = httpx.Request("POST", self.url)
            return answers.lost(error, self.url.host, (time.monotonic() - began) * 1e3)
        found = answers.read(reply, task, task_id)
        if isinstance(found, Problem) and found.remedy == "stop" and await self._renewed(key):
            return Problem("again", found.error)
        return found

    async def close(self) -> None:
        await self._transport.close()

    async def _post(self, task: Task, key: FrozenCredentials, began: float) -> Reply:
        body = _compact(task.to_dict()).encode("ascii")
        signed = self._signer.headers(key, "POST", self._signed_url, body, self._headers)
        answer = await self._transport.post(signed, body)
        return Reply(answer, self.url, (time.monotonic() - began) * 1e3)

    async def _renewed(self, used: FrozenCredentials) -> bool:
        """Whether there is another key by now than the one that was refused."""
        try:
            return (await self._signer.current()) != used
        except Exception:
            return False
