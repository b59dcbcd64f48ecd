"""What is sent when money or patience ends: nothing new, and nothing that was sent is lost."""

from __future__ import annotations

import dataclasses
import math
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from compute_lambda import FitResult
from dashboard.backends import TaskEvent
from dashboard.backends.api import ApiBackend, Retrying
from dashboard.backends.api import backend as backend_module
from dashboard.planning.prices import Prices
from dashboard.planning.spending import Budget, Usage
from tests.dashboard.backends.api.conftest import MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import (
    MEMORY_MB,
    WAIT_S,
    Fault,
    ScriptedEndpoint,
)
from tests.dashboard.backends.made_up_tasks import TASK, failures, ids, many, outcomes, results
from tests.waiting import until

PRICES = Prices.of("arm64")


def billed_as(ms: float) -> Fault:
    """A good answer that reports to have run for so long: exact prices."""

    def edit(raw: dict) -> dict:
        parts = {"startup_ms": ms / 2, "read_ms": ms / 4, "run_ms": ms / 4}
        return {**raw, "invocation": {**raw["invocation"], **parts}}

    return Fault("edit", edit=edit)


def billed_ms(result: FitResult) -> int:
    ran = result.invocation
    return math.ceil(ran.startup_ms + ran.read_ms + ran.run_ms)


