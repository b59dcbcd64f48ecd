"""Connections to one address that are kept open, handed out without a search.

httpx's own pool looks at every connection and every waiting request whenever one begins or ends: at
200 connections that is most of the time a request takes (3 ms against 0.35 ms, measured). Here
whoever sends takes the connection that was used last, and puts it back. How many there are is
bounded by how many requests the dispatcher has in flight.
"""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Iterator

import httpcore
import httpx

from dashboard.backends.api.streams import Network

MAX_ANSWER_BYTES = 12 * 2**20
"""An HTTP API answers with 10 MB at most; what is longer is cut off and no answer of it."""

KEEP_S = 30.0
"""An idle connection is used again for so long; then the other side may be about to close it."""

_PORTS = {"http": 80, "https": 443}

#: httpcore's exceptions as httpx names them, the most particular ones first.
_NAMES: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.NetworkError, httpx.ReadError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.ProtocolError, httpx.RemoteProtocolError),
)


def transport_to(address: httpx.URL, max_connections: int) -> httpx.AsyncBaseTransport:
    """Connections to `address`: these, or httpx's own where a proxy is in between."""
    proxy = proxy_of(address)
    if proxy is None:
        return Connections(address)
    limits = httpx.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections
    )
    return httpx.AsyncHTTPTransport(proxy=proxy, limits=limits)


class Connections(httpx.AsyncBaseTransport):
    """HTTP/1.1 with keep-alive; answers come back whole. Belongs to one event loop.

    Raises httpx.UnsupportedProtocol for an address that is neither http nor https.
    """

    def __init__(self, address: httpx.URL) -> None:
        port = address.port or _PORTS.get(address.scheme)
        if port is None or address.scheme not in _PORTS:
            raise httpx.UnsupportedProtocol(
                f"Expected an address that begins with https:// or http://, got {address}."
            )
        self._origin = httpcore.Origin(address.raw_scheme, address.raw_host, port)
        # Reading the certificates takes longer than many a request: once for all connections.
        self._tls = httpx.create_ssl_context() if address.scheme == "https" else None
        self._idle: list[httpcore.AsyncHTTPConnection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send and receive. Raises httpx.TransportError; then the connection is closed."""
        connection = await self._taken()
        wanted = httpcore.Request(
            method=request.method.encode("ascii"),
            url=httpcore.URL(
                scheme=self._origin.scheme,
                host=self._origin.host,
                port=self._origin.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.content,
            extensions=request.extensions,
        )
        try:
            with _named():
                response = await connection.handle_async_request(wanted)
                body = await _received(response)
        except BaseException:  # a cancelled request leaves an answer that is still to come
            await connection.aclose()
            raise
        if connection.is_idle():
            self._idle.append(connection)
        else:
            await connection.aclose()
        return httpx.Response(response.status, headers=response.headers, stream=body)

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop().aclose()

    async def _taken(self) -> httpcore.AsyncHTTPConnection:
        """The connection that was used last and is still open, or a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_idle() and not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore.AsyncHTTPConnection(
            self._origin,
            ssl_context=self._tls,
            keepalive_expiry=KEEP_S,
            network_backend=Network(),
        )


def proxy_of(address: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the environment names for `address`; none for this machine itself."""
    if address.host in ("127.0.0.1", "localhost", "::1"):
        return None
    proxy = urllib.request.getproxies().get(address.scheme)
    if not proxy or urllib.request.proxy_bypass(address.host):
        return None
    return httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")


async def _received(response: httpcore.Response) -> httpx.ByteStream:
    """The bytes of the answer. A longer one than any real one is not kept in memory."""
    received = bytearray()
    try:
        async for part in response.aiter_stream():
            if len(received) < MAX_ANSWER_BYTES:
                received += part
    finally:
        await response.aclose()
    return httpx.ByteStream(bytes(received))


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Exceptions of httpcore as httpx's, which is all that the rest of the program knows."""
    try:
        yield
    except Exception as found:
        for theirs, ours in _NAMES:
            if isinstance(found, theirs):
                raise ours(str(found)) from found
        raise
