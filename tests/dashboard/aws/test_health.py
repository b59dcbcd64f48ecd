"""The health of the endpoint: what it says, what is wrong with it, and how often it is asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from compute_lambda import gateway
from compute_lambda.contract.errors import HttpError
from compute_lambda.contract.version import CONTRACT_VERSION, WIRE_VERSION
from dashboard.aws.health import EndpointHealth, Health, HealthMonitor
from dashboard.aws.problems import AwsProblem
from tests.waiting import WAIT_S, until

WELL = {
    "status": "ok",
    "contract_version": CONTRACT_VERSION,
    "wire_version": WIRE_VERSION,
    "kernel": "c-avx2",
    "cold": True,
    "startup_ms": 92.5,
    "memory_mb": 1769,
    "worker": "w",
}


class Signed(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["authorization"] = "signed"
        yield request


def asked(respond: Any) -> Health:
    transport = httpx.MockTransport(respond)
    return EndpointHealth("https://x.test", Signed(), transport=transport, clock=lambda: 7.0)()


def test_a_healthy_endpoint_says_what_it_is() -> None:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=WELL)

    health = asked(respond)
    assert (health.checked_at, health.kernel, health.memory_mb) == (7.0, "c-avx2", 1769)
    assert (health.cold, health.startup_ms, health.problem) == (True, 92.5, None)
    assert [str(request.url) for request in requests] == ["https://x.test/health"]
    assert requests[0].headers["authorization"] == "signed"


def failing(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("respond", "code"),
    [
        (lambda _: httpx.Response(403, json={"message": "Forbidden"}), "no_rights"),
        (lambda _: httpx.Response(503), "aws_unavailable"),
        (lambda _: httpx.Response(404), "not_found"),
        (failing, "unreachable"),
        (lambda _: httpx.Response(200, text="<html>"), "wrong_endpoint"),
        (lambda _: httpx.Response(200, json=["ok"]), "wrong_endpoint"),
        (lambda _: httpx.Response(200, json=WELL | {"startup_ms": "x"}), "wrong_endpoint"),
        (lambda _: httpx.Response(200, json=WELL | {"startup_ms": None}), "wrong_endpoint"),
        (lambda _: httpx.Response(200, json=WELL | {"memory_mb": [1]}), "wrong_endpoint"),
        (lambda _: httpx.Response(200, json=WELL | {"cold": "no"}), "wrong_endpoint"),
        (lambda _: httpx.Response(200, json=WELL | {"kernel": {}}), "wrong_endpoint"),
        (lambda _: httpx.Response(200, text="[" * 100_000), "wrong_endpoint"),
        (
            lambda _: httpx.Response(200, json=WELL | {"contract_version": 99}),
            "other_release",
        ),
        (lambda _: httpx.Response(500, json={"error": "odd"}), "aws_unavailable"),
        (lambda _: httpx.Response(500, json={"error": {"code": 1}}), "aws_unavailable"),
        (lambda _: httpx.Response(500, json=["error"]), "aws_unavailable"),
    ],
)
def test_what_is_wrong_has_a_code_and_a_sentence(respond: Any, code: str) -> None:
    with pytest.raises(AwsProblem) as caught:
        asked(respond)
    assert caught.value.code == code
    assert caught.value.message.startswith("While asking https://x.test for its health: ")


def test_what_the_function_says_of_itself_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    incomplete = HttpError(500, "incomplete", "Expected NumPy, found none. Build it again.")
    body = gateway.error_answer(incomplete, "r-1")["body"]

    def ask() -> Health:
        return asked(lambda _: httpx.Response(500, text=body))

    health = HealthMonitor(ask).latest(WAIT_S)
    assert health is not None
    assert health.problem is not None
    assert health.problem.code == "incomplete"
    assert health.problem.message == (
        "While asking https://x.test for its health: Expected NumPy, found none. Build it again."
    )
    assert health.problem.details == {"came": 500, "where": "x.test"}
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


def test_a_foreign_answer_leaves_no_stack_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    foreign = WELL | {"startup_ms": "x", "memory_mb": [1]}
    monitor = HealthMonitor(lambda: asked(lambda _: httpx.Response(200, json=foreign)))
    health = monitor.latest(WAIT_S)
    assert health is not None
    assert health.problem is not None
    assert health.problem.code == "wrong_endpoint"
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


@dataclass
class Endpoint:
    """Counts how often it is asked; answers when it is let."""

    now: float = 100.0
    n_asked: int = 0
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    problem: Exception | None = None

    def __call__(self) -> Health:
        self.n_asked += 1
        assert self.gate.acquire(timeout=WAIT_S)
        if self.problem is not None:
            raise self.problem
        return Health(self.now, kernel=f"answer {self.n_asked}")


def test_an_answer_counts_for_thirty_seconds_and_only_one_request_is_under_way() -> None:
    endpoint = Endpoint()
    monitor = HealthMonitor(endpoint, clock=lambda: endpoint.now)
    assert monitor.latest() is None
    assert monitor.latest() is None
    endpoint.gate.release()
    first = monitor.latest(WAIT_S)
    assert first is not None
    assert first.kernel == "answer 1"
    endpoint.now += 29.9
    assert monitor.latest() is first
    assert endpoint.n_asked == 1
    endpoint.now += 0.1
    # Nobody waits: the old answer is shown until the new one is there.
    assert monitor.latest() is first
    endpoint.gate.release()
    until(lambda: monitor.latest() is not first, "the new answer is there")
    assert endpoint.n_asked == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [(AwsProblem("no_rights", "No."), "no_rights"), (RuntimeError("odd"), "unexpected")],
)
def test_a_problem_is_an_answer_too(error: Exception, code: str) -> None:
    endpoint = Endpoint(problem=error)
    endpoint.gate.release()
    health = HealthMonitor(endpoint, clock=lambda: endpoint.now).latest(WAIT_S)
    assert health is not None
    assert health.problem is not None
    assert health.problem.code == code
