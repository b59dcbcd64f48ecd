"""Faults after which nothing more can be sent: the rest fails at once, with one sentence."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError, NoCredentialsError

from dashboard.backends.api import Retrying
from dashboard.planning.spending import Budget
from tests.dashboard.backends.api.conftest import QUICK, MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import Fault, ScriptedEndpoint, Seen
from tests.dashboard.backends.made_up_tasks import failures, ids, many, outcomes, write_tables
from tests.waiting import WAIT_S

IN_FLIGHT = 4


def forbidden(message: str, error_type: str = "") -> Fault:
    headers = {"x-amzn-errortype": error_type} if error_type else {}
    return Fault("status", status=403, body=f'{{"message":"{message}"}}'.encode(), headers=headers)


def the_error(failed: dict[str, Any]) -> dict[str, Any]:
    """The one error that all failures have."""
    errors = [failure.error for failure in failed.values()]
    assert len({(error["code"], error["message"]) for error in errors}) == 1
    return errors[0]


def run_with_the_door_closed_after(
    n_good: int, fault: Fault, endpoint: ScriptedEndpoint, make: MakeBackend, n: int = 300
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run `n` tasks of which the first `n_good` arrivals are served; every task has its outcome."""
    tasks = many(n)
    endpoint.script = lambda seen: Fault() if seen.number < n_good else fault
    backend = make(max_in_flight=IN_FLIGHT)
    budget = Budget()
    done, failed = outcomes(list(backend.run(tasks, threading.Event(), budget)))
    assert len(done) == n_good
    assert set(done) | set(failed) == set(ids(tasks))
    # Besides the first to be turned away, at most those in flight at that moment were sent.
    assert n_good < len(endpoint.seen) <= n_good + IN_FLIGHT
    assert max(endpoint.arrived.values()) == 1
    assert budget.usage.n_requests == len(endpoint.seen)
    return done, failed


