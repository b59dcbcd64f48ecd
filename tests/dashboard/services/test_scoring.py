"""Labels for every row of a table, whoever works them out."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from botocore.credentials import Credentials
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from compute_lambda import FitTask, Task, fit
from compute_lambda.tasks.score.task import CERTAIN, ScoreTask
from dashboard.analysis.labelling import LEFT_OUT, RowLabels
from dashboard.backends import Backend, LocalBackend, TaskEvent, TaskFailure
from dashboard.backends.api import ApiBackend, Retrying
from dashboard.datasets import DatasetCatalogue, DatasetError
from dashboard.jobs.memo import Memo, file_cache
from dashboard.planning.prices import Prices
from dashboard.planning.spec import JobSpec
from dashboard.planning.spending import Budget, Usage
from dashboard.services import scoring as scoring_module
from dashboard.services.scoring import Scoring
from dashboard.stores.base import StoreError
from kmeans_core import ExperimentFit, Preparation
from tests.dashboard.backends.api.scripted_endpoint import MEMORY_MB, Fault, ScriptedEndpoint

N_ROWS = 1_000
ROWS_PER_TASK = 150
N_TASKS = 7
HOLES = (0, 149, 150, 420, 999)
CREDENTIALS = Credentials("AKIDEXAMPLE", "secret")
QUICK = Retrying(first_backoff_s=0.002, longest_backoff_s=0.1)


def points() -> NDArray[np.float64]:
    rng = np.random.default_rng(17)
    rows = rng.normal(size=(N_ROWS, 2)) * [1.0, 30.0]
    rows += rng.integers(0, 3, size=(N_ROWS, 1)) * [3.0, 60.0]
    rows[list(HOLES), [0, 1, 0, 1, 0]] = np.nan
    return rows.round(6)


class Table:
    """One uploaded table, a fit of it, and what must be found."""

    def __init__(self, directory: Path) -> None:
        self.rows = points()
        text = io.StringIO("place,y,x\n")
        text.seek(0, io.SEEK_END)
        for number, (x, y) in enumerate(self.rows):
            shown = ["" if np.isnan(value) else repr(float(value)) for value in (y, x)]
            text.write(f"p{number},{shown[0]},{shown[1]}\n")
        path = directory / "field.csv"
        path.write_text(text.getvalue())
        self.catalogue = DatasetCatalogue(directory / "datasets")
        dataset = self.catalogue.add_file(path, "field.csv")
        self.spec = JobSpec(dataset.dataset_id, ("x", "y"), k_max=3)
        positions = tuple(dataset.position(name) for name in self.spec.columns)
        task = FitTask(dataset.dataset_id, positions, True, "full-untied", (3,), (0,), 5, 0)
        result = fit(task, self.rows)
        self.fit: ExperimentFit = result.fits[0]
        self.preparation: Preparation = result.preparation

    def check(self, found: RowLabels) -> None:
        """Every row's cluster and certainty, evaluated directly in the table's own units."""
        used = np.isfinite(self.rows).all(axis=1)
        assert np.flatnonzero(~used).tolist() == list(HOLES)
        shift, scale = self.preparation.shift, self.preparation.scale
        model = self.fit.model
        terms = np.column_stack(
            [
                np.log(weight)
                + multivariate_normal(
                    mean * scale + shift, covariance * np.outer(scale, scale)
                ).logpdf(self.rows[used])
                for weight, mean, covariance in zip(
                    model.weights, model.means, model.full_covariances(), strict=True
                )
            ]
        )
        certainties = np.exp(terms.max(axis=1) - logsumexp(terms, axis=1))
        assert found.labels.dtype == np.int32
        assert (found.labels[~used] == LEFT_OUT).all()
        assert np.isnan(found.certainties[~used]).all()
        np.testing.assert_array_equal(found.labels[used], terms.argmax(axis=1))
        np.testing.assert_allclose(found.certainties[used], certainties, atol=0.51 / CERTAIN)
        counts = np.bincount(found.labels[used], minlength=3)
        assert counts.tolist() == self.fit.counts.tolist()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return Table(tmp_path_factory.mktemp("table"))


@pytest.fixture
def memo(tmp_path: Path) -> Memo:
    return Memo(file_cache(tmp_path / "memo"))


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a thousand rows are large, and make seven tasks."""
    monkeypatch.setattr(scoring_module, "ROWS_HERE", 500)
    monkeypatch.setattr(scoring_module, "ROWS_PER_TASK", ROWS_PER_TASK)
    monkeypatch.setattr(scoring_module, "PATIENCE_S", 600.0)


