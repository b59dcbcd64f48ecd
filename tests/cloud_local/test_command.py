"""`python -m cloud_local`, as `make cloud-local` starts it: one life of it, from outside."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import WAIT_S

ROOT = Path(__file__).resolve().parents[2]
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def until(condition: Callable[[], Any], said: Callable[[], str]) -> Any:
    """The first truthy answer; fails with what the program said after WAIT_S seconds."""
    deadline = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, said()
        time.sleep(0.05)
    return found


def parents() -> dict[int, int]:
    """The parent of every process that runs; one that ended and was not waited for is none."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(stat.parent.name)] = int(parent)
    return found


def family(pid: int) -> set[int]:
    """The process and everything that it started, directly or not."""
    known, of = {pid}, parents()
    while fresh := {child for child, parent in of.items() if parent in known} - known:
        known |= fresh
    return known


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@pytest.fixture
def program(tmp_path: Path, taken_port: int) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    output = tmp_path / "output"
    with open(output, "wb") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-u", "-m", "cloud_local", "--workers", "2"),
                *("--port", str(taken_port), "--log-dir", str(tmp_path / "logs")),
            ],
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        yield process, output
    finally:
        members = family(process.pid)
        process.kill()
        process.wait(WAIT_S)
        for pid in members - {process.pid}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_it_serves_survives_a_killed_dashboard_and_leaves_nothing(
    program: tuple[subprocess.Popen[bytes], Path], taken_port: int, tmp_path: Path
) -> None:
    process, output = program

    def found(pattern: str) -> str:
        def look() -> str | None:
            assert process.poll() is None, output.read_text()
            match = re.search(pattern, output.read_text())
            return match[1] if match else None

        return str(until(look, output.read_text))

    def is_well(url: str) -> bool:
        try:
            with DIRECTLY.open(f"{url}/api/health", timeout=WAIT_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    free = found(rf"Port {taken_port} is in use; the dashboard takes (\d+)\.")
    url = found(r"dashboard +(http://\S+)")
    assert url == f"http://127.0.0.1:{free}"
    first = int(found(r"kill -9 (\d+)"))
    until(lambda: is_well(url), output.read_text)

    # Its look at the endpoint's health has started a worker.
    worker = int(found(r"1 workers: (\d+)"))
    assert {first, worker} < family(process.pid)

    os.kill(first, signal.SIGKILL)
    second = int(found(r"ended \(exit code -9\) and starts again as (\d+)"))
    assert second != first
    until(lambda: is_well(url), output.read_text)

    members = family(process.pid)
    assert len(members) == 5  # itself, moto, the gateway, the worker, the dashboard

    # As it says, a job from another shell.
    exports = re.findall(r"export .+", output.read_text())
    table = tmp_path / "table.csv"
    table.write_text("a,b\n" + "".join(f"{n * n % 7},{n * 3 % 11}\n" for n in range(40)))
    analyse = f"{sys.executable} -m dashboard analyse {table} --k 1:2 --out {tmp_path / 'out'}"
    command = ["sh", "-c", "; ".join([*exports, analyse])]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"Cost: \$0\.\d+ for [1-9]\d* requests", ran.stdout + ran.stderr)
    assert len((tmp_path / "out" / "labels.csv").read_text().splitlines()) == 41

    process.terminate()
    assert process.wait(WAIT_S) == 0
    assert output.read_text().endswith("Stopped.\n")
    until(lambda: not members & parents().keys(), output.read_text)
    assert "REPORT RequestId" in (tmp_path / "logs" / "function.log").read_text()