@pytest.mark.parametrize(
    "fault",
    [
        forbidden("The security token included in the request is expired"),
        forbidden("Forbidden", "ExpiredTokenException"),
    ],
)
def test_credentials_that_expire_in_the_middle(
    fault: Fault, endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    _, failed = run_with_the_door_closed_after(10, fault, endpoint, make)
    error = the_error(failed)
    assert error["code"] == "expired_credentials"
    assert "the AWS credentials have expired. Get new ones" in error["message"]
    assert set(error) == {"code", "message", "details", "request_id"}


def test_no_rights(endpoint: ScriptedEndpoint, make: MakeBackend) -> None:
    _, failed = run_with_the_door_closed_after(0, forbidden("Forbidden"), endpoint, make)
    error = the_error(failed)
    assert error["code"] == "no_rights"
    assert "Ask for the right `execute-api:Invoke`" in error["message"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("The request signature we calculated does not match", "wrong_credentials"),
        ("The security token included in the request is invalid.", "wrong_credentials"),
    ],
)
def test_a_key_that_is_none(
    message: str, code: str, endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    _, failed = run_with_the_door_closed_after(3, forbidden(message), endpoint, make)
    assert the_error(failed)["code"] == code


def test_an_address_without_the_route(endpoint: ScriptedEndpoint, make: MakeBackend) -> None:
    missing = Fault("status", status=404, body=b'{"message":"Not Found"}')
    _, failed = run_with_the_door_closed_after(0, missing, endpoint, make)
    assert the_error(failed)["code"] == "not_found"


@pytest.mark.parametrize("code", ["not_configured", "incomplete"])
def test_a_function_that_is_not_whole(
    code: str, endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    error = {"code": code, "message": "Set it.", "details": {}, "request_id": "r"}
    body = json.dumps({"error": error}).encode()
    _, failed = run_with_the_door_closed_after(0, Fault("status", 500, body), endpoint, make)
    assert the_error(failed) == error


@pytest.mark.parametrize("kind", [Fault("status", 500), Fault("status", 429), Fault("reset")])
def test_what_would_be_sent_again_fails_with_the_rest(
    kind: Fault, endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    """Refused while others are waiting for their next attempt, for ever so long."""
    slow = Retrying(first_backoff_s=0.5, longest_backoff_s=0.5)
    backend = make(max_in_flight=1, retrying=slow)
    endpoint.script = lambda seen: kind if seen.number < 3 else forbidden("Forbidden")
    done, failed = outcomes(list(backend.run(many(40), threading.Event())))
    assert (done, set(failed)) == ({}, set(ids(many(40))))
    assert the_error(failed)["code"] == "no_rights"
    assert len(endpoint.seen) == 4


def test_the_next_run_with_new_credentials_goes_on(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    """What failed is sent again by the same backend, once its credentials are good again."""
    expired = forbidden("The security token included in the request is expired")
    endpoint.script = lambda seen: (
        Fault() if "Credential=AKIDNEW" in seen.headers["authorization"] else expired
    )
    keys = [ReadOnlyCredentials("AKIDOLD", "secret", None)]
    backend = make(credentials=lambda: keys[-1])
    tasks = many(12)
    done, failed = outcomes(list(backend.run(tasks, threading.Event())))
    assert (done, len(failed)) == ({}, 12)
    keys.append(ReadOnlyCredentials("AKIDNEW", "other", "token"))
    done, failed = outcomes(list(backend.run(tasks, threading.Event())))
    assert (len(done), failed) == (12, {})


def test_a_key_renewed_while_the_request_was_on_its_way_is_used(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    keys = [ReadOnlyCredentials("AKIDOLD", "secret", None)]

    def script(seen: Seen) -> Fault:
        if "Credential=AKIDNEW" in seen.headers["authorization"]:
            return Fault()
        keys.append(ReadOnlyCredentials("AKIDNEW", "other", None))
        return forbidden("The security token included in the request is expired")

    endpoint.script = script
    backend = make(credentials=lambda: keys[-1], max_in_flight=1)
    tasks = many(5)
    done, failed = outcomes(list(backend.run(tasks, threading.Event())))
    assert (set(done), failed) == (set(ids(tasks)), {})
    assert Counter(endpoint.arrived.values()) == {2: 1, 1: 4}


def test_credentials_are_renewed_in_time_and_not_in_the_loop(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    refreshed_in: list[str] = []

    def refresh() -> dict[str, str]:
        refreshed_in.append(threading.current_thread().name)
        return {
            "access_key": "AKIDNEW",
            "secret_key": "other",
            "token": "session",
            "expiry_time": "2099-01-01T00:00:00Z",
        }

    credentials = RefreshableCredentials.create_from_metadata(
        {**refresh(), "access_key": "AKIDOLD", "expiry_time": "2020-01-01T00:00:00Z"},
        refresh,
        "test",
    )
    refreshed_in.clear()
    done, failed = outcomes(list(make(credentials=credentials).run(many(6), threading.Event())))
    assert (len(done), failed) == (6, {})
    assert len(refreshed_in) == 1
    assert "api-backend" not in refreshed_in[0]
    assert {seen.headers["x-amz-security-token"] for seen in endpoint.seen} == {"session"}
    assert all("Credential=AKIDNEW/" in seen.headers["authorization"] for seen in endpoint.seen)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CredentialRetrievalError(provider="sso", error_msg="expired"), "expired_credentials"),
        (NoCredentialsError(), "missing_credentials"),
    ],
)
def test_credentials_that_cannot_be_renewed(
    error: Exception, code: str, endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    n_asked = iter(range(10_000))

    def frozen() -> Any:
        if next(n_asked) >= 5:
            raise error
        return ReadOnlyCredentials("AKID", "secret", None)

    tasks = many(50)
    done, failed = outcomes(
        list(make(credentials=frozen, max_in_flight=1).run(tasks, threading.Event()))
    )
    assert (len(done), len(failed)) == (5, 45)
    assert the_error(failed)["code"] == code
    assert len(endpoint.seen) == 5


def test_credentials_whose_renewal_does_not_end(
    endpoint: ScriptedEndpoint, make: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.aws.signing.RENEWAL_S", 0.1)
    released = threading.Event()

    class Hanging:
        def refresh_needed(self) -> bool:
            return True

        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            assert released.wait(WAIT_S)
            return ReadOnlyCredentials("AKID", "secret", None)

    try:
        events = list(make(credentials=Hanging()).run(many(30), threading.Event()))
    finally:
        released.set()
    done, failed = outcomes(events)
    assert (done, len(failed)) == ({}, 30)
    assert the_error(failed)["code"] == "expired_credentials"
    assert endpoint.seen == []


def test_no_credentials_at_all(endpoint: ScriptedEndpoint, make: MakeBackend) -> None:
    failed = failures(list(make(credentials=None).run(many(3), threading.Event())))
    assert the_error(failed)["code"] == "missing_credentials"
    assert endpoint.seen == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_endpoint_out_of_reach(make: MakeBackend) -> None:
    patience = Retrying(first_backoff_s=0.01, longest_backoff_s=0.05, unreachable_patience_s=0.2)
    backend = make(endpoint=f"http://127.0.0.1:{free_port()}", retrying=patience)
    tasks = many(100)
    began = time.monotonic()
    done, failed = outcomes(list(backend.run(tasks, threading.Event())))
    # Not a measure of speed: so much longer is the patience that nobody has set.
    assert time.monotonic() - began < Retrying().unreachable_patience_s
    assert (done, set(failed)) == ({}, set(ids(tasks)))
    error = the_error(failed)
    assert error["code"] == "unreachable"
    assert "there is no connection to 127.0.0.1" in error["message"]
    assert "Rerun the failed tasks later." in error["message"]


def test_an_endpoint_that_comes_late_costs_no_attempt(tmp_path: Path, make: MakeBackend) -> None:
    write_tables(tmp_path)
    port = free_port()
    patience = Retrying(max_attempts=1, first_backoff_s=0.01, longest_backoff_s=0.05)
    backend = make(endpoint=f"http://127.0.0.1:{port}", retrying=patience)
    events = backend.run(many(10), threading.Event())
    found = [next(events) for _ in range(5)]  # five tasks have been tried
    with ScriptedEndpoint(tmp_path, port=port) as endpoint:
        found += list(events)
        done, failed = outcomes(found)
        assert (set(done), failed) == (set(ids(many(10))), {})
        assert endpoint.arrived == dict.fromkeys(ids(many(10)), 1)
    assert {event.attempts for event in found if hasattr(event, "attempts")} == {1}


@pytest.mark.parametrize("address", ["http://[::1", "http://127.0.0.1:port", "gopher://x", "x"])
def test_an_address_that_is_none(address: str, make: MakeBackend) -> None:
    backend = make(endpoint=address)
    for _ in range(2):
        with pytest.raises((httpx.InvalidURL, httpx.UnsupportedProtocol)):
            list(backend.run(many(1), threading.Event()))


def test_an_endpoint_that_serves_nobody_for_too_long(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    endpoint.script = lambda _: Fault("status", status=429)
    patience = Retrying(first_backoff_s=0.01, longest_backoff_s=0.05, busy_patience_s=0.3)
    tasks = many(100)
    done, failed = outcomes(list(make(retrying=patience).run(tasks, threading.Event())))
    assert (done, set(failed)) == ({}, set(ids(tasks)))
    error = the_error(failed)
    assert error["code"] == "throttled"
    assert "got HTTP 429" in error["message"]
    assert {failure.attempts for failure in failed.values()} == {1}


def test_a_task_that_alone_is_turned_away(endpoint: ScriptedEndpoint, make: MakeBackend) -> None:
    tasks = many(30)
    unlucky = tasks[0].task_id
    endpoint.script = lambda seen: (
        Fault("status", status=429) if seen.task.task_id == unlucky else Fault()
    )
    patience = Retrying(first_backoff_s=0.01, longest_backoff_s=0.02, task_patience_s=0.1)
    done, failed = outcomes(list(make(retrying=patience).run(tasks, threading.Event())))
    assert set(failed) == {unlucky}
    assert failed[unlucky].error["code"] == "throttled"
    assert set(done) == set(ids(tasks)) - {unlucky}


def test_turned_away_often_but_served_in_the_end(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    """More often than there are attempts: being turned away uses none of them up."""
    endpoint.script = lambda seen: Fault("status", 503) if seen.repeat < 12 else Fault()
    backend = make(credentials=Credentials("AKID", "secret"), retrying=QUICK)
    events = list(backend.run(many(3), threading.Event()))
    done, failed = outcomes(events)
    assert (len(done), failed) == (3, {})
    assert set(endpoint.arrived.values()) == {13}
    assert {event.attempts for event in events if hasattr(event, "attempts")} == {1}
