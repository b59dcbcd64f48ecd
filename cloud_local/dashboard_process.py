"""The dashboard with the aws backend, in a process that is started again when it dies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from cloud_local.cloud import LocalCloud

HOST = "127.0.0.1"
STOP_S = 20.0
MAX_RESTARTS_PER_MINUTE = 5


def free_port(wanted: int) -> int:
    """`wanted` when nobody listens there, else a free one."""
    for port in (wanted, 0):
        try:
            with socket.create_server((HOST, port)) as probe:
                return int(probe.getsockname()[1])
        except OSError:
            continue
    raise RuntimeError(f"Expected a free port on {HOST}, got none.")


class DashboardProcess:
    """`python -m dashboard serve` against a running cloud. Stop it with `stop`.

    `settings` are variables with which any command of the dashboard works there.
    """

    def __init__(self, cloud: LocalCloud, port: int, data_dir: Path) -> None:
        self.url = f"http://{HOST}:{port}"
        self.settings = {
            "CENTAURUS_BACKEND": "aws",
            "CENTAURUS_ENDPOINT": cloud.endpoint,
            "CENTAURUS_REGION": cloud.region,
            "CENTAURUS_BUCKET": cloud.bucket,
            "CENTAURUS_TABLE": cloud.table,
            "CENTAURUS_DATA_DIR": str(data_dir.absolute()),
        }
        self._command = [
            *(sys.executable, "-m", "dashboard", "serve"),
            *("--host", HOST, "--port", str(port)),
        ]
        # What is set for a real account must not reach this one.
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "CENTAURUS_"))
        }
        self._environment = own | cloud.environment | self.settings
        self._process: subprocess.Popen[bytes] | None = None
        self._starts_s: list[float] = []

    @property
    def pid(self) -> int:
        """Process id of the dashboard that runs now; it must have been started."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process, and return before it listens."""
        self._starts_s.append(time.monotonic())
        self._process = subprocess.Popen(
            self._command,
            cwd=Path(__file__).resolve().parent.parent,
            env=self._environment,
            start_new_session=True,  # Ctrl-C is for the parent, which stops this one first
        )

    def restart_if_dead(self) -> int | None:
        """Start it again when it has ended; the exit code that it had, None while it lives.

        Raises RuntimeError when it keeps ending.
        """
        assert self._process is not None
        code = self._process.poll()
        if code is None:
            return None
        recent = [start for start in self._starts_s if start > time.monotonic() - 60.0]
        if len(recent) > MAX_RESTARTS_PER_MINUTE:
            raise RuntimeError(
                f"Expected a dashboard that keeps running, got {len(recent)} ends in a minute (exit"
                f" code {code}). What it said is above."
            )
        self.start()
        return code

    def stop(self) -> None:
        """End the process, by SIGKILL after STOP_S seconds; does nothing the second time."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
