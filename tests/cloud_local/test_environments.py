"""Execution environments: started on demand, kept, limited, timed out, killed, ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Scripted

from cloud_local.function.function import MAX_PAYLOAD_BYTES
from tests import waiting
from tests.waiting import WAIT_S

INTERNAL = (500, {"message": "Internal Server Error"})
UNAVAILABLE = (503, {"message": "Service Unavailable"})


def until(condition: Callable[[], bool]) -> None:
    waiting.until(condition, "what the call does has shown")


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


class Held:
    """Calls that stay in the function until they are let go."""

    def __init__(self, folder: Path) -> None:
        self._started = folder / "started"
        self._started.mkdir()
        self._until = folder / "until"
        self._pool = ThreadPoolExecutor(16)

    def call(self, scripted: Scripted, n: int = 1) -> list[Future[httpx.Response]]:
        """Begin `n` calls at once and wait until the function runs all of them."""
        before = len(list(self._started.iterdir()))
        order = {"started": str(self._started), "until": str(self._until)}
        calls = [self._pool.submit(scripted.do, "wait", **order) for _ in range(n)]
        until(lambda: len(list(self._started.iterdir())) == before + n)
        return calls

    def let_go(self) -> None:
        self._until.touch()

    def close(self) -> None:
        self.let_go()
        self._pool.shutdown(cancel_futures=True)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    calls = Held(tmp_path)
    yield calls
    calls.close()


def test_calls_at_once_get_an_environment_each_and_later_ones_share_them(
    fresh: Scripted, held: Held
) -> None:
    assert fresh.gateway.worker_pids() == []
    calls = held.call(fresh, 4)
    assert fresh.gateway.state()["n_in_flight"] == 4
    assert len(set(fresh.gateway.worker_pids())) == 4
    held.let_go()
    assert len({call.result(WAIT_S).text for call in calls}) == 4
    for _ in range(6):
        assert fresh.do("echo").status_code == 200
    assert fresh.counts() == {
        "invocations": 10,
        "cold_starts": 4,
        "throttled": 0,
        "failed": 0,
    }
    # The environment that was used last is used again; the others may grow old.
    numbers = [one["n_invocations"] for one in fresh.gateway.state()["environments"]]
    assert sorted(numbers) == [1, 1, 1, 7]


def test_calls_above_the_limit_are_throttled(fresh: Scripted, held: Held) -> None:
    fresh.gateway.change(concurrency=2)
    calls = held.call(fresh, 2)
    assert said(fresh.do("echo")) == (429, {"message": "Too Many Requests"})
    # Other forms in which an HTTP API may say it.
    fresh.gateway.change(throttle_status=500)
    assert said(fresh.do("echo")) == INTERNAL
    fresh.gateway.change(throttle_status=503)
    assert said(fresh.do("echo")) == UNAVAILABLE
    fresh.gateway.change(concurrency=3)
    assert fresh.do("echo").status_code == 200
    held.let_go()
    assert [call.result(WAIT_S).status_code for call in calls] == [200, 200]
    assert fresh.do("echo").status_code == 200
    assert fresh.counts() == {
        "invocations": 4,
        "cold_starts": 3,
        "throttled": 3,
        "failed": 0,
    }


def test_a_call_that_takes_too_long_ends_with_its_environment(fresh: Scripted, held: Held) -> None:
    assert fresh.do("echo").status_code == 200
    (pid,) = fresh.gateway.worker_pids()
    fresh.gateway.change(timeout_s=1.0)
    (slow,) = held.call(fresh)
    assert said(slow.result(WAIT_S)) == INTERNAL
    until(lambda: not is_alive(pid))
    fresh.gateway.change(timeout_s=WAIT_S)
    assert fresh.do("echo").status_code == 200
    assert fresh.gateway.worker_pids() != [pid]
    assert "Task timed out after 1.00 seconds" in fresh.gateway.log_tail()
    counts = {"invocations": 3, "cold_starts": 2, "throttled": 0, "failed": 1}
    assert fresh.counts() == counts


def test_the_gateway_gives_up_before_the_function_does(fresh: Scripted, held: Held) -> None:
    assert fresh.do("echo").status_code == 200
    fresh.gateway.change(integration_limit_s=0.3)
    (slow,) = held.call(fresh)
    assert said(slow.result(WAIT_S)) == UNAVAILABLE
    assert fresh.gateway.state()["n_in_flight"] == 1
    held.let_go()
    until(lambda: fresh.gateway.state()["n_in_flight"] == 0)
    fresh.gateway.change(integration_limit_s=WAIT_S)
    assert fresh.do("echo").status_code == 200
    counts = {"invocations": 3, "cold_starts": 1, "throttled": 0, "failed": 0}
    assert fresh.counts() == counts


def test_a_worker_killed_in_the_middle(fresh: Scripted, held: Held) -> None:
    (call,) = held.call(fresh)
    (pid,) = fresh.gateway.worker_pids()
    os.kill(pid, signal.SIGKILL)
    assert said(call.result(WAIT_S)) == INTERNAL
    assert fresh.do("echo").status_code == 200
    counts = {"invocations": 2, "cold_starts": 2, "throttled": 0, "failed": 1}
    assert fresh.counts() == counts


def test_a_worker_killed_while_it_waits(fresh: Scripted) -> None:
    assert fresh.do("echo").status_code == 200
    (pid,) = fresh.gateway.worker_pids()
    os.kill(pid, signal.SIGKILL)
    until(lambda: fresh.gateway.worker_pids() == [])
    assert fresh.do("echo").status_code == 200
    counts = {"invocations": 2, "cold_starts": 2, "throttled": 0, "failed": 0}
    assert fresh.counts() == counts


def test_a_function_that_ends_its_process(fresh: Scripted) -> None:
    assert [said(fresh.do("exit")) for _ in range(2)] == [INTERNAL, INTERNAL]
    assert fresh.do("echo").status_code == 200
    assert fresh.counts()["cold_starts"] == 3


def test_a_module_that_cannot_be_loaded(start_scripted: Any) -> None:
    with start_scripted(environment={"FAIL_TO_LOAD": "1"}) as scripted:
        assert said(scripted.do("echo")) == INTERNAL
        assert "this module cannot be loaded" in scripted.gateway.log_tail()
        assert said(scripted.do("echo")) == INTERNAL
        assert scripted.counts()["cold_starts"] == scripted.counts()["failed"] == 2
        until(lambda: scripted.gateway.worker_pids() == [])


def test_what_is_too_large_on_the_way_in_never_reaches_the_function(scripted: Scripted) -> None:
    before = scripted.counts()
    for n_bytes in (10 * 2**20 + 1, MAX_PAYLOAD_BYTES):
        answer = scripted.client.send("POST", "/tasks", b"a" * n_bytes)
        assert said(answer) == (413, {"message": "Request Entity Too Large"})
    # As base64 it is a third longer.
    binary = {"content-type": "application/octet-stream"}
    assert scripted.client.send("POST", "/tasks", b"a" * 4_900_000, binary).status_code == 413
    assert scripted.counts() == before
    assert scripted.client.send("POST", "/tasks", b"1" * 100, binary).status_code == 200


def test_what_is_too_large_on_the_way_out_is_an_internal_error(fresh: Scripted) -> None:
    assert fresh.do("large", n_bytes=MAX_PAYLOAD_BYTES - 100).status_code == 200
    assert said(fresh.do("large", n_bytes=MAX_PAYLOAD_BYTES)) == INTERNAL
    assert fresh.do("echo").status_code == 200
    assert fresh.counts()["failed"] == 1


def test_environments_without_work_are_ended(start_scripted: Any, held: Held) -> None:
    with start_scripted(idle_s=0.2) as scripted:
        (call,) = held.call(scripted)
        (pid,) = scripted.gateway.worker_pids()
        held.let_go()
        assert call.result(WAIT_S).status_code == 200
        until(lambda: scripted.gateway.worker_pids() == [])
        until(lambda: not is_alive(pid))


@pytest.mark.parametrize("violent", [False, True])
def test_nothing_is_left_behind(start_scripted: Any, held: Held, violent: bool) -> None:
    with start_scripted() as scripted:
        call, *_ = held.call(scripted, 2)
        pids = [scripted.gateway.pid, *scripted.gateway.worker_pids()]
        if violent:
            os.kill(scripted.gateway.pid, signal.SIGKILL)
            held.let_go()
        else:
            scripted.gateway.stop()
            assert said(call.result(WAIT_S)) == UNAVAILABLE
    assert len(pids) == 3
    until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_taken_port_is_named(scripted: Scripted, start_scripted: Any) -> None:
    port = int(scripted.gateway.endpoint.rpartition(":")[2])
    with (
        pytest.raises(RuntimeError, match=f"Cannot listen on port {port}"),
        start_scripted(port=port),
    ):
        pass
