"""Jobs that stop in their middle until the test lets them go on, however fast the machine is."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from compute_lambda import FitTask
from dashboard.backends import Backend, TaskEvent, TaskResult
from dashboard.planning.spending import Budget


class Hold:
    """How many results a run may report: `n` until `let_go()`."""

    def __init__(self, n: int) -> None:
        self._n: float = n

    def __call__(self) -> float:
        return self._n

    def let_go(self) -> None:
        self._n = math.inf


class HoldFile:
    """The same for other processes: the number in a file, no limit when there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> float:
        try:
            return int(self._path.read_text() or 0)
        except FileNotFoundError:
            return math.inf

    def at(self, n: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(str(n))
        new.replace(self._path)

    def let_go(self) -> None:
        self._path.unlink()


def hold_results(backend: Backend, most: Callable[[], float]) -> None:
    """Each run of `backend` reports no more than `most()` results before it is cancelled.

    What is computed beyond them, a few tasks ahead, comes in when the run goes on or is cancelled.
    """
    run = backend.run

    def held(
        tasks: Iterable[FitTask], cancelled: threading.Event, budget: Budget | None = None
    ) -> Iterator[TaskEvent]:
        n_reported = 0
        for event in run(tasks, cancelled, budget):
            if isinstance(event, TaskResult):
                while n_reported >= most() and not cancelled.is_set():
                    time.sleep(0.01)
                n_reported += 1
            yield event

    backend.run = held  # type: ignore[method-assign]