def test_usage_is_what_the_answers_report_and_every_request(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    # 429: turned away before anything ran.
    endpoint.script = lambda seen: Fault("status", 429) if seen.repeat < 2 else Fault()
    budget = Budget()
    done = results(list(backend.run(many(8), threading.Event(), budget)))
    total_ms = sum(billed_ms(result) for result in done.values())
    assert budget.usage.n_requests == 24 == len(endpoint.seen)
    assert budget.usage.billed_ms == total_ms
    assert budget.usage.usd == pytest.approx(PRICES.cost_usd(total_ms, MEMORY_MB, 24))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 500, delay_s=0.2),
        Fault("status", 502, delay_s=0.2),
        Fault("body", body=b'{"half":', delay_s=0.2),
        Fault("reset", delay_s=0.2),
    ],
    ids=lambda fault: f"{fault.kind}{fault.status}",
)
def test_a_function_that_does_not_say_how_long_it_ran_is_billed_for_the_wait(
    fault: Fault, endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    endpoint.script = lambda seen: fault if seen.repeat == 0 else billed_as(4.0)
    budget = Budget()
    assert len(results(list(backend.run(many(3), threading.Event(), budget)))) == 3
    assert budget.usage.n_requests == 6
    assert budget.usage.billed_ms >= 3 * (200 + 4)


def test_milliseconds_are_rounded_up(endpoint: ScriptedEndpoint, backend: ApiBackend) -> None:
    endpoint.script = lambda _: billed_as(10.004)
    budget = Budget()
    list(backend.run(many(3), threading.Event(), budget))
    assert budget.usage == Usage(3, 33, pytest.approx(PRICES.cost_usd(33, MEMORY_MB, 3)))


@pytest.mark.parametrize("in_flight", [1, 8])
def test_the_cap_stops_sending_and_keeps_what_was_sent(
    in_flight: int, endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    """Every request costs the same, so how many the cap allows is known exactly."""
    endpoint.script = lambda _: billed_as(1_000.0)
    one_usd = PRICES.cost_usd(1_000, MEMORY_MB, 1)
    budget = Budget(cap_usd=25.5 * one_usd)
    tasks = many(100)
    backend = make(max_in_flight=in_flight)
    done, failed = outcomes(list(backend.run(tasks, threading.Event(), budget)))
    assert failed == {}
    assert len(done) == len(endpoint.seen) == 25
    assert budget.exhausted
    assert budget.usage.n_requests == 25
    assert budget.usage.usd == pytest.approx(25 * one_usd)
    # Raised: what is missing is sent, nothing twice.
    raised = Budget(cap_usd=200 * one_usd, spent=budget.usage)
    missing = [task for task in tasks if task.task_id not in done]
    more, failed = outcomes(list(backend.run(missing, threading.Event(), raised)))
    assert set(done) | set(more) == set(ids(tasks))
    assert failed == {}
    assert endpoint.arrived == dict.fromkeys(ids(tasks), 1)
    assert raised.usage.n_requests == 100
    assert not raised.exhausted


def test_a_cap_below_one_request_sends_nothing(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    budget = Budget(cap_usd=1e-9)
    assert list(backend.run(many(5), threading.Event(), budget)) == []
    assert endpoint.seen == []
    assert budget.exhausted


def test_requests_that_turn_out_cheap_make_room(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    """Before the first answer a request is taken for a long one; that does not end the run."""
    endpoint.script = lambda _: billed_as(4.0)
    guess_usd = PRICES.cost_usd(1_000, MEMORY_MB, 1)
    budget = Budget(cap_usd=2.5 * guess_usd)
    done = results(list(make(max_in_flight=20).run(many(40), threading.Event(), budget)))
    assert len(done) == 40
    assert not budget.exhausted


def test_failures_cost_too_and_stop_at_the_cap(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    endpoint.script = lambda _: Fault("status", 413)
    request_usd = PRICES.cost_usd(0, MEMORY_MB, 1)
    guess_usd = PRICES.cost_usd(1_000, MEMORY_MB, 1)
    budget = Budget(cap_usd=guess_usd + 7 * request_usd)
    events = list(make(max_in_flight=1).run(many(50), threading.Event(), budget))
    assert results(events) == {}
    assert len(endpoint.seen) == budget.usage.n_requests == 8
    assert budget.exhausted
    assert set(failures(events)) <= set(ids(many(50)))


class Job:
    """A run in a thread of its own; `stop` is what a person does."""

    def __init__(self, backend: ApiBackend, n: int, threads: ThreadPoolExecutor) -> None:
        self.cancelled = threading.Event()
        self.budget = Budget()
        self.events: Future[list[TaskEvent]] = threads.submit(
            lambda: list(backend.run(many(n), self.cancelled, self.budget))
        )


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_cancelled_with_everything_in_flight_broken(
    endpoint: ScriptedEndpoint, make: MakeBackend, threads: ThreadPoolExecutor
) -> None:
    """Requests that would be sent again are not; those that were good are recorded."""
    endpoint.script = lambda seen: Fault("status", 500) if seen.number % 2 else Fault()
    endpoint.gate.clear()
    job = Job(make(max_in_flight=6), 40, threads)
    until(lambda: len(endpoint.seen) == 6, "six are in flight")
    job.cancelled.set()
    endpoint.gate.set()
    done, failed = outcomes(job.events.result(WAIT_S))
    assert failed == {}
    assert set(done) == {seen.task.task_id for seen in endpoint.seen if seen.number % 2 == 0}
    assert len(endpoint.seen) == 6
    assert job.budget.usage.n_requests == 6


def test_cancelled_answers_that_do_not_come_are_not_waited_for(
    endpoint: ScriptedEndpoint,
    make: MakeBackend,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend_module, "STOP_TIMEOUT_S", 0.3)
    endpoint.gate.clear()
    backend = make(max_in_flight=5)
    job = Job(backend, 40, threads)
    until(lambda: len(endpoint.seen) == 5, "five are in flight")
    job.cancelled.set()
    events = job.events.result(WAIT_S)
    assert outcomes(events) == ({}, {})
    assert len(endpoint.seen) == 5
    # They were sent, go on where they are, and will be billed.
    assert job.budget.usage.n_requests == 5
    assert job.budget.usage.billed_ms >= 5 * 300
    endpoint.gate.set()
    # The connections that were given up do no harm to the next run.
    assert len(results(list(backend.run(many(50)[40:], threading.Event())))) == 10


def test_cancelled_while_tasks_wait_for_their_next_attempt(
    endpoint: ScriptedEndpoint, make: MakeBackend, threads: ThreadPoolExecutor
) -> None:
    endpoint.script = lambda _: Fault("status", 500)
    slow = Retrying(first_backoff_s=1_000.0, longest_backoff_s=1_000.0)
    job = Job(make(max_in_flight=5, retrying=slow), 10, threads)
    until(lambda: len(endpoint.seen) == 10, "all have been tried once")
    job.cancelled.set()
    assert outcomes(job.events.result(WAIT_S)) == ({}, {})
    assert len(endpoint.seen) == 10


def test_unfinished_fits_are_dropped_on_cancel(
    endpoint: ScriptedEndpoint, make: MakeBackend, threads: ThreadPoolExecutor
) -> None:
    endpoint.script = lambda _: Fault("stop")
    endpoint.gate.clear()
    backend = make(max_in_flight=2)
    cancelled = threading.Event()
    long = [dataclasses.replace(TASK, n_clusters=(2, 4), seed=seed) for seed in range(4)]
    events = threads.submit(lambda: list(backend.run(long, cancelled)))
    until(lambda: len(endpoint.seen) == 2, "two are in flight")
    cancelled.set()
    endpoint.gate.set()
    assert outcomes(events.result(WAIT_S)) == ({}, {})
    assert len(endpoint.seen) == 2


def test_closing_twice_and_before_the_start(make: MakeBackend) -> None:
    backend = make()
    backend.close()
    backend.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(backend.run(many(1), threading.Event()))


def test_runs_given_up_at_any_moment_leave_no_trace(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    """Whatever had begun is counted once and makes room again, also what was just beginning."""
    backend = make(max_in_flight=3)
    budgets = [Budget(1.0) for _ in range(60)]
    for n_events, budget in enumerate(budgets):
        events = backend.run(many(6), threading.Event(), budget)
        for _ in range(n_events % 7):
            next(events)
        events.close()  # type: ignore[attr-defined]
    assert [budget._n_reserved for budget in budgets] == [0] * 60
    assert backend._dispatcher._n_in_flight == 0
    assert backend._dispatcher._tasks == {}
    assert len(results(list(backend.run(many(9), threading.Event())))) == 9
    assert len(endpoint.seen) <= sum(budget.usage.n_requests for budget in budgets) + 9
