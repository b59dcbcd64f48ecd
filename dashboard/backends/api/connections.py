"""Connections to one address that are kept open, handed out without a search.

httpx's own pool looks at every connection and every waiting request whenever one begins or ends: at
200 connections that is most of the time a request takes (3 ms against 0.5 ms, measured). Here
whoever sends takes the connection that was used last, and puts it back. How many there are is
bounded by how many requests the dispatcher has in flight.
"""

from __future__ import annotations

import ssl
import urllib.request

import httpx

MAX_ANSWER_BYTES = 12 * 2**20
"""An HTTP API answers with 10 MB at most; what is longer is cut off and no answer of it."""

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Connections(httpx.AsyncBaseTransport):
    """HTTP/1.1 with keep-alive; answers come back whole. Belongs to one event loop."""

    def __init__(self, address: httpx.URL) -> None:
        self._proxy = proxy_of(address)
        # Reading the certificates takes longer than many a request: once for all connections.
        self._tls: ssl.SSLContext | bool
        self._tls = httpx.create_ssl_context() if address.scheme == "https" else False
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send and receive. Raises httpx.TransportError; then the connection is closed."""
        connection = self._idle.pop() if self._idle else self._new()
        try:
            response = await connection.handle_async_request(request)
            body = await _received(response)
        except BaseException:  # a cancelled request leaves an answer that is still to come
            await connection.aclose()
            raise
        self._idle.append(connection)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=body, request=request
        )

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop().aclose()

    def _new(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=self._tls, limits=_ONE, proxy=self._proxy)


def proxy_of(address: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the environment names for `address`; none for this machine itself."""
    if address.host in ("127.0.0.1", "localhost", "::1"):
        return None
    proxy = urllib.request.getproxies().get(address.scheme)
    if not proxy or urllib.request.proxy_bypass(address.host):
        return None
    return httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")


async def _received(response: httpx.Response) -> httpx.ByteStream:
    """The bytes of the answer. A longer one than any real one is not kept in memory."""
    received = bytearray()
    try:
        async for part in response.aiter_raw():
            if len(received) < MAX_ANSWER_BYTES:
                received += part
    finally:
        await response.aclose()
    return httpx.ByteStream(bytes(received))
