"""A process of the program that knows one kind more: `python driver.py ORDER`, with ORDER as JSON.

    directory   the data directory
    endpoint    of an HTTP API; without it tasks run in threads of this process
    bucket      that the function reads from
    most        report no more than so many results, then say "held" and wait to be killed
    do          "jobs": each of `jobs` is submitted and waited for; "turns": two tasks that take
                turns on one thread; "where": nothing
    jobs        a list of settings of `CountSpec` without the dataset

It answers with one line of JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
import count_job
from botocore.credentials import ReadOnlyCredentials

from compute_lambda import Task
from compute_lambda.tasks.registry import kind_of
from dashboard.analysis.task_runs import task_run
from dashboard.aws.s3_datasets import S3Datasets
from dashboard.backends import LocalBackend, TaskEvent, TaskResult
from dashboard.backends import local as local_module
from dashboard.backends.api import ApiBackend
from dashboard.datasets import DatasetCatalogue
from dashboard.jobs.memo import Memo, file_cache
from dashboard.jobs.service import JobService
from dashboard.pages.analyse.details.task_table import task_columns, task_rows
from dashboard.planning.job_kinds import JOB_KINDS
from dashboard.planning.prices import Prices
from dashboard.planning.spending import Budget
from dashboard.stores.sqlite.store import SqliteJobStore

JOB_KINDS["count"] = "count_job"
PACKAGES = ("kmeans_core", "compute_lambda", "dashboard", "bundle", "cloud_local")
WAIT_S = 240.0


class Driver:
    """One process's services on the data directory of the order."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        directory = Path(order["directory"])
        self.catalogue = DatasetCatalogue(directory / "datasets")
        self.dataset_id = self.catalogue.add_file(directory / "field.csv", "field.csv").dataset_id
        self.store = SqliteJobStore(directory / "jobs.sqlite3")
        self.asked: list[str] = []
        self.backend = self._backend()
        self._watch(self.backend)
        memo = Memo(file_cache(directory / "memo"))
        self.jobs = JobService(self.store, self.backend, self.catalogue, memo, lease_s=600.0)

    def _backend(self) -> Any:
        if "endpoint" not in self.order:
            return LocalBackend(self.catalogue.column_store, 1)
        region, (key, secret) = self.order["region"], self.order["keys"]
        access = {
            "endpoint_url": self.order["s3"],
            "region_name": region,
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
        }
        s3 = boto3.client("s3", **access)
        return ApiBackend(
            self.order["endpoint"],
            region,
            lambda: ReadOnlyCredentials(key, secret, None),
            prices=Prices.of("x86_64"),
            memory_mb=1_769,
            datasets=S3Datasets(s3, self.order["bucket"], self.catalogue.root),
            max_in_flight=2,
        )

    def _watch(self, backend: Any) -> None:
        """Note what the backend is asked for, and report no more than `most` results."""
        run, most = backend.run, self.order.get("most")

        def watched(
            tasks: Iterable[Task], cancelled: threading.Event, budget: Budget | None = None
        ) -> Iterator[TaskEvent]:
            n_reported = 0
            for event in run(self._noted(tasks), cancelled, budget):
                if isinstance(event, TaskResult):
                    while n_reported == most and not cancelled.is_set():
                        time.sleep(0.005)
                    n_reported += 1
                yield event

        backend.run = watched

    def _noted(self, tasks: Iterable[Task]) -> Iterator[Task]:
        for task in tasks:
            self.asked.append(task.task_id)
            yield task

    def job(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Submit it, wait for its end, and read everything back from the store."""
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
        spec = count_job.CountSpec(self.dataset_id, **values)
        n_before = len(self.asked)
        self.jobs.submit(spec)
        if "most" in self.order:
            print("held", flush=True)
            time.sleep(WAIT_S)
        record = self.jobs.wait(spec.job_id, WAIT_S)
        assert record is not None
        outcomes = self.store.outcomes(spec.job_id).outcomes
        rows = task_rows(map(task_run, outcomes), record, time.time(), billed=False)
        return {
            "state": record.state,
            "error": record.error,
            "counts": [record.n_tasks, record.n_done, record.n_failed],
            "units": [record.n_units, record.n_units_done],
            "best": record.best,
            "title": record.dataset_name,
            "spec_is_read_back": self.store.jobs()[0].spec == spec,
            "asked": self.asked[n_before:],
            "n_requests": record.usage.n_requests,
            "outcomes": [
                {
                    "task_id": outcome.task_id,
                    "status": outcome.status,
                    "result": outcome.result and outcome.result.to_dict(),
                    "error": outcome.error,
                }
                for outcome in outcomes
            ],
            "rows": rows,
            "columns": [column["field"] for column in task_columns("count")],
        }

    def turns(self) -> dict[str, Any]:
        """Two runs on one thread that make way for each other after every step.

        The first one waits in its second step until the other one's task is in the queue.
        """
        local_module.TURN_S = 0.0
        folder = Path(self.order["steps"])
        kind = kind_of("count").task
        one, other = (kind(self.dataset_id, 0, float(number), 0, 400) for number in (1, 2))
        found: dict[str, Any] = {}

        def follow(tasks: Iterable[Task]) -> None:
            for event in self.backend.run(tasks, threading.Event()):
                if isinstance(event, TaskResult):
                    found[event.task_id] = event.result.to_dict()

        def then_let_go() -> Iterator[Task]:
            yield other
            (folder / "wait").unlink()  # asked for more: the first one is in the queue

        first = threading.Thread(target=follow, args=([one],))
        first.start()
        deadline = time.monotonic() + WAIT_S
        steps = folder / "steps"
        while not (steps.exists() and steps.read_text().count("\n") == 1):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        second = threading.Thread(target=follow, args=(then_let_go(),))
        second.start()
        for thread in (first, second):
            thread.join(WAIT_S)
        return {"one": found[one.task_id], "other": found[other.task_id]}

    def close(self) -> None:
        self.jobs.close()
        self.backend.close()
        self.store.close()


def main(order: dict[str, Any]) -> None:
    where = {name: str(importlib.import_module(name).__file__) for name in PACKAGES}
    answer: dict[str, Any] = {"where": where}
    if order["do"] != "where":
        driver = Driver(order)
        if order["do"] == "turns":
            answer |= driver.turns()
        else:
            answer["jobs"] = [driver.job(settings) for settings in order["jobs"]]
        driver.close()
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
