"""The real server with a backend that can be made to stop or fail: for tests only.

Control files in ``DATA_DIR/stage``: ``hold`` holds a number, and no job gets more results than that
while the file exists; ``fail`` holds a covariance type and a K, whose tasks then fail; ``price``
holds what every task costs, in US dollars.

Usage: ``python staged_server.py DATA_DIR PORT``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

from compute_lambda import FitTask
from compute_lambda.tables.columns import ColumnStore
from dashboard.backends.base import TaskEvent, TaskFailure, TaskResult
from dashboard.backends.local import LocalBackend
from dashboard.cli.main import main
from dashboard.planning.spending import Budget, Usage
from dashboard.services import assembly, background
from tests.browser.site_process import STAGED_COSTS

STAGE: Path


def _read(name: str) -> str | None:
    try:
        return (STAGE / name).read_text()
    except FileNotFoundError:
        return None


class StagedBackend(LocalBackend):
    """Same fits, same threads; only what is reported is staged, one experiment at a time."""

    def __init__(self, column_store: ColumnStore, n_threads: int, **other: Any) -> None:
        super().__init__(column_store, n_threads, **{**other, "costs": STAGED_COSTS})

    def run(
        self, tasks: Iterable[FitTask], cancelled: Event, budget: Budget | None = None
    ) -> Iterator[TaskEvent]:
        n_reported = 0
        for event in super().run(_paid(tasks, budget or Budget()), cancelled, budget):
            if not isinstance(event, TaskResult):
                yield event
                continue
            while (hold := _read("hold")) is not None and n_reported >= int(hold or 0):
                if cancelled.is_set():
                    break
                time.sleep(0.02)
            n_reported += 1
            fit = event.result.fits[0]
            if _read("fail") == f"{fit.covariance_type} {fit.n_clusters}":
                error = {
                    "code": "staged",
                    "message": "The worker ran out of memory; rerun this task.",
                    "details": {},
                    "request_id": "staged",
                }
                yield TaskFailure(event.task_id, error, attempts=3)
            else:
                yield event

    def cost_usd(self, busy_s: float, n_requests: int) -> float:  # noqa: ARG002
        return n_requests * float(_read("price") or 0)


def _paid(tasks: Iterable[FitTask], budget: Budget) -> Iterator[FitTask]:
    """The tasks that the budget can pay; each is billed with 20 ms as it is handed out."""
    for task in tasks:
        price_usd = float(_read("price") or 0)
        if not budget.reserve(price_usd):
            return
        budget.settle(price_usd, Usage(int(price_usd > 0), 20 if price_usd else 0, price_usd))
        yield task


if __name__ == "__main__":
    data_dir, port = sys.argv[1:]
    STAGE = Path(data_dir) / "stage"
    STAGE.mkdir(parents=True, exist_ok=True)
    assembly.LocalBackend = StagedBackend  # type: ignore[misc]
    # The tests count jobs; the first analysis begins with the first visit here.
    background._first_analysis = lambda _services: None
    sys.exit(main(["serve", "--port", port, "--data-dir", data_dir, "--lease-s", "600"]))