class Counted:
    """A backend that notes what it is asked for, and what comes of it.

    It fails those that `failing` names by their number (from 0), and raises before the event with
    number `raise_at`.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.asked: list[Task] = []
        self.runs = 0
        self.budgets: list[Budget | None] = []
        self.failing: set[int] = set()
        self.raise_at: int | None = None
        self.silent = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def run(
        self, tasks: Iterable[Task], cancelled: threading.Event, budget: Budget | None = None
    ) -> Iterator[TaskEvent]:
        self.runs += 1
        self.budgets.append(budget)
        given = list(tasks)
        self.asked += given
        if self.silent:
            return
        failing = [given[number] for number in sorted(self.failing)]
        for task in failing:
            error = {"code": "x", "message": "It broke.", "details": {}, "request_id": ""}
            yield TaskFailure(task.task_id, error, 4)
        rest = [task for task in given if task not in failing]
        events = self._backend.run(rest, cancelled, budget)
        for number, event in enumerate(events):
            if number == self.raise_at:
                raise OSError("the line was cut")
            yield event


@pytest.fixture
def local(table: Table) -> Iterator[Counted]:
    backend = LocalBackend(table.catalogue.column_store, 2)
    yield Counted(backend)
    backend.close()


class Account:
    """What labels cost, by job."""

    def __init__(self) -> None:
        self.charged: list[tuple[str, Usage]] = []

    def __call__(self, job_id: str, usage: Usage) -> None:
        self.charged.append((job_id, usage))


def scoring_of(
    table: Table,
    backend: Any,
    memo: Memo,
    cap_usd: float | None = None,
    charge: Callable[[str, Usage], None] | None = None,
) -> Scoring:
    return Scoring(table.catalogue, backend, memo, charge or Account(), lambda _job_id: cap_usd)


def labels(table: Table, scoring: Scoring) -> RowLabels:
    return scoring.labels(table.spec, table.fit, table.preparation)


def ranges(tasks: Iterable[Any]) -> list[tuple[int, int]]:
    return sorted((task.start, task.stop) for task in tasks)


ALL_RANGES = list(itertools.pairwise([*range(0, N_ROWS, ROWS_PER_TASK), N_ROWS]))


def test_a_small_table_is_no_business_of_the_backends(
    table: Table, local: Counted, memo: Memo
) -> None:
    table.check(labels(table, scoring_of(table, local, memo)))
    assert local.runs == 0


@pytest.mark.parametrize(("rows_here", "n_runs"), [(N_ROWS, 0), (N_ROWS - 1, 1)])
def test_how_many_rows_are_many(
    table: Table,
    local: Counted,
    memo: Memo,
    monkeypatch: pytest.MonkeyPatch,
    rows_here: int,
    n_runs: int,
) -> None:
    monkeypatch.setattr(scoring_module, "ROWS_HERE", rows_here)
    table.check(labels(table, scoring_of(table, local, memo)))
    assert (local.runs, len(local.asked)) == (n_runs, n_runs)


@pytest.mark.usefixtures("many")
def test_a_large_table_goes_to_the_backend_in_parts_once(
    table: Table, local: Counted, memo: Memo
) -> None:
    scoring = scoring_of(table, local, memo)
    table.check(labels(table, scoring))
    assert len(ALL_RANGES) == N_TASKS
    assert ranges(local.asked) == ALL_RANGES
    assert {(task.kind, task.inputs) for task in local.asked} == {
        ("score", (table.spec.dataset_id,))
    }
    table.check(labels(table, scoring))
    assert len(local.asked) == N_TASKS  # the memo has them all


@pytest.mark.usefixtures("many")
def test_the_memo_answers_in_part_and_after_a_restart(
    table: Table, local: Counted, memo: Memo, tmp_path: Path
) -> None:
    local.failing = {1, 4}
    table.check(labels(table, scoring_of(table, local, memo)))
    local.failing, local.asked = set(), []
    again = Memo(file_cache(tmp_path / "memo"))
    table.check(labels(table, scoring_of(table, local, again)))
    assert ranges(local.asked) == [ALL_RANGES[1], ALL_RANGES[4]]


@pytest.mark.usefixtures("many")
def test_another_model_is_another_question(table: Table, local: Counted, memo: Memo) -> None:
    scoring = scoring_of(table, local, memo)
    labels(table, scoring)
    plain = dataclasses.replace(table.spec, distance="mahalanobis")
    scoring.labels(plain, table.fit, table.preparation)
    assert len(local.asked) == 2 * N_TASKS
    assert len({task.task_id for task in local.asked}) == 2 * N_TASKS


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("change", "n_asked"),
    [
        ({"failing": set(range(N_TASKS))}, N_TASKS),
        ({"failing": {0, 3, 6}}, N_TASKS),
        ({"raise_at": 0}, N_TASKS),
        ({"raise_at": 5}, N_TASKS),
        ({"silent": True}, N_TASKS),
    ],
    ids=["all-fail", "half-fail", "raises", "raises-midway", "says-nothing"],
)
def test_what_the_backend_cannot_do_is_done_here(
    table: Table, local: Counted, memo: Memo, change: dict[str, Any], n_asked: int
) -> None:
    for name, value in change.items():
        setattr(local, name, value)
    table.check(labels(table, scoring_of(table, local, memo)))
    assert len(local.asked) == n_asked


class Silent:
    """A backend far away that takes tasks and never answers, until it is told to stop."""

    name = "aws"

    def run(
        self, _tasks: Iterable[Task], cancelled: threading.Event, _budget: Budget
    ) -> Iterator[TaskEvent]:
        assert cancelled.wait(60.0)
        yield from ()


@pytest.mark.usefixtures("many")
def test_a_backend_that_gives_nothing_for_too_long_is_given_up(
    table: Table, memo: Memo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring_module, "PATIENCE_S", 0.01)
    table.check(labels(table, scoring_of(table, Silent(), memo)))  # type: ignore[arg-type]


@pytest.mark.usefixtures("many")
def test_a_closed_backend_is_one_that_cannot(table: Table, memo: Memo) -> None:
    backend = LocalBackend(table.catalogue.column_store, 1)
    backend.close()
    table.check(labels(table, scoring_of(table, backend, memo)))


def test_a_table_that_is_gone_is_said_to_be_gone(table: Table, local: Counted, memo: Memo) -> None:
    scoring = scoring_of(table, local, memo)
    gone = dataclasses.replace(table.spec, dataset_id="00" * 32)
    with pytest.raises(DatasetError) as caught:
        scoring.labels(gone, table.fit, table.preparation)
    assert caught.value.code == "unknown_dataset"


@pytest.mark.usefixtures("many")
def test_rows_to_take_away(table: Table, local: Counted, memo: Memo) -> None:
    scoring = scoring_of(table, local, memo)
    frame = scoring.labelled_rows(table.spec, table.fit, table.preparation)
    assert list(frame.columns) == ["place", "y", "x", "cluster", "certainty"]
    assert frame["place"].tolist() == [f"p{number}" for number in range(N_ROWS)]
    found = labels(table, scoring)
    assert frame["cluster"].isna().to_numpy().nonzero()[0].tolist() == list(HOLES)
    assert frame["cluster"].fillna(0).tolist() == (found.labels + 1).tolist()
    np.testing.assert_allclose(frame["certainty"], found.certainties.round(4))


# -- over HTTP, to the real handler -----------------------------------------------------------


@pytest.fixture
def endpoint(table: Table) -> Iterator[ScriptedEndpoint]:
    with ScriptedEndpoint(table.catalogue.root) as serving:
        yield serving


@pytest.fixture
def remote(endpoint: ScriptedEndpoint) -> Iterator[ApiBackend]:
    backend = ApiBackend(
        endpoint.address,
        "eu-central-1",
        CREDENTIALS,
        prices=Prices.of("arm64"),
        memory_mb=MEMORY_MB,
        max_in_flight=4,
        retrying=QUICK,
        rng=Random(1),
    )
    yield backend
    backend.close()


@pytest.mark.usefixtures("many")
def test_over_http_every_part_is_asked_for_once(
    table: Table, remote: ApiBackend, endpoint: ScriptedEndpoint, memo: Memo
) -> None:
    account = Account()
    scoring = scoring_of(table, remote, memo, 1.0, account)
    table.check(labels(table, scoring))
    ((job_id, usage),) = account.charged
    assert (job_id, usage.n_requests) == (table.spec.job_id, N_TASKS)
    assert 0 < usage.usd < 1.0
    assert ranges(seen.task for seen in endpoint.seen) == ALL_RANGES
    assert set(endpoint.arrived.values()) == {1}
    assert all(isinstance(seen.task, ScoreTask) for seen in endpoint.seen)
    table.check(labels(table, scoring))
    assert len(endpoint.seen) == N_TASKS
    assert len(account.charged) == 1  # the second time costs nothing


@pytest.mark.usefixtures("many")
def test_an_account_that_cannot_be_reached_costs_nobody_the_labels(
    table: Table, remote: ApiBackend, memo: Memo
) -> None:
    def unreachable(job_id: str, usage: Usage) -> None:  # noqa: ARG001
        raise StoreError("The job store cannot be written.")

    table.check(labels(table, scoring_of(table, remote, memo, charge=unreachable)))


@pytest.mark.usefixtures("many")
def test_answers_about_other_rows_are_not_taken(
    table: Table, remote: ApiBackend, endpoint: ScriptedEndpoint, memo: Memo
) -> None:
    """The first answer of each part says that it begins elsewhere; the second one is right."""

    def shifted(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "start": record["start"] + 1}

    endpoint.script = lambda seen: Fault() if seen.repeat else Fault("edit", edit=shifted)
    table.check(labels(table, scoring_of(table, remote, memo)))
    assert set(endpoint.arrived.values()) == {2}
    assert len(endpoint.arrived) == N_TASKS


@pytest.mark.usefixtures("many")
def test_parts_that_the_function_refuses_are_done_here(
    table: Table, remote: ApiBackend, endpoint: ScriptedEndpoint, memo: Memo
) -> None:
    endpoint.script = lambda seen: Fault("status", status=400) if seen.task.start % 300 else Fault()
    table.check(labels(table, scoring_of(table, remote, memo)))
    assert set(endpoint.arrived.values()) == {1}
    assert (endpoint.statuses[400], endpoint.statuses[200]) == (3, 4)


@pytest.mark.usefixtures("many")
def test_an_earlier_function_that_knows_no_scores_is_asked_no_more_than_at_once(
    table: Table, remote: ApiBackend, endpoint: ScriptedEndpoint, memo: Memo
) -> None:
    error = {"code": "unknown_kind", "message": "No such kind.", "details": {}, "request_id": "r"}
    body = json.dumps({"error": error}).encode()
    endpoint.script = lambda _: Fault("status", status=422, body=body)
    table.check(labels(table, scoring_of(table, remote, memo)))
    assert len(endpoint.seen) <= 4  # what was in flight when the first answer came


@pytest.mark.usefixtures("many")
def test_a_cap_that_is_reached_at_once_costs_nothing_and_nobody_goes_without(
    table: Table, remote: ApiBackend, endpoint: ScriptedEndpoint, memo: Memo
) -> None:
    table.check(labels(table, scoring_of(table, remote, memo, cap_usd=1e-9)))
    assert endpoint.seen == []


@pytest.mark.usefixtures("many")
def test_a_cap_that_is_reached_midway(
    table: Table, endpoint: ScriptedEndpoint, remote: ApiBackend, memo: Memo
) -> None:
    """An answer says that it took eight seconds: the next ones are expected to as well."""

    def slow(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "invocation": {**record["invocation"], "run_ms": 8_000.0}}

    endpoint.script = lambda _: Fault("edit", edit=slow)
    usd = Prices.of("arm64").cost_usd(8_000.0, MEMORY_MB, 1)
    counted = Counted(remote)
    table.check(labels(table, scoring_of(table, counted, memo, cap_usd=2.5 * usd)))
    (budget,) = counted.budgets
    assert budget is not None
    assert budget.exhausted
    assert 0 < len(endpoint.seen) < N_TASKS
    assert budget.usage.n_requests == len(endpoint.seen)
    # What was answered is remembered; the rest, done here, is not sent again and not billed.
    known = [task for task in counted.asked if memo.get(task.task_id) is not None]
    assert len(known) == len(endpoint.seen)


@pytest.mark.usefixtures("many")
def test_results_of_the_backend_and_of_this_process_are_the_same(
    table: Table, local: Counted, remote: ApiBackend, tmp_path: Path
) -> None:
    one = labels(table, scoring_of(table, local, Memo(file_cache(tmp_path / "a"))))
    other = labels(table, scoring_of(table, remote, Memo(file_cache(tmp_path / "b"))))
    local.silent = True
    here = labels(table, scoring_of(table, local, Memo(file_cache(tmp_path / "c"))))
    for found in (other, here):
        assert found.labels.tobytes() == one.labels.tobytes()
        assert found.certainties.tobytes() == one.certainties.tobytes()
