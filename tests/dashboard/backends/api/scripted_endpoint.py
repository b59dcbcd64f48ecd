"""A fit endpoint on loopback that answers by a script: the one double of the backend's tests.

Good answers come from the real handler, called with the event that API Gateway would make. Faults
are made here, on the wire: statuses, broken connections, late and malformed answers.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import struct
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from compute_lambda import FitTask
from compute_lambda.environment import Environment
from compute_lambda.handler import Worker
from tests.waiting import WAIT_S

MEMORY_MB = 1_769


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request. The default is: nothing.

    `kind`: "" answers well; "status" with `status` and `body`; "reset" breaks the connection off
    without an answer; "half" in the middle of it; "late" answers well after `delay_s`, or once
    `until` is set; "body"
    answers 200 with `body`; "edit" passes the good answer's JSON through `edit`; "stop" lets the
    function run out of time after its first iteration.
    """

    kind: str = ""
    status: int = 200
    body: bytes = b'{"message":"Service Unavailable"}'
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    until: threading.Event | None = None
    edit: Callable[[dict[str, Any]], Any] | None = None


@dataclass(frozen=True)
class Seen:
    """One request as it arrived: its number, its task, how often that task had come before.

    Names of `headers` are in lower case.
    """

    number: int
    task: FitTask
    repeat: int
    headers: dict[str, str]
    raw_body: bytes


Script = Callable[[Seen], Fault]


class Context:
    """What Lambda hands to a handler; `remaining_ms` is how much time it claims to have."""

    def __init__(self, remaining_ms: float = 28_000.0) -> None:
        self.aws_request_id = uuid.uuid4().hex
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining_ms)


class ScriptedEndpoint:
    """`with ScriptedEndpoint(directory) as endpoint:` serves until the block ends.

    `script` decides on every request; `seen` has them all. `arrived` counts requests that began,
    `answered` good answers that were written, both by task id; `most_at_once` is the largest number
    of requests that were being served together. While `gate` is clear, requests wait for it.
    """

    def __init__(
        self,
        dataset_dir: Path,
        script: Script | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._wanted_port = port
        self._tls = tls
        environment = Environment(dataset_dir=dataset_dir, memory_mb=MEMORY_MB, worker="scripted")
        self.worker = Worker(environment, startup_ms=0.0)
        self.script: Script = script or (lambda _: Fault())
        self.seen: list[Seen] = []
        self.arrived: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.n_at_once = 0
        self.most_at_once = 0
        self.gate = threading.Event()
        self.gate.set()
        self.connections: set[Any] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(WAIT_S), "the endpoint did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.gate.set()
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(WAIT_S)

    @property
    def address(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._port}"

    def close_connections(self) -> None:
        """Close what is open, as a server does with connections that were idle for long."""
        closed = threading.Event()

        def close() -> None:
            for connection in self.connections:
                connection.close()
            self._loop.call_soon(closed.set)

        self._loop.call_soon_threadsafe(close)
        assert closed.wait(WAIT_S)

    # -- the server's thread ------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_post("/tasks", self._fit)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._wanted_port, ssl_context=self._tls)
        await site.start()
        self._port = runner.addresses[0][1]
        self._ready.set()
        await self._ended.wait()
        await runner.cleanup()

    async def _fit(self, request: web.Request) -> web.StreamResponse:
        self.n_at_once += 1
        self.most_at_once = max(self.most_at_once, self.n_at_once)
        self.connections.add(request.transport)
        try:
            body = await request.read()
            task = FitTask.from_dict(json.loads(body))
            task_id = task.task_id
            headers = {name.lower(): value for name, value in request.headers.items()}
            seen = Seen(len(self.seen), task, self.arrived[task_id], headers, body)
            self.seen.append(seen)
            self.arrived[task_id] += 1
            fault = self.script(seen)
            self.faults[fault.kind] += 1
            while not self.gate.is_set():
                await asyncio.sleep(0.002)
            return await self._answer(request, body, seen, fault)
        finally:
            self.n_at_once -= 1

    async def _answer(
        self, request: web.Request, body: bytes, seen: Seen, fault: Fault
    ) -> web.StreamResponse:
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        while fault.until is not None and not fault.until.is_set():
            await asyncio.sleep(0.005)
        if fault.kind == "reset":
            return _broken_off(request)
        if fault.kind in ("status", "body"):
            status = fault.status if fault.kind == "status" else 200
            self.statuses[status] += 1
            return web.Response(status=status, body=fault.body, headers=fault.headers)
        remaining_ms = 1.0 if fault.kind == "stop" else 28_000.0
        answer = self.worker.handle(_event(request, body), Context(remaining_ms))
        text = answer["body"].encode()
        if fault.edit is not None:
            text = json.dumps(fault.edit(json.loads(text))).encode()
        self.statuses[answer["statusCode"]] += 1
        if fault.kind == "half":
            partial = web.StreamResponse(
                status=200, headers={**answer["headers"], "content-length": str(len(text))}
            )
            await partial.prepare(request)
            await partial.write(text[: len(text) // 2])
            return _broken_off(request)
        if answer["statusCode"] == 200 and not fault.kind:
            self.answered[seen.task.task_id] += 1
        headers = {**answer["headers"], **fault.headers}
        return web.Response(status=answer["statusCode"], body=text, headers=headers)


def _broken_off(request: web.Request) -> web.Response:
    assert request.transport is not None
    # With a reset: closing alone would say goodbye first.
    connected = request.transport.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()  # goes nowhere


def _event(request: web.Request, body: bytes) -> dict[str, Any]:
    """A payload format 2.0 event with what the handler reads of one."""
    return {
        "version": "2.0",
        "rawPath": request.path,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "requestContext": {
            "http": {"method": request.method},
            "stage": "$default",
            "requestId": uuid.uuid4().hex,
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
