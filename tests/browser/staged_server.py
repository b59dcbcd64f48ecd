"""The real server with a backend that can be made to stop or fail: for tests only.

Control files in ``DATA_DIR/stage``: ``hold`` holds a number, and no job gets more results than that
while the file exists; ``fail`` holds a covariance type and a K, whose tasks then fail.

Usage: ``python staged_server.py DATA_DIR PORT``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import dashboard.services
from compute_lambda import FitTask
from compute_lambda.columns import ColumnStore
from dashboard.backends.base import TaskEvent, TaskFailure, TaskResult
from dashboard.backends.local import LocalBackend
from dashboard.cli.main import main
from dashboard.jobs.spending import Budget
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
        for event in super().run(tasks, cancelled, budget):
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


if __name__ == "__main__":
    data_dir, port = sys.argv[1:]
    STAGE = Path(data_dir) / "stage"
    STAGE.mkdir(parents=True, exist_ok=True)
    dashboard.services.LocalBackend = StagedBackend  # type: ignore[misc]
    sys.exit(main(["serve", "--port", port, "--data-dir", data_dir, "--lease-s", "1"]))
