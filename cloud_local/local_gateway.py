"""The gateway's process as an object: start, steer, stop."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from cloud_local.function.configuration import GatewayConfiguration

START_S = 120.0
STOP_S = 10.0
CONTROL_S = 60.0
LOG_TAIL_BYTES = 8_000

DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens addresses of this machine; proxies of the environment are for the world outside."""


class LocalGateway:
    """A context manager; inside it `endpoint` takes requests.

    Raises RuntimeError with what the process said when it does not start within START_S seconds.
    """

    def __init__(self, configuration: GatewayConfiguration) -> None:
        self.configuration = configuration
        self.log_path = Path(configuration.function.log_path)
        self.endpoint = ""
        self._control = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LocalGateway:
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cloud_local.gateway_process"],
                cwd=Path(__file__).resolve().parent.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            addresses = json.loads(self._first_line(self._process))
        except BaseException:
            self.stop()
            raise
        self.endpoint, self._control = addresses["endpoint"], addresses["control"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process and its workers; does nothing the second time."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()  # its workers notice and end by themselves
            process.wait(STOP_S)
        process.stdout.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def state(self) -> dict[str, Any]:
        """Counts, and every execution environment with its pid (see `Function.state`)."""
        return self._ask(urllib.request.Request(f"{self._control}/state"))

    def change(self, **settings: float) -> None:
        """Set `concurrency`, `timeout_s`, `integration_limit_s` or `throttle_status` (429, 500,
        503) from now on."""
        body = json.dumps(settings).encode()
        self._ask(urllib.request.Request(f"{self._control}/settings", body, method="POST"))

    def worker_pids(self) -> list[int]:
        """Processes that run the function now."""
        found = (one["pid"] for one in self.state()["environments"])
        return [pid for pid in found if pid is not None]

    def log_tail(self) -> str:
        """The end of what the gateway and all workers have said."""
        with open(self.log_path, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        try:
            with DIRECTLY.open(request, timeout=CONTROL_S) as answer:
                return dict(json.load(answer))
        except OSError as error:
            raise RuntimeError(
                f"Expected the local gateway to answer, got: {error}. Its log ends with:\n"
                f"{self.log_tail()}"
            ) from error

    def _first_line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{self.configuration.to_json()}\n".encode())
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(START_S) else b""
        if not line:
            raise RuntimeError(
                f"Expected the local gateway to listen within {START_S:g} s, got nothing. It said:"
                f"\n{self.log_tail()}"
            )
        return bytes(line)
