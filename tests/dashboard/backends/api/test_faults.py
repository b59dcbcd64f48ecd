"""Every fault of the endpoint, with exact counts: no task is lost, none comes twice.

Scripts decide by task and by how often it has come before, never by the order of arrival; so what
must happen to each task is known beforehand, however requests interleave.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from compute_lambda import FitTask, fit
from dashboard.backends.api import ApiBackend
from dashboard.planning.spending import Budget
from tests.dashboard.backends.api.conftest import QUICK, MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import Fault, ScriptedEndpoint, Seen
from tests.dashboard.backends.made_up_tasks import (
    GOOD,
    TASK,
    fits,
    ids,
    many,
    outcomes,
    table,
)
from tests.waiting import WAIT_S

#: Turned away: costs no attempt. Everything else is a real error.
BUSY = {429, 503}
MIX = (429, 500, 502, 503, 504, "reset")
HTML = b"<!DOCTYPE html>\n<html><head><title>502</title></head>\r\n<body>\tproxy \x00says no</body>"


def fault_of(kind: int | str) -> Fault:
    if isinstance(kind, int):
        return Fault("status", status=kind)
    return Fault(kind)


class Plan:
    """For every task the faults that it meets, one after the other, until one answer is good."""

    def __init__(self, seed: str, share: float, kinds: tuple[int | str, ...]) -> None:
        self.seed, self.share, self.kinds = seed, share, kinds

    def fault(self, task: FitTask, repeat: int) -> int | str | None:
        rng = Random(f"{self.seed} {task.seed} {repeat}")
        return rng.choice(self.kinds) if rng.random() < self.share else None

    def script(self, seen: Seen) -> Fault:
        kind = self.fault(seen.task, seen.repeat)
        return Fault() if kind is None else fault_of(kind)

    def expected(self, task: FitTask, max_attempts: int) -> tuple[int, int, bool]:
        """(requests, attempts, whether it is done): the rules, told once more."""
        n_requests = n_errors = 0
        while True:
            kind = self.fault(task, n_requests)
            n_requests += 1
            if kind is None:
                return n_requests, n_errors + 1, True
            n_errors += kind not in BUSY
            if n_errors == max_attempts:
                return n_requests, n_errors, False


def run(backend: ApiBackend, tasks: list[FitTask], budget: Budget | None = None) -> Any:
    return outcomes(list(backend.run(tasks, threading.Event(), budget)))


def check_against(plan: Plan, endpoint: ScriptedEndpoint, backend: ApiBackend, n: int) -> None:
    """Run `n` tasks and compare every count with the plan's."""
    tasks = many(n)
    budget = Budget()
    events = list(backend.run(tasks, threading.Event(), budget))
    done, failed = outcomes(events)
    expected = {task.task_id: plan.expected(task, QUICK.max_attempts) for task in tasks}
    assert {task_id: sent for task_id, (sent, _, _) in expected.items()} == endpoint.arrived
    assert set(done) == {task_id for task_id, (_, _, good) in expected.items() if good}
    assert set(failed) == {task_id for task_id, (_, _, good) in expected.items() if not good}
    attempts = {e.task_id: e.attempts for e in events if hasattr(e, "attempts")}
    assert attempts == {task_id: tries for task_id, (_, tries, _) in expected.items()}
    assert budget.usage.n_requests == len(endpoint.seen) == endpoint.arrived.total()
    assert endpoint.answered == dict.fromkeys(done, 1)
    direct = {task.task_id: fits(fit(task, table(GOOD))) for task in tasks}
    assert {task_id: fits(result) for task_id, result in done.items()} == {
        task_id: direct[task_id] for task_id in done
    }


