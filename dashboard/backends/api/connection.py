"""One HTTP/1.1 connection: h11 knows the protocol, asyncio moves the bytes.

httpcore, which httpx uses, wraps the same h11 into locks, tracing and the cancel scopes of several
event loops. With hundreds of requests in flight from one thread that is a third of all it does.
Raises httpx's exceptions, so that nothing above can tell the difference.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h11
import httpx

MAX_ANSWER_BYTES = 12 * 2**20
"""An HTTP API answers with 10 MB at most. A longer answer is not one of its own: it is cut off."""

KEEP_S = 30.0
"""An idle connection is used again within this time; later the server may be closing it."""

HAPPY_EYEBALLS_S = 0.25
"""Head start of an address family when a host has two (RFC 8305 recommends 250 ms)."""

_READ_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. Names in `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Reader(asyncio.StreamReader):
    """Knows how many bytes have come that nobody has read yet."""

    n_unread = 0

    def feed_data(self, data: Any) -> None:
        self.n_unread += len(data)
        super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        found = await super().read(n)
        self.n_unread -= len(found)
        return found


class Connection:
    """Carries one exchange at a time. Belongs to one event loop.

    Reading and writing wait as long as the caller does, who bounds the whole exchange.
    """

    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = h11.Connection(h11.CLIENT)
        self._expires_at = time.monotonic() + KEEP_S

    @classmethod
    async def opened(
        cls, host: str, port: int, tls: ssl.SSLContext | None, timeout_s: float
    ) -> Connection:
        """Connect. Raises httpx.ConnectTimeout and httpx.ConnectError."""
        try:
            async with asyncio.timeout(timeout_s):
                reader = _Reader(limit=_READ_BYTES)
                protocol = asyncio.StreamReaderProtocol(reader)
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_connection(
                    lambda: protocol,
                    host,
                    port,
                    ssl=tls,
                    happy_eyeballs_delay=HAPPY_EYEBALLS_S,
                )
                writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:  # SSLError is an OSError; Unicode: a bad host
            raise httpx.ConnectError(str(error)) from error
        return cls(reader, writer)

    async def post(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send and receive the whole answer, or its first MAX_ANSWER_BYTES.

        Raises httpx.TransportError. After an answer, ask `prepare_next` whether another exchange
        can follow.
        """
        sized = [*headers.items(), ("content-length", str(len(body)))]
        try:
            await self._send(h11.Request(method="POST", target=target, headers=sized), body)
            head, content = await self._receive()
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        found = {name.decode("ascii"): text.decode("latin-1") for name, text in head.headers}
        return Answer(head.status_code, found, content)

    def prepare_next(self) -> bool:
        """Prepare for another exchange; whether there can be one. To be called once after each.

        There can be one when the answer is complete and both sides keep the connection open.
        """
        protocol = self._protocol
        if protocol.our_state is not h11.DONE or protocol.their_state is not h11.DONE:
            return False
        if protocol.trailing_data[0]:  # it came unasked, so it is not the next answer
            return False
        protocol.start_next_cycle()
        self._expires_at = time.monotonic() + KEEP_S
        return True

    def has_expired(self) -> bool:
        """Whether an idle connection has ended, or may be about to end."""
        reader = self._reader
        # What comes unasked is a farewell (408 and the like), and no answer to the next request.
        ended = reader.n_unread > 0 or reader.at_eof() or reader.exception() is not None
        return ended or time.monotonic() > self._expires_at

    def close(self) -> None:
        """Break the connection off at once; what is under way is lost."""
        # Without waiting for the peer's goodbye: it may be the one that does not answer.
        self._writer.transport.abort()

    async def _send(self, head: h11.Request, body: bytes) -> None:
        # In one write: two segments would wake up the other side twice.
        events = (head, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._protocol.send(event) or b"" for event in events))
        try:
            await self._writer.drain()
        except OSError:
            return  # a server may answer without reading to the end: look for what it said

    async def _receive(self) -> tuple[h11.Response, bytes]:
        protocol = self._protocol
        head: h11.Response | None = None
        body = bytearray()
        while True:
            event = protocol.next_event()
            if event is h11.NEED_DATA:
                received = await self._reader.read(_READ_BYTES)
                if not received and head is None:
                    raise httpx.RemoteProtocolError("The server closed without an answer.")
                protocol.receive_data(received)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) >= MAX_ANSWER_BYTES:
                    break
            elif isinstance(event, h11.Response):
                head = event
            elif not isinstance(event, h11.InformationalResponse):
                break  # the end of the message
        assert head is not None  # h11 knows the order of events
        return head, bytes(body)
