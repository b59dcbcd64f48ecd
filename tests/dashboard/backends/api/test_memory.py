"""A job of very many tasks takes no more memory than one of a few."""

from __future__ import annotations

import dataclasses
import gc
import json
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from compute_lambda import FitTask, fit
from dashboard.backends import TaskResult
from dashboard.backends.api.connection import Answer
from dashboard.backends.api.work import Work
from tests.dashboard.backends.api.conftest import MakeBackend
from tests.dashboard.backends.made_up_tasks import GOOD, TASK, table

IN_FLIGHT = 10
N_TASKS = 1_500


class Prompt:
    """Answers every task at once with the same fit."""

    def __init__(self) -> None:
        answer = fit(TASK, table(GOOD)).to_dict()
        self._text = json.dumps({**answer, "task_id": "TASK"})

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        task = FitTask.from_dict(json.loads(body))
        return Answer(200, {}, self._text.replace("TASK", task.task_id).encode())

    async def close(self) -> None: ...


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
