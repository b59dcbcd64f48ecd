"""What the release before there were kinds of tasks wrote is read, shown and gone on with.

`earlier_release/` was written by that release, from eighty rows (`rows` below) as the upload
field.csv, with an analysis whose every experiment is a task (`spec` below, `ONE_BY_ONE`): seed 0
ran to its end, of seed 1 one task of eight failed, seed 2 was left after three of eight.
`jobs.sqlite3` is its file of schema 2; `dynamodb.json` holds the items of its table in DynamoDB's
own notation, bytes as {"__b64__": ...}; `dataset.json` the upload's record in the catalogue;
`facts.json` the ids.

There is no way back: a file of schema 3 is refused by the earlier release with a sentence that
says to update, as this one refuses a newer one's.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compute_lambda import FitResult, Task
from compute_lambda.tasks.registry import read_result
from dashboard.analysis import JobView
from dashboard.analysis.recommendation import recommend
from dashboard.analysis.task_runs import task_run
from dashboard.backends import LocalBackend, TaskEvent
from dashboard.datasets import DatasetCatalogue
from dashboard.jobs.memo import Memo, file_cache
from dashboard.jobs.service import JobService
from dashboard.pages.analyse.details.task_table import task_rows
from dashboard.planning.cost import CostModel
from dashboard.planning.spec import JobSpec
from dashboard.planning.spending import Budget
from dashboard.stores.base import JobRecord, JobStore, StoreError, TaskOutcome
from dashboard.stores.sqlite.schema import SCHEMA_VERSION
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.stores.cloud_place import Place
from tests.waiting import WAIT_S

HERE = Path(__file__).with_name("earlier_release")
FACTS: dict[str, str] = json.loads((HERE / "facts.json").read_text())
ONE_BY_ONE = CostModel(pair_ns=1e6, feature_ns=1.0, iteration_us=1e6, task_ms=1.0)
SEEDS = {"done": 0, "failed": 1, "open": 2}
BEST = {"type": "full-untied", "k": 2, "bic": -128.9606754067752}
N_TASKS, N_UNITS = 8, 24


def rows() -> np.ndarray:
    rng = np.random.default_rng(7)
    return np.vstack([rng.normal((0, 0), 1, (40, 2)), rng.normal((8, 3), 1, (40, 2))]).round(3)


def spec(name: str) -> JobSpec:
    return JobSpec(
        FACTS["dataset_id"],
        ("a", "b"),
        k_min=1,
        k_max=2,
        covariance_types=("full-untied", "spher-tied"),
        n_experiments=2,
        n_restarts=3,
        seed=SEEDS[name],
    )


def sqlite_store(directory: Path, _request: pytest.FixtureRequest) -> JobStore:
    shutil.copy(HERE / "jobs.sqlite3", directory / "jobs.sqlite3")
    return SqliteJobStore(directory / "jobs.sqlite3")


def with_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"__b64__"}:
            return base64.b64decode(value["__b64__"])
        return {name: with_bytes(inner) for name, inner in value.items()}
    return [with_bytes(inner) for inner in value] if isinstance(value, list) else value


def dynamodb_store(_directory: Path, request: pytest.FixtureRequest) -> JobStore:
    place = Place.made(request.getfixturevalue("moto_url"))
    client = place.dynamodb()
    for item in json.loads((HERE / "dynamodb.json").read_text())["items"]:
        client.put_item(TableName=place.name, Item=with_bytes(item))
    return place.open(time.time)


STORES: dict[str, Callable[[Path, pytest.FixtureRequest], JobStore]] = {
    "dynamodb": dynamodb_store,
    "sqlite": sqlite_store,
}


class CountedBackend(LocalBackend):
    """Threads of this process; `asked` are the tasks that they were given."""

    def __init__(self, catalogue: DatasetCatalogue) -> None:
        super().__init__(catalogue.column_store, 2, costs=ONE_BY_ONE)
        self.asked: list[Task] = []

    def run(
        self, tasks: Iterable[Task], cancelled: threading.Event, budget: Budget | None = None
    ) -> Iterator[TaskEvent]:
        def noted() -> Iterator[Task]:
            for task in tasks:
                self.asked.append(task)
                yield task

        return super().run(noted(), cancelled, budget)


@dataclass
class Installation:
    """This release on the data of the earlier one."""

    store: JobStore
    catalogue: DatasetCatalogue
    backend: CountedBackend
    memo: Memo
    jobs: JobService

    def outcomes(self, name: str) -> list[TaskOutcome]:
        return list(self.store.outcomes(FACTS[name]).outcomes)

    def finished(self, name: str) -> JobRecord:
        record = self.jobs.wait(FACTS[name], WAIT_S)
        assert record is not None
        assert record.finished
        return record


def dataset_of_the_earlier_release(directory: Path) -> DatasetCatalogue:
    """Its three files: `dataset.json` as that release wrote it, the numbers, the rows as text."""
    catalogue = DatasetCatalogue(directory)
    stem = directory / FACTS["dataset_id"]
    np.save(stem.with_suffix(".npy"), np.asfortranarray(rows()))
    written = {
        name: pa.array(map(str, column)) for name, column in zip("ab", rows().T, strict=True)
    }
    pq.write_table(pa.table(written), stem.with_suffix(".rows.parquet"))
    shutil.copy(HERE / "dataset.json", stem.with_suffix(".json"))
    return catalogue


@pytest.fixture(params=sorted(STORES))
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    catalogue = dataset_of_the_earlier_release(tmp_path / "datasets")
    store = STORES[request.param](tmp_path, request)
    backend = CountedBackend(catalogue)
    memo = Memo(file_cache(tmp_path / "memo"))
    jobs = JobService(store, backend, catalogue, memo, lease_s=600.0)
    yield Installation(store, catalogue, backend, memo, jobs)
    jobs.close()
    backend.close()
    store.close()


def test_all_jobs_are_listed_with_what_is_known_of_them(installed: Installation) -> None:
    records = {record.job_id: record for record in installed.store.jobs()}
    assert list(records) == [FACTS["open"], FACTS["failed"], FACTS["done"]]  # newest first
    for name, (state, n_done, n_failed, best) in {
        "done": ("done", 8, 0, BEST),
        "failed": ("done", 7, 1, BEST),
        "open": ("running", 3, 0, None),
    }.items():
        record = records[FACTS[name]]
        assert record.analysis.to_dict() == spec(name).to_dict()
        assert record.spec.job_id == FACTS[name]
        assert (record.state, record.n_done, record.n_failed) == (state, n_done, n_failed)
        assert (record.n_tasks, record.n_units) == (N_TASKS, N_UNITS)
        assert record.n_units_done == 3 * n_done
        assert record.best == best
        assert (record.dataset_name, record.backend, record.owner) == ("field.csv", "local", None)
    assert installed.store.orphaned(2e9) == [FACTS["open"]]


def test_the_finished_job_is_analysed(installed: Installation) -> None:
    view = JobView(installed.catalogue, spec("done"))
    outcomes = installed.outcomes("done")
    view.absorb(outcomes)
    assert len(outcomes) == N_TASKS
    assert set(view.cells) == {(t, k) for t in ("full-untied", "spher-tied") for k in (1, 2)}
    assert [len(cell.scores) for cell in view.cells.values()] == [2] * 4
    assert view.failures == {}
    chosen = recommend(view, "bic")
    assert chosen is not None
    assert (chosen.covariance_type, chosen.k, chosen.score) == tuple(BEST.values())
    assert list(chosen.sizes) == [40, 40]
    for outcome in outcomes:
        assert isinstance(outcome.result, FitResult)
        assert (outcome.result.kind, outcome.result.n_rows) == ("fit", 80)
        assert outcome.result.invocation.run_ms > 0  # fit_ms, as it was called


def test_the_failed_task_is_shown_with_what_it_was_about(installed: Installation) -> None:
    record = installed.store.job(FACTS["failed"])
    assert record is not None
    runs = [task_run(outcome) for outcome in installed.outcomes("failed")]
    shown = task_rows(runs, record, record.finished_at or 0.0, billed=False)
    (failed,) = (row for row in shown if row["status"] == "failed")
    assert (failed["type"], failed["k"], failed["experiments"]) == ("full-untied", "1", 1)
    assert failed["problem"] == "Expected an answer, got none. Rerun the task."
    assert failed["attempts"] == 6
    others = [(row["type"], row["k"], row["status"]) for row in shown if row is not failed]
    assert sorted(others) == [
        ("full-untied", "1", "done"),
        *[("full-untied", "2", "done")] * 2,
        *[("spher-tied", "1", "done")] * 2,
        *[("spher-tied", "2", "done")] * 2,
    ]
    view = JobView(installed.catalogue, spec("failed"))
    view.absorb(installed.outcomes("failed"))
    assert [failure.error["code"] for failure in view.failures.values()] == ["timed_out"]


def test_the_finished_job_submitted_again_computes_nothing(installed: Installation) -> None:
    before = installed.outcomes("done")
    record = installed.jobs.submit(spec("done"))
    assert (record.state, record.n_done, record.job_id) == ("done", 8, FACTS["done"])
    assert installed.finished("done").best == BEST
    assert installed.backend.asked == []
    assert [outcome.seq for outcome in installed.outcomes("done")] == [o.seq for o in before]


def test_only_the_failed_task_is_computed_again(installed: Installation) -> None:
    (failed,) = (o.task_id for o in installed.outcomes("failed") if o.status == "failed")
    installed.jobs.rerun_failed(FACTS["failed"])
    record = installed.finished("failed")
    assert (record.state, record.n_done, record.n_failed) == ("done", 8, 0)
    assert (record.n_units_done, record.best) == (N_UNITS, BEST)
    assert [task.task_id for task in installed.backend.asked] == [failed]
    assert installed.outcomes("failed")[-1].task_id == failed  # news for readers with a cursor


def test_the_open_job_goes_on_with_the_five_that_are_missing(installed: Installation) -> None:
    there = {outcome.task_id for outcome in installed.outcomes("open")}
    installed.jobs.submit(spec("open"))
    record = installed.finished("open")
    assert (record.state, record.n_done, record.n_units_done) == ("done", 8, N_UNITS)
    asked = [task.task_id for task in installed.backend.asked]
    assert len(asked) == len(set(asked)) == 5
    assert there.isdisjoint(asked)
    assert installed.store.settled(FACTS["open"]).keys() == there | set(asked)
    assert record.best is not None
    # Old and new results of one job make one view.
    view = JobView(installed.catalogue, spec("open"))
    view.absorb(installed.outcomes("open"))
    assert [len(cell.scores) for cell in view.cells.values()] == [2] * 4


def test_the_watcher_takes_the_open_job_up_by_itself(installed: Installation) -> None:
    installed.jobs.start()
    assert installed.finished("open").state == "done"
    assert len(installed.backend.asked) == 5


def test_what_the_earlier_release_remembered_is_used(
    installed: Installation, tmp_path: Path
) -> None:
    """Entries are text: here that of the results in its SQLite file, as it wrote them."""
    path = f"file:{HERE}/jobs.sqlite3?immutable=1"
    with contextlib.closing(sqlite3.connect(path, uri=True)) as db:
        found = db.execute(
            "SELECT task_id, result FROM outcomes WHERE job_id = ?", (FACTS["done"],)
        ).fetchall()
    assert len(found) == N_TASKS
    cache = file_cache(tmp_path / "memo")
    with cache.app.app_context():
        for task_id, text in found:
            raw = json.loads(text)
            assert "kind" not in raw
            assert "fit_ms" in raw["invocation"]
            cache.set(task_id, text, timeout=0)
    installed.jobs.delete(FACTS["done"])
    installed.jobs.submit(spec("done"))
    record = installed.finished("done")
    assert (record.n_done, record.best) == (8, BEST)
    assert installed.backend.asked == []
    results = {o.task_id: o.result for o in installed.outcomes("done")}
    for task_id, text in found:
        result = results[task_id]
        assert result is not None
        assert result.to_dict() == read_result(json.loads(text)).to_dict()


def test_new_settings_of_an_old_job_use_what_is_remembered_of_this_release(
    installed: Installation,
) -> None:
    """A failed task that was done again is remembered: another job of these tasks is quick."""
    installed.jobs.rerun_failed(FACTS["failed"])
    installed.finished("failed")
    (task,) = installed.backend.asked
    remembered = installed.memo.get(task.task_id)
    assert remembered is not None
    assert "kind" in remembered.to_dict()


def test_the_file_is_brought_to_the_new_schema_once(tmp_path: Path) -> None:
    shutil.copy(HERE / "jobs.sqlite3", tmp_path / "jobs.sqlite3")
    for _ in range(2):
        store = SqliteJobStore(tmp_path / "jobs.sqlite3")
        assert len(store.jobs()) == 3
        store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "jobs.sqlite3")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert db.execute("SELECT DISTINCT kind FROM jobs").fetchall() == [("analysis",)]
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="written by a newer Centaurus"):
        SqliteJobStore(tmp_path / "jobs.sqlite3")
