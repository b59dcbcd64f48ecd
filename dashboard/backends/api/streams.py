"""Sockets for httpcore straight from asyncio.

httpcore's own go through anyio, which serves several event loops and costs 0.2 ms of a request's
0.55 ms. Raises httpcore's exceptions, as its contract asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore

HAPPY_EYEBALLS_S = 0.25
"""Head start of an address family when a host has two (RFC 8305 recommends 250 ms)."""


class Stream(httpcore.AsyncNetworkStream):
    """One TCP connection, with TLS on top once that was started."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _named(httpcore.ReadError, httpcore.ReadTimeout):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _named(httpcore.WriteError, httpcore.WriteTimeout):
            self._writer.write(buffer)
            async with asyncio.timeout(timeout):
                await self._writer.drain()

    async def aclose(self) -> None:
        # Without waiting for the peer's goodbye: it may be the one that does not answer.
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            with _named(httpcore.ConnectError, httpcore.ConnectTimeout):
                async with asyncio.timeout(timeout):
                    await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # of an idle connection: it has ended
            return self._reader.at_eof() or self._reader.exception() is not None
        return self._writer.get_extra_info(info)


class Network(httpcore.AsyncNetworkBackend):
    """Opens `Stream`s in the running asyncio loop."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - asyncio sets TCP_NODELAY
    ) -> httpcore.AsyncNetworkStream:
        local = None if local_address is None else (local_address, 0)
        with _named(httpcore.ConnectError, httpcore.ConnectTimeout):
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_connection(
                    host, port, local_addr=local, happy_eyeballs_delay=HAPPY_EYEBALLS_S
                )
        return Stream(reader, writer)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@contextlib.contextmanager
def _named(error: type[Exception], timeout: type[Exception]) -> Iterator[None]:
    """Exceptions of sockets as those that httpcore promises."""
    try:
        yield
    except TimeoutError as found:
        raise timeout(str(found)) from found
    except (OSError, ssl.SSLError, EOFError) as found:
        raise error(str(found)) from found