@pytest.mark.parametrize("kind", MIX)
def test_thirty_percent_of_one_fault(
    kind: int | str, endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    plan = Plan(f"one {kind}", 0.3, (kind,))
    endpoint.script = plan.script
    check_against(plan, endpoint, backend, 40)


@pytest.mark.parametrize("seed", range(3))
def test_thirty_percent_of_any_mix(
    seed: int, endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    plan = Plan(f"mix {seed}", 0.3, MIX)
    endpoint.script = plan.script
    check_against(plan, endpoint, backend, 60)


def test_so_many_faults_that_some_tasks_fail(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    plan = Plan("most", 0.8, MIX)
    tasks = many(40)
    n_lost = sum(not plan.expected(task, QUICK.max_attempts)[2] for task in tasks)
    assert 5 < n_lost < 35  # the plan has both kinds of tasks
    endpoint.script = plan.script
    check_against(plan, endpoint, backend, 40)


@pytest.mark.parametrize("status", [500, 502, 504, 408, 301, 418])
def test_a_task_that_always_fails_leaves_the_others_alone(
    status: int, endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    tasks = many(8)
    bad = tasks[3].task_id
    answer = Fault("status", status=status, body=b'{"message":"Internal Server Error"}')
    endpoint.script = lambda seen: answer if seen.task.task_id == bad else Fault()
    done, failed = run(backend, tasks)
    n_sent = 1 if status == 418 else 6  # 418: the request is wrong, so will the next one be
    assert endpoint.arrived == {**dict.fromkeys(ids(tasks), 1), bad: n_sent}
    assert set(done) == set(ids(tasks)) - {bad}
    assert set(failed) == {bad}
    error = failed[bad].error
    assert set(error) == {"code", "message", "details", "request_id"}
    expected = f'got HTTP {status}: {{"message":"Internal Server Error"}}.'
    assert expected in error["message"]
    assert ("It was tried 6 times." in error["message"]) == (n_sent == 6)
    assert failed[bad].attempts == n_sent
    assert error["details"]["status"] == status


MALFORMED: dict[str, tuple[Fault, str]] = {
    "truncated": (
        Fault(edit=lambda raw: raw["task_id"], kind="cut"),
        "no valid JSON",
    ),
    "html": (Fault("body", body=HTML), "got no valid JSON: <!DOCTYPE html> <html><head>"),
    "empty": (Fault("body", body=b""), "got no valid JSON and nothing else"),
    "null": (Fault("body", body=b"null"), "got JSON of another shape (?): null"),
    "list": (Fault("body", body=b"[1, 2]"), "got JSON of another shape (?): [1, 2]"),
    "nested": (Fault("body", body=b"[" * 200_000), "got no valid JSON: [[[["),
    "no_utf8": (Fault("body", body=b'{"fits": "\xff\xfe"}'), "got no valid JSON: "),
    "nan": (
        Fault(edit=lambda raw: {**raw, "n_rows": float("nan")}, kind="edit"),
        "got no valid JSON: ",
    ),
    "endless_fit": (
        Fault(
            edit=lambda raw: {**raw, "invocation": {**raw["invocation"], "run_ms": 1.7e308}},
            kind="edit",
        ),
        "got JSON of another shape (invocation.run_ms)",
    ),
    "unknown_field": (
        Fault(edit=lambda raw: {**raw, "extra": 1}, kind="edit"),
        "got JSON of another shape (extra)",
    ),
    "missing_field": (
        Fault(edit=lambda raw: {k: v for k, v in raw.items() if k != "preparation"}, kind="edit"),
        "got JSON of another shape (preparation)",
    ),
    "wrong_task": (
        Fault(edit=lambda raw: {**raw, "task_id": "ab" * 32}, kind="edit"),
        "got the answer to another task, abababababababab",
    ),
    "other_k": (
        Fault(edit=lambda raw: _with_fit(raw, experiment=7), kind="edit"),
        "got fits that nobody asked for",
    ),
    "twice": (
        Fault(edit=lambda raw: {**raw, "fits": raw["fits"] * 2}, kind="edit"),
        "got fits that nobody asked for",
    ),
    "no_fits": (
        Fault(edit=lambda raw: {**raw, "fits": []}, kind="edit"),
        "got one without 1 of its parts",
    ),
}


def _with_fit(raw: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**raw, "fits": [{**raw["fits"][0], **changes}]}


def _cut(fault: Fault, task: FitTask) -> Fault:
    """ "cut": a good answer of which only the first half has come, as a whole HTTP answer."""
    if fault.kind != "cut":
        return fault
    text = json.dumps(fit(task, table(GOOD)).to_dict())
    return Fault("body", body=text[: len(text) // 2].encode())


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_answer_is_asked_for_again(
    name: str, endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    fault, _ = MALFORMED[name]
    endpoint.script = lambda seen: _cut(fault, seen.task) if seen.repeat < 2 else Fault()
    tasks = many(4)
    done, failed = run(backend, tasks)
    assert failed == {}
    assert endpoint.arrived == dict.fromkeys(ids(tasks), 3)
    assert {task_id: fits(result) for task_id, result in done.items()} == {
        task.task_id: fits(fit(task, table(GOOD))) for task in tasks
    }


@pytest.mark.parametrize("name", MALFORMED)
def test_the_final_error_says_what_came(
    name: str, endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    fault, said = MALFORMED[name]
    endpoint.script = lambda seen: _cut(fault, seen.task)
    done, failed = run(backend, [TASK])
    assert done == {}
    error = failed[TASK.task_id].error
    assert error["code"] == "malformed_answer"
    assert said in error["message"]
    assert error["message"].endswith("It was tried 6 times.")
    assert error["message"].isprintable()
    assert len(error["message"]) < 600
    assert len(error["details"].get("came", "")) <= 201
    assert endpoint.arrived == {TASK.task_id: 6}


def test_an_answer_of_another_release_stops_the_run(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    endpoint.script = lambda _: Fault(edit=lambda raw: {**raw, "contract_version": 2}, kind="edit")
    tasks = many(200)
    done, failed = run(backend, tasks)
    assert done == {}
    assert set(failed) == set(ids(tasks))
    messages = {failure.error["message"] for failure in failed.values()}
    assert len(messages) == 1
    assert "deploy the same one on both" in messages.pop()
    assert len(endpoint.seen) <= 20  # what was in flight when the first answer came


def first_time(
    late_until: threading.Event, n_tasks: int, backend: ApiBackend
) -> Callable[[Seen], Fault]:
    """The first request for each of `n_tasks` is answered late. When all have arrived, the deadline
    of later ones is far away: whether those meet it is not a matter of speed."""
    arrived: set[str] = set()

    def script(seen: Seen) -> Fault:
        if seen.repeat > 0:
            return Fault()
        arrived.add(seen.task.task_id)
        if len(arrived) == n_tasks:
            backend._dispatcher._endpoint._timeout_s = WAIT_S  # type: ignore[union-attr]
        return Fault("late", until=late_until)

    return script


def test_answers_beyond_the_deadline_are_not_waited_for(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    backend = make(timeout_s=1.5, max_in_flight=10)
    never = threading.Event()
    endpoint.script = first_time(never, 10, backend)
    tasks = many(10)
    budget = Budget()
    done, failed = run(backend, tasks, budget)
    never.set()
    assert failed == {}
    assert set(done) == set(ids(tasks))
    assert endpoint.arrived == dict.fromkeys(ids(tasks), 2)
    assert budget.usage.n_requests == 20
    # The function ran all that time, and will be billed.
    assert budget.usage.billed_ms >= 10 * 1_500


def test_a_late_answer_after_that_of_its_retry_changes_nothing(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    backend = make(timeout_s=1.0, max_in_flight=4)
    retried = threading.Event()
    endpoint.script = first_time(retried, 4, backend)
    tasks = many(4)
    done, failed = run(backend, tasks)
    # The late answers are written to connections that this side has closed, and the same
    # connection pool goes on to serve others.
    retried.set()
    endpoint.script = lambda _: Fault("late", delay_s=0.02)
    later = many(44)[4:]
    done_later, failed_later = run(backend, later)
    assert (failed, failed_later) == ({}, {})
    assert set(done) == set(ids(tasks))
    assert set(done_later) == set(ids(later))
    assert endpoint.arrived == {**dict.fromkeys(ids(tasks), 2), **dict.fromkeys(ids(later), 1)}
    for task in (*tasks, *later):
        found = {**done, **done_later}[task.task_id]
        assert fits(found) == fits(fit(task, table(GOOD)))


def test_a_connection_that_breaks_off_in_the_middle_of_an_answer(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    endpoint.script = lambda seen: Fault("half" if seen.repeat == 0 else "")
    tasks = many(10)
    done, failed = run(backend, tasks)
    assert failed == {}
    assert set(done) == set(ids(tasks))
    assert endpoint.arrived == dict.fromkeys(ids(tasks), 2)


def test_a_contract_error_is_final_and_kept_as_it_came(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    small = np.asfortranarray(table(GOOD)[:2])
    np.save(endpoint.worker.environment.dataset_dir / f"{'ee' * 32}.npy", small)  # type: ignore[operator]
    bad = dataclasses.replace(TASK, dataset_id="ee" * 32)
    tasks = [*many(3), bad]
    done, failed = run(backend, tasks)
    assert set(done) == set(ids(many(3)))
    assert endpoint.arrived[bad.task_id] == 1
    error = failed[bad.task_id].error
    assert error["code"] == "too_many_clusters"
    assert error["message"].startswith("Expected n_clusters to be at most the number of usable")
    assert len(error["request_id"]) == 32
    assert failed[bad.task_id].attempts == 1


def test_a_damaged_dataset_is_final(endpoint: ScriptedEndpoint, backend: ApiBackend) -> None:
    directory = endpoint.worker.environment.dataset_dir
    assert directory is not None
    (directory / f"{'ee' * 32}.npy").write_bytes(b"other bytes under the same key")
    bad = [dataclasses.replace(task, dataset_id="ee" * 32) for task in many(3)]
    done, failed = run(backend, [*many(2), *bad])
    assert set(done) == set(ids(many(2)))
    assert {f.error["code"] for f in failed.values()} == {"dataset_damaged"}
    assert {endpoint.arrived[task_id] for task_id in ids(bad)} == {1}


def reported(status: int, code: str) -> Fault:
    error = {"code": code, "message": "As the function said.", "details": {}, "request_id": "r1"}
    return Fault("status", status, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("status", "code", "n_sent", "attempts"),
    [
        (403, "dataset_forbidden", 1, 1),
        (500, "dataset_damaged", 1, 1),
        (422, "unusable_data", 1, 1),
        (413, "body_too_large", 1, 1),
        (500, "internal", 6, 6),
    ],
)
def test_what_the_function_reports_is_final_unless_it_may_pass(
    status: int,
    code: str,
    n_sent: int,
    attempts: int,
    endpoint: ScriptedEndpoint,
    backend: ApiBackend,
) -> None:
    tasks = many(5)
    bad = tasks[2].task_id
    endpoint.script = lambda seen: reported(status, code) if seen.task.task_id == bad else Fault()
    done, failed = run(backend, tasks)
    assert set(done) == set(ids(tasks)) - {bad}
    error = failed[bad].error
    assert (error["code"], error["request_id"]) == (code, "r1")
    assert error["message"].startswith("As the function said.")
    assert (endpoint.arrived[bad], failed[bad].attempts) == (n_sent, attempts)


def test_a_store_of_datasets_that_is_out_of_reach_for_a_while(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    endpoint.script = lambda seen: (
        reported(503, "dataset_unavailable") if seen.repeat < 8 else Fault()
    )
    events = list(backend.run(many(3), threading.Event()))
    done, failed = outcomes(events)
    assert (len(done), failed) == (3, {})
    assert set(endpoint.arrived.values()) == {9}


def test_unfinished_fits_go_on_and_count_as_no_attempt(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    long = [dataclasses.replace(t, n_clusters=(2, 4), experiments=(0, 1)) for t in many(6)]
    endpoint.script = lambda seen: Fault("stop" if seen.repeat < 3 else "")
    budget = Budget()
    events = list(backend.run(long, threading.Event(), budget))
    done, failed = outcomes(events)
    assert failed == {}
    assert endpoint.arrived == dict.fromkeys(ids(long), 4)
    assert {event.attempts for event in events if hasattr(event, "attempts")} == {1}
    for task in long:
        assert fits(done[task.task_id]) == fits(fit(task, table(GOOD)))
        assert done[task.task_id].resume is None
    assert budget.usage.n_requests == 24
    n_started = Counter(type(event).__name__ for event in events)
    assert n_started == {"TaskStarted": 6, "TaskResult": 6}


def test_unfinished_fits_between_faults(endpoint: ScriptedEndpoint, backend: ApiBackend) -> None:
    """Errors since the last progress count; five before each of three parts are not too many."""
    kinds = [500] * 5 + ["stop"] + [502] * 5 + ["stop"] + [429] * 9 + [504] * 5
    endpoint.script = lambda seen: (
        fault_of(kinds[seen.repeat]) if seen.repeat < len(kinds) else Fault()
    )
    task = dataclasses.replace(TASK, n_clusters=(2, 4), experiments=(0, 1))
    (event,) = [
        event for event in backend.run([task], threading.Event()) if hasattr(event, "attempts")
    ]
    assert event.attempts == 16
    assert endpoint.arrived == {task.task_id: len(kinds) + 1}
    assert fits(event.result) == fits(fit(task, table(GOOD)))  # type: ignore[union-attr]


def test_a_function_that_never_gets_on_is_given_up(
    endpoint: ScriptedEndpoint, backend: ApiBackend
) -> None:
    task = dataclasses.replace(TASK, n_clusters=(2, 4), experiments=(0, 1))
    stuck = fit(task, table(GOOD), should_stop=lambda: True).to_dict()
    assert stuck["resume"] is not None
    endpoint.script = lambda _: Fault("body", body=json.dumps(stuck).encode())
    done, failed = run(backend, [task])
    assert done == {}
    assert failed[task.task_id].error["code"] == "no_progress"
    assert endpoint.arrived == {task.task_id: 7}  # the one that progressed, and six that did not
