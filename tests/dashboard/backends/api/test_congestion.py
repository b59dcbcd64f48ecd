"""The window of requests in flight, by hand-computed cases and against a limit of five."""

from __future__ import annotations

import threading

import pytest

from dashboard.backends.api.congestion import SHRINK, START, Window
from tests.dashboard.backends.api.conftest import MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import Fault, ScriptedEndpoint
from tests.dashboard.backends.made_up_tasks import ids, many, outcomes


def test_it_starts_modestly_and_never_above_its_bound() -> None:
    assert Window(200).size == START
    assert Window(3).size == 3


def test_it_grows_by_one_per_answer_until_the_first_throttle() -> None:
    window = Window(50, start=4)
    for expected in (5, 6, 7):
        window.answered(window.size)
        assert window.size == expected
    for _ in range(100):
        window.answered(window.size)
    assert window.size == 50


def test_it_does_not_grow_while_it_is_not_full() -> None:
    window = Window(50, start=10)
    for _ in range(20):
        window.answered(9)
    assert window.size == 10


def test_after_a_throttle_it_grows_by_one_per_round_of_answers() -> None:
    window = Window(50, start=20)
    window.throttled(sent_at=1.0, now=2.0)
    assert window.size == 14
    n_answers = 0
    while window.size < 15:
        window.answered(window.size)
        n_answers += 1
    assert 14 <= n_answers <= 15


def test_it_shrinks_once_per_round_trip() -> None:
    window = Window(100, start=100)
    window.throttled(sent_at=1.0, now=2.0)
    for _ in range(50):  # the others of the same burst, sent before it shrank
        window.throttled(sent_at=1.5, now=2.5)
    assert window.size == int(100 * SHRINK) == 70
    window.throttled(sent_at=2.1, now=3.0)
    assert window.size == 49


def test_it_keeps_room_for_one() -> None:
    window = Window(10)
    for second in range(50):
        window.throttled(sent_at=float(second), now=second + 0.5)
    assert window.size == 1
    window.answered(1)
    assert window.size == 2


@pytest.mark.parametrize(("limit", "most_turned_away"), [(1, 300), (5, 120)])
def test_a_burst_against_a_limit_on_concurrency(
    limit: int, most_turned_away: int, endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    """Far more tasks than the endpoint takes at once: all are done. Finding out whether there is
    room for one more costs a request each time; with room for one, that is every other one."""
    endpoint.script = lambda _: (
        Fault("status", status=429) if endpoint.n_at_once > limit else Fault("late", delay_s=0.004)
    )
    tasks = many(150)
    done, failed = outcomes(list(make(max_in_flight=60).run(tasks, threading.Event())))
    assert (set(done), failed) == (set(ids(tasks)), {})
    n_turned_away = endpoint.statuses[429]
    assert endpoint.arrived.total() == 150 + n_turned_away
    assert n_turned_away < most_turned_away
    # The whole bound was never let loose on the endpoint.
    assert endpoint.most_at_once <= 30
