"""One connection against a server that writes what the test says, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from dashboard.backends.api import connection
from dashboard.backends.api.connection import Answer, Connection
from dashboard.backends.api.connections import Connections, ThroughProxy, transport_to
from tests.waiting import WAIT_S

BODY = b'{"a":1}'
HEADERS = {"host": "far.test", "x-amz-date": "now"}
CLOSE = b""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class ByteServer:
    """Reads requests whole; writes `script[n]` after the n-th, in as many pieces as it has.

    CLOSE among them closes the connection.
    """

    def __init__(self, script: list[list[bytes]]) -> None:
        self._script = iter(script)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.n_connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
                pairs = (line.split(": ", 1) for line in head[1:] if line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((head[0], headers, body))
                for piece in next(self._script):
                    if piece is CLOSE:
                        writer.close()
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)  # a segment of its own
        writer.close()


@contextlib.asynccontextmanager
async def serving(*script: list[bytes]) -> AsyncIterator[tuple[ByteServer, int]]:
    server = ByteServer(list(script))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with asyncio.timeout(WAIT_S):
        yield server, listening.sockets[0].getsockname()[1]
    listening.close()


def connected(
    scenario: Callable[[Connection, ByteServer], Awaitable[Any]], *script: list[bytes]
) -> Any:
    """What `scenario` returns, with a connection to a server of that script."""

    async def run() -> Any:
        async with serving(*script) as (server, port):
            own = await Connection.opened("127.0.0.1", port, None, WAIT_S)
            try:
                return await scenario(own, server)
            finally:
                own.close()

    return asyncio.run(run())


async def once(own: Connection, _: ByteServer) -> tuple[Answer, bool]:
    return await own.post("/tasks?x=1", HEADERS, BODY), own.is_made_ready()


def test_the_request_goes_out_as_it_is_and_with_its_length() -> None:
    async def scenario(own: Connection, server: ByteServer) -> ByteServer:
        await once(own, server)
        return server

    server = connected(scenario, [OK])
    assert server.requests == [
        ("POST /tasks?x=1 HTTP/1.1", {**HEADERS, "content-length": "7"}, BODY)
    ]


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([OK], b"{}"),
        ([OK[:5], OK[5:30], OK[30:-1], OK[-1:]], b"{}"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK], b"{}"),
        (
            [
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n",
                b"1\r\n]\r\n0\r\n\r\n",
            ],
            b"[1]",
        ),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
    ],
)
def test_answers_in_every_form_keep_the_connection(pieces: list[bytes], body: bytes) -> None:
    answer, reusable = connected(once, pieces)
    assert (answer.body, reusable) == (body, True)
    assert answer.status in (200, 204)


def test_names_of_headers_are_lower_case_whatever_their_bytes() -> None:
    lines = (b"HTTP/1.1 403 Forbidden", b"X-Amzn-ErrorType: Expired", b"Odd: \xe9")
    answer, _ = connected(once, [b"\r\n".join((*lines, b"Content-Length: 0", b"", b""))])
    assert answer.status == 403
    assert answer.headers == {"x-amzn-errortype": "Expired", "odd": "é", "content-length": "0"}


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"],
        [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
        [OK + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"],  # whose would this one be?
    ],
)
def test_a_connection_that_may_not_go_on_is_not_used_again(pieces: list[bytes]) -> None:
    answer, reusable = connected(once, pieces)
    assert (answer.body, reusable) == (b"{}", False)


@pytest.mark.parametrize(
    "pieces",
    [
        [CLOSE],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", CLOSE],
        [b"no HTTP at all\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n"],
        [b"HTTP/1.1 200 OK\r\nEndless: " + b"x" * 200_000],
    ],
)
def test_what_is_no_answer_is_a_protocol_error(pieces: list[bytes]) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        connected(once, pieces)


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 1_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"
    answer, reusable = connected(once, [head, b"x" * 900, b"x" * 900])
    assert 1_000 <= len(answer.body) <= 1_800
    assert not reusable


def test_nobody_there_is_a_connect_error() -> None:
    async def scenario() -> None:
        async with serving() as (_, port):
            pass
        await Connection.opened("127.0.0.1", port, None, WAIT_S)

    with pytest.raises(httpx.ConnectError):
        asyncio.run(scenario())


def test_one_connection_serves_one_request_after_the_other() -> None:
    async def scenario() -> ByteServer:
        async with serving([OK], [OK], [OK]) as (server, port):
            transport = Connections(httpx.URL(f"http://127.0.0.1:{port}/fit"), WAIT_S)
            for _ in range(3):
                await transport.post(HEADERS, BODY)
            await transport.close()
            return server

    server = asyncio.run(scenario())
    assert (server.n_connections, len(server.requests)) == (1, 3)


def test_what_comes_while_a_connection_is_idle_is_not_the_next_answer() -> None:
    late = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    async def scenario() -> tuple[list[int], int]:
        is_idle = asyncio.Event()
        n_connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal n_connections
            n_connections += 1
            await reader.readuntil(b"\r\n\r\n" + BODY)
            writer.write(OK)
            await is_idle.wait()
            writer.write(late)
            await writer.drain()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with asyncio.timeout(WAIT_S):
            port = server.sockets[0].getsockname()[1]
            own = Connections(httpx.URL(f"http://127.0.0.1:{port}/fit"), WAIT_S)
            statuses = [(await own.post(HEADERS, BODY)).status]
            is_idle.set()
            while not own._idle[0].has_expired():
                await asyncio.sleep(0)
            statuses.append((await own.post(HEADERS, BODY)).status)
            await own.close()
        server.close()
        return statuses, n_connections

    assert asyncio.run(scenario()) == ([200, 200], 2)


def test_a_reset_is_a_read_error() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        own = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def scenario() -> None:
        server = await asyncio.start_server(reset, "127.0.0.1", 0)
        async with asyncio.timeout(WAIT_S):
            port = server.sockets[0].getsockname()[1]
            own = await Connection.opened("127.0.0.1", port, None, WAIT_S)
            with pytest.raises(httpx.ReadError):
                await own.post("/tasks", HEADERS, BODY)
            own.close()
        server.close()

    asyncio.run(scenario())


def test_a_host_that_is_no_name_is_a_connect_error() -> None:
    with pytest.raises(httpx.ConnectError):
        asyncio.run(Connection.opened("a" * 70 + ".test", 443, None, WAIT_S))


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(httpx.UnsupportedProtocol, match="https://"):
        Connections(httpx.URL("ftp://far.test/fit"), WAIT_S)


def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy gets the whole address, the answer comes back the same way."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def scenario() -> tuple[Answer, ByteServer]:
        async with serving([OK]) as (server, port):
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            transport = transport_to(httpx.URL("http://far.test/prod/fit"), 2, WAIT_S)
            assert isinstance(transport, ThroughProxy)
            answer = await transport.post(HEADERS, BODY)
            await transport.close()
            return answer, server

    answer, server = asyncio.run(scenario())
    assert (answer.status, answer.body) == (200, b"{}")
    ((line, headers, body),) = server.requests
    assert line == "POST http://far.test/prod/fit HTTP/1.1"
    assert (headers["host"], headers["x-amz-date"], body) == ("far.test", "now", BODY)
