"""The dispatcher in a loop of the test's own, for moments that real time rarely hits."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from compute_lambda import FitResult, FitTask, fit
from dashboard.aws.signing import Signer
from dashboard.backends import TaskFailure, TaskStarted
from dashboard.backends.api import answers
from dashboard.backends.api.congestion import Window
from dashboard.backends.api.connection import Answer
from dashboard.backends.api.connections import Transport
from dashboard.backends.api.dispatcher import Dispatcher
from dashboard.backends.api.endpoint import Endpoint
from dashboard.backends.api.uploads import Uploads
from dashboard.backends.api.work import Run, Work
from dashboard.planning.prices import Prices
from dashboard.planning.spending import Budget
from tests.dashboard.backends.api.conftest import CREDENTIALS, QUICK
from tests.dashboard.backends.made_up_tasks import GOOD, TASK, ids, many, table
from tests.waiting import WAIT_S


class Silent:
    """Takes requests and never answers."""

    def __init__(self) -> None:
        self.n_requests = 0

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        self.n_requests += 1
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None: ...


class Refusing(Silent):
    """Answers every request with a status that nobody expects."""

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        return Answer(418, {}, b"no")


def made(transport: Transport) -> tuple[Dispatcher, Run]:
    endpoint = Endpoint(
        "http://127.0.0.1:1",
        Signer(CREDENTIALS, "x"),
        max_connections=4,
        timeout_s=WAIT_S,
        transport=transport,
    )
    dispatcher = Dispatcher(endpoint, Window(4), QUICK, Prices.of("arm64"), 1_769, rng=Random(1))
    uploads = Uploads(None, ThreadPoolExecutor(1), lambda: False)
    run = Run(threading.Event(), Budget(1.0), uploads, now=0.0)
    dispatcher.add(run)
    return dispatcher, run


def works(n: int) -> list[Work]:
    return [Work.of(task) for task in many(n)]


@pytest.mark.parametrize("n_steps", [0, 1, 2, 5])
def test_dropped_however_far_its_requests_are(n_steps: int) -> None:
    transport = Silent()
    dispatcher, run = made(transport)

    async def scenario() -> None:
        dispatcher.offer(run, works(10))
        for _ in range(n_steps):
            await asyncio.sleep(0)
        await dispatcher.drop(run)

    asyncio.run(scenario())
    assert dispatcher._n_in_flight == run.n_in_flight == run.budget._n_reserved == 0
    assert dispatcher._tasks == {}
    assert transport.n_requests <= run.budget.usage.n_requests == 4
    kinds = {type(event) for event in iter_events(run)}
    assert kinds <= {TaskStarted}  # no outcome: as if they had never been sent


def iter_events(run: Run) -> list[object]:
    found = []
    while not run.events.empty():
        event = run.events.get_nowait()
        if event is not None:
            found.append(event)
    return found


def test_a_fault_of_ours_fails_the_task_and_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The program's own error, in the middle of dealing with an answer."""

    dispatcher, run = made(Refusing())
    tasks = works(3)
    fail = dispatcher._fail

    def broken(run: Run, work: Work, error: dict) -> None:
        if work is tasks[1] and error["code"] != "internal":
            raise RuntimeError("/secret/inside")
        fail(run, work, error)

    monkeypatch.setattr(dispatcher, "_fail", broken)

    async def scenario() -> None:
        dispatcher.offer(run, tasks)
        async with asyncio.timeout(WAIT_S):
            while run.n_in_flight:
                await asyncio.sleep(0)

    asyncio.run(scenario())
    failed = [event for event in iter_events(run) if isinstance(event, TaskFailure)]
    codes = {event.task_id: event.error["code"] for event in failed}
    first, second, third = ids(many(3))
    assert codes == {first: "refused", second: "internal", third: "refused"}
    assert len(failed) == 3
    (shown,) = [event.error for event in failed if event.error["code"] == "internal"]
    assert "secret" not in str(shown)
    assert shown["request_id"] in shown["message"]
    assert shown["request_id"] in caplog.text
    assert dispatcher._n_in_flight == run.budget._n_reserved == 0


def test_an_answer_that_breaks_the_program_fails_its_task(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception that nobody thought of, while an answer is read: the job must still end."""

    read, n_read = answers.read, 0

    def broken(reply: answers.Reply, task: FitTask, task_id: str) -> FitResult | answers.Problem:
        nonlocal n_read
        n_read += 1
        if n_read == 2:
            raise SystemError("/secret/inside")
        return read(reply, task, task_id)

    monkeypatch.setattr(answers, "read", broken)
    dispatcher, run = made(Refusing())

    async def scenario() -> None:
        dispatcher.offer(run, works(3))
        async with asyncio.timeout(WAIT_S):
            while run.n_in_flight:
                await asyncio.sleep(0)

    asyncio.run(scenario())
    failed = [event for event in iter_events(run) if isinstance(event, TaskFailure)]
    assert sorted(event.error["code"] for event in failed) == ["internal", "refused", "refused"]
    assert "secret" not in str([event.error for event in failed])
    assert "/secret/inside" in caplog.text
    assert run.budget.usage.n_requests == 3
    assert dispatcher._n_in_flight == run.budget._n_reserved == 0


def test_a_fault_while_learning_from_an_answer_loses_no_task_and_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dispatcher, run = made(Refusing())
    answered, n_answers = dispatcher._window.answered, 0

    def broken(n_in_flight: int) -> None:
        nonlocal n_answers
        n_answers += 1
        if n_answers == 2:
            raise OverflowError("cannot convert float infinity to integer")
        answered(n_in_flight)

    monkeypatch.setattr(dispatcher._window, "answered", broken)

    async def scenario() -> None:
        dispatcher.offer(run, works(9))
        async with asyncio.timeout(WAIT_S):
            while run.n_in_flight:
                await asyncio.sleep(0)

    asyncio.run(scenario())
    failed = [event for event in iter_events(run) if isinstance(event, TaskFailure)]
    assert sorted(event.error["code"] for event in failed) == ["internal"] + 8 * ["refused"]
    assert dispatcher._n_in_flight == run.budget._n_reserved == 0


def test_no_answer_bills_more_than_lambda_grants() -> None:
    dispatcher, run = made(Silent())
    result = fit(TASK, table(GOOD))
    endless = dataclasses.replace(result.invocation, run_ms=9e8, memory_mb=2**31 - 1)
    usage = dispatcher._usage(run, dataclasses.replace(result, invocation=endless), 20.0)
    assert (usage.n_requests, usage.billed_ms) == (1, 900_000)
    assert usage.usd == Prices.of("arm64").cost_usd(900_000, 10_240, 1)
