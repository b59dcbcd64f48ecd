"""Workers in processes of their own; what they do stands in `worker`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.dashboard.conftest import StoreUnderTest

ROOT = Path(__file__).resolve().parents[3]


def worker(stores: StoreUnderTest, *arguments: str) -> subprocess.Popen[str]:
    """A worker on the same jobs. It says "ready" and waits for a line before it begins."""
    command = [sys.executable, "-m", "tests.dashboard.stores.worker", stores.kind, stores.address]
    return subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def until_ready(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"


def start(processes: list[subprocess.Popen[str]]) -> None:
    """Let those that are ready begin, at the same moment."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
