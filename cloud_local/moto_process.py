"""The process of `moto_services`: serve moto on an inherited socket until standard input ends."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class AtomicDynamoDB:
    """A WSGI application in front of moto's, whose DynamoDB requests run one after the other.

    Between checking a condition and writing, moto lets other threads in; DynamoDB does not.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._turn = threading.Lock()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return self._application(environ, start_response)
        with self._turn:
            return list(self._application(environ, start_response))


class QuietHandler(WSGIRequestHandler):
    """Connections stay open between requests; failures are logged, requests are not."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def serve(listening_fd: int) -> None:
    """Serve until the process is ended. Every connection has a thread."""
    server = make_server(
        "127.0.0.1",
        0,
        AtomicDynamoDB(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=QuietHandler,
        fd=listening_fd,
    )
    server.serve_forever()


def _end_with_parent() -> None:
    """A parent that was killed cannot stop this process; the end of its pipe can."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(int(sys.argv[1]))
