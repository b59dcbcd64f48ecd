"""Stand-ins for what a job service talks to: a catalogue of one table, a backend on a script."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from compute_lambda import FitTask
from dashboard.backends import TaskEvent, TaskFailure, TaskResult, TaskStarted
from dashboard.datasets import ColumnInfo, Dataset, DatasetError
from dashboard.planning.cost import CostModel
from dashboard.planning.spending import Budget, Usage
from tests.dashboard.jobs.made_up import DATASET_ID, fit, result

#: So slow that the planner makes a task of every single experiment.
ONE_BY_ONE = CostModel(pair_ns=1e6, feature_ns=1.0, iteration_us=1e6, task_ms=1.0)


class OneTable:
    """A catalogue with one dataset of 30 rows and the columns a and b; `deleted` removes it."""

    def __init__(self) -> None:
        self.deleted = False

    def get(self, dataset_id: str) -> Dataset:
        if self.deleted or dataset_id != DATASET_ID:
            raise DatasetError("unknown_dataset", "There is no such dataset.")
        columns = tuple(
            ColumnInfo(name, "", 0, 0, 30, 0.0, 1.0, 0.5, 0.1, "measurement", True, "")
            for name in ("a", "b")
        )
        return Dataset(DATASET_ID, "field", 30, columns, (), "upload", "", (), 0.0, 100)

    def finite_rows(self, dataset_id: str, names: Iterable[str]) -> np.ndarray:
        assert set(names) <= {"a", "b"}
        return np.ones(self.get(dataset_id).n_rows, dtype=bool)


class ScriptedBackend:
    """Answers each task with a made-up result, one after the other, in the caller's thread.

    `started` counts how often each task was begun. Set `gate` to a semaphore to let only so many
    tasks through; name tasks in `failing` with how often they fail; `crash_after` tasks raises an
    error in the middle of the run, `lose` ends without an outcome for these tasks. Every task is
    one request, billed with 20 ms and `task_usd`.
    """

    name = "local"
    label = "Scripted"
    concurrency = 1
    costs = ONE_BY_ONE
    task_usd = 0.0

    def __init__(self, name: str = "local") -> None:
        self.name = name
        self.started: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()
        self.failing: dict[str, int] = {}
        self.lose: set[str] = set()
        self.crash_after: int | None = None
        self.gate: threading.Semaphore | None = None
        self._lock = threading.Lock()

    def run(
        self,
        tasks: Iterable[FitTask],
        cancelled: threading.Event,
        budget: Budget | None = None,
    ) -> Iterator[TaskEvent]:
        budget = budget or Budget()
        for number, task in enumerate(tasks):
            if cancelled.is_set() or not budget.reserve(self.task_usd):
                return
            budget.settle(self.task_usd, Usage(1, 20, self.task_usd))
            if number == self.crash_after:
                raise RuntimeError("secret detail of the inside")
            task_id = task.task_id
            if task_id in self.lose:
                continue
            with self._lock:
                self.started[task_id] += 1
            yield TaskStarted(task_id, 0.0)
            if not self._passed(cancelled):
                return
            with self._lock:
                self.finished[task_id] += 1
                fails = self.failing.get(task_id, 0) > 0
                if fails:
                    self.failing[task_id] -= 1
            if fails:
                error = {"code": "boom", "message": "It broke.", "details": {}, "request_id": "r"}
                yield TaskFailure(task_id, error, attempts=4)
            else:
                yield TaskResult(task_id, answer(task))

    def _passed(self, cancelled: threading.Event) -> bool:
        while self.gate is not None and not self.gate.acquire(timeout=0.01):
            if cancelled.is_set():
                return False
        return True

    def cost_usd(self, busy_s: float, n_requests: int) -> float:  # noqa: ARG002
        return 0.0

    def close(self) -> None:
        pass


def answer(task: FitTask):
    """A result whose BIC grows with K and with the experiment, so that the best one is known."""
    fits = [
        fit(bic=10.0 * k + number, k=k, kind=task.covariance_type, experiment=number)
        for k in task.n_clusters
        for number in task.experiments
    ]
    return result(task.task_id, *fits)
