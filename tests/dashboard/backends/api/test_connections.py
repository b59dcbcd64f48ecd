"""Connections are kept, reused, and given up when something went wrong on them."""

from __future__ import annotations

import threading

import httpx
import pytest

from dashboard.backends.api import connection
from dashboard.backends.api.connections import proxy_of
from tests.dashboard.backends.api.conftest import MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import Fault, ScriptedEndpoint
from tests.dashboard.backends.made_up_tasks import TASK, failures, ids, many, outcomes
from tests.waiting import until

WORLD = httpx.URL("https://abc.execute-api.eu-central-1.amazonaws.com/fit")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


def test_no_more_connections_than_requests_in_flight(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    backend = make(max_in_flight=4)
    for _ in range(2):
        done, failed = outcomes(list(backend.run(many(40), threading.Event())))
        assert (len(done), failed) == (40, {})
    assert 1 <= len(endpoint.connections) <= 4


def test_statuses_keep_the_connection_and_broken_ones_are_replaced(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    backend = make(max_in_flight=1)
    endpoint.script = lambda seen: Fault("status", 500) if seen.repeat == 0 else Fault()
    outcomes(list(backend.run(many(5), threading.Event())))
    assert len(endpoint.connections) == 1
    endpoint.script = lambda seen: Fault("reset") if seen.number == 12 else Fault()
    done, failed = outcomes(list(backend.run(many(25)[5:], threading.Event())))
    assert (set(done), failed) == (set(ids(many(25)[5:])), {})
    assert len(endpoint.connections) == 2


def test_a_connection_that_the_endpoint_closed_meanwhile_costs_no_attempt(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    backend = make(max_in_flight=3)
    list(backend.run(many(6), threading.Event()))
    first = set(endpoint.connections)
    endpoint.close_connections()
    idle = backend._dispatcher._endpoint._transport._idle  # type: ignore[attr-defined]
    until(lambda: all(connection.has_expired() for connection in idle), "the news has arrived")
    events = list(backend.run(many(12)[6:], threading.Event()))
    assert {event.attempts for event in events if hasattr(event, "attempts")} == {1}
    assert set(endpoint.arrived.values()) == {1}
    assert len(endpoint.seen) == 12
    assert endpoint.connections - first


def test_an_endpoint_that_closes_after_every_answer(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    endpoint.script = lambda _: Fault(headers={"connection": "close"})
    events = list(make(max_in_flight=2).run(many(8), threading.Event()))
    done, failed = outcomes(events)
    assert (len(done), failed) == (8, {})
    assert endpoint.arrived == dict.fromkeys(ids(many(8)), 1)
    assert len(endpoint.connections) == 8


def test_an_endless_answer_is_cut_off(
    endpoint: ScriptedEndpoint, make: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 100_000)
    endpoint.script = lambda _: Fault("body", body=b"[" + b"1," * 1_000_000)
    (failure,) = failures(list(make().run([TASK], threading.Event()))).values()
    assert failure.error["code"] == "malformed_answer"
    assert failure.error["details"]["n_bytes"] < 400_000


@pytest.mark.parametrize(
    ("environment", "address", "expected"),
    [
        ({}, WORLD, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, WORLD, "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, WORLD, "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, WORLD, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "amazonaws.com"}, WORLD, None),
        ({"HTTP_PROXY": "http://p:1"}, httpx.URL("http://127.0.0.1:5/fit"), None),
        ({"HTTP_PROXY": "http://p:1"}, httpx.URL("http://localhost:5/fit"), None),
    ],
)
def test_proxies_of_the_environment(
    environment: dict[str, str],
    address: httpx.URL,
    expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxy = proxy_of(address)
    assert (None if proxy is None else str(proxy.url)) == expected
