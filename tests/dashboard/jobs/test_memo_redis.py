"""Remembered fits in a real Redis server: shared by processes, and missed without harm."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from dashboard.jobs.memo import Memo, redis_cache
from tests.dashboard.jobs.made_up import fit, result, task_id
from tests.waiting import WAIT_S

BINARY = shutil.which("redis-server")

needs_server = pytest.mark.skipif(
    BINARY is None, reason="remembering in Redis: no redis-server (apt-get install redis-server)"
)


@dataclass
class Server:
    """A Redis server of this test alone; it keeps nothing on disk."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_S)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [
            *(str(BINARY), "--port", str(port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no"),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    running = Server(port, process)
    try:
        deadline = time.monotonic() + WAIT_S
        client = redis.Redis.from_url(running.url)
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "Redis does not answer"
                time.sleep(0.02)
        yield running
    finally:
        running.stop()


@needs_server
def test_what_one_process_remembers_another_one_knows(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.jobs.memo.REDIS_TIMEOUT_S", WAIT_S)
    written = result(task_id(1), fit(bic=0.1 + 0.2, k=2))
    Memo(redis_cache(server.url)).put(written)
    other = Memo(redis_cache(server.url))
    read = other.get(task_id(1))
    assert read is not None
    assert read.to_dict() == written.to_dict()
    assert other.get(task_id(2)) is None
    keys = redis.Redis.from_url(server.url).keys("*")
    assert keys == [f"centaurus:{task_id(1)}".encode()]
    assert redis.Redis.from_url(server.url).ttl(keys[0]) == -1  # for ever; Redis's own limit rules


@needs_server
def test_a_server_that_dies_is_no_error(server: Server) -> None:
    memo = Memo(redis_cache(server.url))
    memo.put(result(task_id(1), fit(bic=1.0, k=2)))
    server.stop()
    assert memo.get(task_id(1)) is None
    memo.put(result(task_id(2), fit(bic=1.0, k=2)))


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.jobs.memo.REDIS_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        assert Memo(redis_cache(url)).get(task_id(1)) is None
