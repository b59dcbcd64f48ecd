"""`serve`: the page under waitress until a signal says stop."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import sys
from types import FrameType

from waitress import create_server
from waitress.server import BaseWSGIServer, MultiSocketServer

from dashboard.services import Services, build_services
from dashboard.services.background import begin_work
from dashboard.settings import Settings

EXIT_FAILURE = 1
MEGABYTE = 1024 * 1024
BODY_LIMIT_MB = 1024
"""Far beyond what may be uploaded: Waitress refuses a larger body before the page can say why."""


def serve(settings: Settings) -> int:
    """Serve the page until SIGINT or SIGTERM; 0 then, 1 when the address cannot be used."""
    try:
        # First of all: a second server on the same port must not touch any job.
        listening = _listen(settings.host, settings.port)
    except OSError as error:
        print(_why_not(error, settings), file=sys.stderr)
        return EXIT_FAILURE
    signal.signal(signal.SIGTERM, _stop)
    services: Services | None = None
    try:
        services = build_services(settings)
        server = _server(services, listening)
        begin_work(services)
        print(f"{_url(listening)}  (Centaurus, data in {settings.data_dir}, Ctrl-C stops)")
        sys.stdout.flush()
        server.run()  # returns on KeyboardInterrupt and SystemExit
        server.close()
    except (KeyboardInterrupt, SystemExit):
        pass  # stopped before it was ready
    finally:
        listening.close()
        if services is not None:
            services.close()
    return 0


def _server(services: Services, listening: socket.socket) -> BaseWSGIServer | MultiSocketServer:
    from dashboard.pages.app import create_app

    services.catalogue.ensure_builtins()
    app = create_app(services)
    # Every open page polls; a queue of a few requests is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    limit_mb = max(BODY_LIMIT_MB, 2 * services.settings.max_upload_mb)
    return create_server(
        app.server,
        sockets=[listening],
        threads=services.settings.serve_threads,
        max_request_body_size=limit_mb * MEGABYTE,
        ident="",
        clear_untrusted_proxy_headers=True,
    )


def _listen(host: str, port: int) -> socket.socket:
    ((family, *_, address), *_) = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return socket.create_server(address[:2], family=family, backlog=1024)


def _why_not(error: OSError, settings: Settings) -> str:
    where = f"port {settings.port} on {settings.host}"
    if isinstance(error, socket.gaierror):
        return (
            f'There is no address for the host "{settings.host}". Give one of this machine with '
            "--host, such as 127.0.0.1."
        )
    if error.errno == errno.EADDRINUSE:
        return (
            f"Cannot listen on {where}: it is in use. Stop the other program, or choose another "
            "port with --port (0 picks a free one)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"Cannot listen on {where}: it is not allowed. Choose a port from 1024 up with --port."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"Cannot listen on {where}: this machine does not have that address. Choose another "
            "with --host (127.0.0.1: only this machine; 0.0.0.0: all its addresses)."
        )
    return f"Cannot listen on {where}: {error.strerror}. Choose other values of --host and --port."


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # every address of this machine
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
