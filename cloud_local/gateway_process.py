"""The process of the gateway: one line of configuration in, one line of addresses out.

    python -m cloud_local.gateway_process < configuration

It ends when standard input ends or on SIGTERM, and takes all its workers with it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import threading

from cloud_local.function.configuration import GatewayConfiguration
from cloud_local.function.function import Function
from cloud_local.gateway.gateway import Gateway, HttpServer
from cloud_local.runtime_api import RuntimeApi

HOST = "127.0.0.1"
BACKLOG = 4_096
HOUSEKEEPING_S = 1.0
LAST_ANSWERS_S = 2.0


async def serve(configuration: GatewayConfiguration) -> None:
    """Serve until told to stop. Raises OSError when the port is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with (
        socket.create_server((HOST, configuration.port), backlog=BACKLOG) as front,
        socket.create_server((HOST, 0), backlog=BACKLOG) as back,
        open(configuration.function.log_path, "ab", buffering=0) as log,
    ):
        function = Function(configuration.function, log)
        gateway = Gateway(configuration, function)
        function.runtime_api = f"{HOST}:{back.getsockname()[1]}"
        front_door = HttpServer(gateway)
        await loop.create_server(front_door, sock=front, backlog=BACKLOG)
        runtime_api = HttpServer(RuntimeApi(function, gateway))
        await loop.create_server(runtime_api, sock=back, backlog=BACKLOG)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        threading.Thread(target=_watch_input, args=(loop, stop), daemon=True).start()
        addresses = {
            "endpoint": f"http://{HOST}:{front.getsockname()[1]}",
            "control": f"http://{function.runtime_api}/control",
        }
        print(json.dumps(addresses), flush=True)
        while not stop.is_set():
            function.end_idle()
            await _wait(stop, HOUSEKEEPING_S)
        await function.close()
        front_door.pre_shutdown()  # connections without a request
        await front_door.shutdown(LAST_ANSWERS_S)


async def _wait(event: asyncio.Event, limit_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), limit_s)
    except TimeoutError:
        return


def _watch_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """A parent that was killed cannot say stop; the end of its pipe does."""
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(stop.set)


def main() -> int:
    configuration = GatewayConfiguration.from_json(sys.stdin.readline())
    try:
        asyncio.run(serve(configuration))
    except OSError as error:
        print(f"Cannot listen on port {configuration.port}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
