"""The WSGI application with a backend that writes down every task it begins: for tests only.

`gunicorn 'tests.dashboard.serving.counting_site:application()'`. The file `begun` in the data
directory gets one line per task, "task id, process id". While `hold` exists there, which holds a
number, no more tasks than that are computed by one process.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from pathlib import Path
from typing import Any

from dashboard.backends.local import LocalBackend
from dashboard.planning.cost import CostModel
from dashboard.services import assembly
from dashboard.settings import read_settings
from dashboard.wsgi import application as served

__all__ = ["COSTS", "application"]

#: So slow that every single experiment is a task.
COSTS = CostModel(pair_ns=1e6, feature_ns=1.0, iteration_us=1e6, task_ms=1.0)


class CountingBackend(LocalBackend):
    """Same fits, same threads, two at a time."""

    def __init__(self, column_store: Any, _n_threads: int, **_other: Any) -> None:
        super().__init__(column_store, 2, costs=COSTS)
        self._place = Path(read_settings({}).data_dir)
        self._n_begun = itertools.count(1)

    def cost_usd(self, busy_s: float, n_requests: int) -> float:  # noqa: ARG002
        """Something, so that the server starts no analysis of its own."""
        return 1e-9 * n_requests

    def _compute(self, run: Any, work: Any) -> Any:
        number = 0
        if work.so_far is None:
            number = next(self._n_begun)
            line = f"{work.task.task_id} {os.getpid()}\n".encode()
            descriptor = os.open(self._place / "begun", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(descriptor, line)  # one call: lines of two processes do not mix
            finally:
                os.close(descriptor)
        while number > self._most() and not run.stopped:
            time.sleep(0.005)
        return super()._compute(run, work)

    def _most(self) -> float:
        try:
            return int((self._place / "hold").read_text() or 0)
        except FileNotFoundError:
            return math.inf


def application() -> Any:
    """What gunicorn serves. Only its processes get the other backend, not one that imports this."""
    assembly.LocalBackend = CountingBackend  # type: ignore[misc]
    return served()
