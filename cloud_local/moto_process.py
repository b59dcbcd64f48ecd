"""The process of `moto_services`: serve moto on an inherited socket until standard input ends."""

from __future__ import annotations

import os
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    """Connections stay open between requests; failures are logged, requests are not."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def serve(listening_fd: int) -> None:
    """Serve until the process is ended. Every connection has a thread."""
    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
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
