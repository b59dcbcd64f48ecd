"""A job of very many tasks takes no more memory than one of a few."""

from __future__ import annotations

import dataclasses
import gc
import json
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from compute_lambda import FitTask, fit
from dashboard.backends import TaskResult
from dashboard.backends.api.work import Work
from tests.dashboard.backends.api.conftest import MakeBackend
from tests.dashboard.backends.made_up_tasks import GOOD, TASK, table

IN_FLIGHT = 10
N_TASKS = 1_500


class Prompt(httpx.AsyncBaseTransport):
    """Answers every task at once with the same fit."""

    def __init__(self) -> None:
        answer = fit(TASK, table(GOOD)).to_dict()
        self._text = json.dumps({**answer, "task_id": "TASK"})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        task = FitTask.from_dict(json.loads(request.content))
        return httpx.Response(200, content=self._text.replace("TASK", task.task_id).encode())


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> weakref.WeakSet[Work]:
    """Every Work of the backends that is in memory, counted without a walk through all objects.

    gc.get_objects() in one thread breaks a tuple that another one is about to finish.
    """
    found: weakref.WeakSet[Work] = weakref.WeakSet()

    class Counted(Work):
        __hash__ = object.__hash__  # by identity, as a set of weak references needs it

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            found.add(self)

    monkeypatch.setattr("dashboard.backends.api.backend.Work", Counted)
    return found


def test_nothing_is_kept_of_what_is_done(make: MakeBackend, alive: weakref.WeakSet[Work]) -> None:
    def tasks() -> Iterator[FitTask]:
        for seed in range(N_TASKS):
            yield dataclasses.replace(TASK, seed=seed)

    backend = make(max_in_flight=IN_FLIGHT, transport=Prompt())
    n_done = 0
    most_works = 0
    for event in backend.run(tasks(), threading.Event()):
        n_done += isinstance(event, TaskResult)
        if n_done % 300 == 299:
            most_works = max(most_works, len(alive))
    assert n_done == N_TASKS
    assert 0 < most_works <= 3 * IN_FLIGHT  # two per request in flight, and those just done
    gc.collect()
    assert len(alive) == 0
    assert backend._dispatcher._tasks == {}
    assert list(backend._dispatcher._runs) == []
