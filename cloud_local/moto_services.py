"""S3 and DynamoDB on this machine: moto's server in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 120.0
STOP_S = 5.0


@contextmanager
def running_moto(log_path: Path | None = None) -> Iterator[str]:
    """A fresh, empty S3 and DynamoDB; the value is their URL, such as http://127.0.0.1:40123.

    Clients give the URL as `endpoint_url` and any access key. Everything is kept in the memory of
    that process and is gone at the end. `log_path` receives what it says (None: thrown away).

    Raises RuntimeError when it does not answer within START_S seconds.
    """
    # A socket that already listens is handed over: nobody can take the port in between.
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        process = _start(listening.fileno(), log_path)
    try:
        _wait_until_up(process, url, log_path)
        yield url
    finally:
        _stop(process)


def _start(listening_fd: int, log_path: Path | None) -> subprocess.Popen[bytes]:
    with open(log_path or os.devnull, "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cloud_local.moto_process", str(listening_fd)],
            cwd=Path(__file__).resolve().parent.parent,
            env={**os.environ, "MOTO_ALLOW_NONEXISTENT_REGION": "true"},
            stdin=subprocess.PIPE,  # its end tells the process that this one is gone
            stdout=log,
            stderr=log,
            pass_fds=(listening_fd,),
            start_new_session=True,  # Ctrl-C is for the parent, which stops this one last
        )


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log_path: Path | None) -> None:
    # Proxies of the environment are for the world outside.
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with directly.open(f"{url}/moto-api/", timeout=START_S):
                return
        except OSError:
            time.sleep(0.05)
    said = log_path.read_text(errors="replace")[-2_000:] if log_path else "(no log was asked for)"
    raise RuntimeError(
        f"Expected moto's server to answer at {url} within {START_S:g} s, got nothing"
        f" (exit code {process.poll()}). Its log ends with:\n{said}"
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)
