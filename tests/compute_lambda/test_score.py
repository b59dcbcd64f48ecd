"""Scores as a kind of task: the contract, the work, and the way through the handler."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from compute_lambda import ContractError, FitTask, Invocation, fit
from compute_lambda.contract.errors import DatasetError
from compute_lambda.environment import Environment
from compute_lambda.handler import Worker
from compute_lambda.tables.cache import TableCache
from compute_lambda.tables.columns import DirectoryColumns
from compute_lambda.tasks.host import Host, Process
from compute_lambda.tasks.registry import read_result, read_task, run_task
from compute_lambda.tasks.score import KIND
from compute_lambda.tasks.score import scoring as scoring_module
from compute_lambda.tasks.score.task import (
    CERTAIN,
    MAX_MODELS,
    MAX_SCORED_ROWS,
    NO_CLUSTER,
    ModelScores,
    ScoreResult,
    ScoreTask,
    mismatch,
    n_missing,
)
from kmeans_core import KERNEL, ExperimentFit, Preparation

DATASET = "ef" * 32
N_ROWS = 300
HOLES = (0, 7, 131, 299)


def table() -> NDArray[np.float64]:
    """Three columns, of which the tasks use the third and the first; four rows have a hole."""
    rng = np.random.default_rng(11)
    rows = rng.normal(size=(N_ROWS, 3)) * [1.0, 5.0, 40.0]
    rows[:, [0, 2]] += rng.integers(0, 3, size=(N_ROWS, 1)) * [3.0, 90.0]
    rows[HOLES[0], 0], rows[HOLES[1], 2] = np.nan, np.inf
    rows[HOLES[2], 2], rows[HOLES[3], 0] = -np.inf, np.nan
    rows[50, 1] = np.nan  # of the column that nobody uses
    return np.asfortranarray(rows)


FIT_TASK = FitTask(DATASET, (2, 0), False, "full-untied", (1, 3), (0,), 4, 0)
FITTED = fit(FIT_TASK, table()[:, [2, 0]])
ONE, THREE = FITTED.fits
TASK = ScoreTask(
    dataset_id=DATASET,
    columns=(2, 0),
    preparation=FITTED.preparation,
    models=(ONE.model, THREE.model),
    start=0,
    stop=N_ROWS,
)


class CountedColumns:
    """A directory's columns; `n_reads` counts."""

    def __init__(self, root: Path) -> None:
        self._columns, self.n_reads = DirectoryColumns(root), 0

    def read(self, dataset_id: str, positions: Sequence[int]) -> NDArray[np.float64]:
        self.n_reads += 1
        return self._columns.read(dataset_id, positions)


@pytest.fixture
def columns(tmp_path: Path) -> CountedColumns:
    np.save(tmp_path / f"{DATASET}.npy", table())
    return CountedColumns(tmp_path)


@pytest.fixture
def host(columns: CountedColumns) -> Host:
    return Host(columns, TableCache(), Process("w", True, 5.0, 512), "r-1")


def through_json(record: dict[str, Any]) -> Any:
    return json.loads(json.dumps(record, allow_nan=False))


def without_times(result: ScoreResult) -> dict[str, Any]:
    record = result.to_dict()
    del record["invocation"], record["task_id"]
    return record


def done(task: ScoreTask, host: Host) -> ScoreResult:
    result = run_task(task, host)
    assert isinstance(result, ScoreResult)
    return result


def direct(found: ExperimentFit, preparation: Preparation) -> tuple[Any, Any, float]:
    """Labels, certainties and log-likelihood of the rows without holes, in the rows' own units."""
    rows = np.delete(table()[:, [2, 0]], HOLES, axis=0)
    scale, shift = preparation.scale, preparation.shift
    columns = []
    for weight, mean, covariance in zip(
        found.model.weights, found.model.means, found.model.full_covariances(), strict=True
    ):
        normal = multivariate_normal(mean * scale + shift, covariance * np.outer(scale, scale))
        columns.append(np.log(weight) + normal.logpdf(rows))
    terms = np.column_stack(columns)
    total = logsumexp(terms, axis=1)
    labels = terms.argmax(axis=1)
    return labels, np.exp(terms.max(axis=1) - total), float(total.sum())


# -- the work ---------------------------------------------------------------------------------


def test_scores_are_the_definition_and_rows_with_holes_are_in_no_cluster(host: Host) -> None:
    result = done(TASK, host)
    assert result.n_used == N_ROWS - len(HOLES)
    assert mismatch(TASK, result) == ""
    assert n_missing(TASK, result) == 0
    for found, scores in zip((ONE, THREE), result.scores, strict=True):
        labels, certainties, log_likelihood = direct(found, FITTED.preparation)
        assert scores.labels[list(HOLES)].tolist() == [NO_CLUSTER] * 4
        assert scores.certainties[list(HOLES)].tolist() == [0] * 4
        assert np.delete(scores.labels, HOLES).tolist() == labels.tolist()
        sent = np.delete(scores.certainties, HOLES) / CERTAIN
        np.testing.assert_allclose(sent, certainties, rtol=0, atol=0.51 / CERTAIN)
        assert scores.log_likelihood == pytest.approx(log_likelihood, rel=1e-9)
        # The fit's own, because these are the rows that were fitted.
        assert scores.log_likelihood == pytest.approx(found.log_likelihood, rel=1e-9)
        counts = np.bincount(labels, minlength=found.n_clusters)
        assert counts.tolist() == found.counts.tolist()


def test_plain_distances_assign_as_they_say(host: Host) -> None:
    plain = done(dataclasses.replace(TASK, distance="mahalanobis"), host)
    assert plain.scores[0].log_likelihood == pytest.approx(ONE.log_likelihood, rel=1e-9)
    differ = plain.scores[1].labels != done(TASK, host).scores[1].labels
    assert differ.any()
    certainties = plain.scores[1].certainties[differ] / CERTAIN
    assert (certainties <= 0.5 + 1 / CERTAIN).all()  # not the most likely one


@pytest.mark.parametrize("cuts", [(100, 200), (1, 8, 299), (7,)])
def test_ranges_put_together_are_the_whole(host: Host, cuts: tuple[int, ...]) -> None:
    whole = done(TASK, host)
    edges = (0, *cuts, N_ROWS)
    parts = [
        done(dataclasses.replace(TASK, start=start, stop=stop), host)
        for start, stop in itertools.pairwise(edges)
    ]
    assert [part.start for part in parts] == list(edges[:-1])
    assert sum(part.n_used for part in parts) == whole.n_used
    for number, scores in enumerate(whole.scores):
        mine = [part.scores[number] for part in parts]
        assert np.concatenate([m.labels for m in mine]).tobytes() == scores.labels.tobytes()
        together = np.concatenate([m.certainties for m in mine])
        assert np.abs(together.astype(int) - scores.certainties).max() <= 1
        total = sum(m.log_likelihood for m in mine)
        assert total == pytest.approx(scores.log_likelihood, rel=1e-12)


def test_blocks_change_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = done(TASK, host)
    monkeypatch.setattr(scoring_module, "BLOCK_ROWS", 17)
    for one, other in zip(done(TASK, host).scores, whole.scores, strict=True):
        assert one.labels.tobytes() == other.labels.tobytes()
        assert np.abs(one.certainties.astype(int) - other.certainties).max() <= 1
        assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)


def test_rows_of_holes_only_are_scored_too(host: Host) -> None:
    result = done(dataclasses.replace(TASK, start=7, stop=8), host)
    assert (result.n_used, result.scores[0].log_likelihood) == (0, 0.0)
    assert result.scores[1].labels.tolist() == [NO_CLUSTER]
    task = dataclasses.replace(TASK, start=7, stop=8)
    assert (mismatch(task, result), n_missing(task, result)) == ("", 0)


@pytest.mark.parametrize(("start", "stop"), [(0, 301), (300, 305), (10_000, 10_001)])
def test_rows_beyond_the_table_are_refused(host: Host, start: int, stop: int) -> None:
    with pytest.raises(ContractError, match=r"within the 300 of the dataset") as caught:
        run_task(dataclasses.replace(TASK, start=start, stop=stop), host)
    assert caught.value.code == "unknown_rows"
    assert caught.value.details == {"field": "stop", "n_rows": N_ROWS}


def test_unknown_columns_and_tables_are_refused(host: Host) -> None:
    with pytest.raises(ContractError) as caught:
        run_task(dataclasses.replace(TASK, columns=(2, 9)), host)
    assert caught.value.code == "unknown_column"
    with pytest.raises(DatasetError) as gone:
        run_task(dataclasses.replace(TASK, dataset_id="00" * 32), host)
    assert gone.value.code == "dataset_not_found"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "covariances",
    [
        np.array([[[1.0, 2.0], [2.0, 1.0]]]),  # no covariance: an eigenvalue is negative
        np.array([[[0.0, 0.0], [0.0, 0.0]]]),
    ],
)
def test_what_is_no_covariance_is_named(host: Host, covariances: NDArray[np.float64]) -> None:
    wrong = dataclasses.replace(ONE.model, covariances=covariances)
    with pytest.raises(ContractError) as caught:
        run_task(dataclasses.replace(TASK, models=(wrong,)), host)
    assert (caught.value.code, caught.value.details) == ("not_finite", {"field": "models"})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_variances_below_zero_are_named(host: Host) -> None:
    wrong = dataclasses.replace(
        ONE.model, covariance_type="diag-tied", covariances=np.array([1.0, -1.0])
    )
    with pytest.raises(ContractError) as caught:
        run_task(dataclasses.replace(TASK, models=(wrong,)), host)
    assert caught.value.code == "not_finite"


def test_columns_are_read_once_for_all_tasks_of_a_table(
    host: Host, columns: CountedColumns
) -> None:
    for start in range(0, N_ROWS, 50):
        run_task(dataclasses.replace(TASK, start=start, stop=start + 50), host)
    run_task(dataclasses.replace(TASK, models=TASK.models[:1], distance="mahalanobis"), host)
    assert columns.n_reads == 1
    run_task(dataclasses.replace(TASK, columns=(0, 2)), host)
    assert columns.n_reads == 2
    assert host.cache.n_bytes == 2 * 2 * 8 * N_ROWS


def test_the_result_reports_the_host(host: Host) -> None:
    invocation = done(TASK, host).invocation
    assert (invocation.request_id, invocation.worker, invocation.kernel) == ("r-1", "w", KERNEL)
    assert (invocation.cold, invocation.startup_ms, invocation.memory_mb) == (True, 5.0, 512)
    assert invocation.run_ms > 0
    assert invocation.started_at > 1.7e9


# -- the contract -----------------------------------------------------------------------------


def test_tasks_survive_the_crossing() -> None:
    back = read_task(through_json(TASK.to_dict()))
    assert isinstance(back, ScoreTask)
    assert back.to_dict() == TASK.to_dict()
    assert back.task_id == TASK.task_id
    assert (back.kind, back.inputs, back.n_units) == ("score", (DATASET,), 2 * N_ROWS)
    short = TASK.to_dict()
    del short["distance"], short["resume"], short["contract_version"]
    assert ScoreTask.from_dict(short).task_id == TASK.task_id


def test_results_survive_the_crossing_to_the_bit(host: Host) -> None:
    result = done(TASK, host)
    back = read_result(through_json(result.to_dict()))
    assert isinstance(back, ScoreResult)
    assert back.to_dict() == result.to_dict()
    for one, other in zip(back.scores, result.scores, strict=True):
        assert (one.labels.dtype, one.certainties.dtype) == (np.uint8, np.dtype("<u2"))
        assert one.labels.tobytes() == other.labels.tobytes()
        assert one.certainties.tobytes() == other.certainties.tobytes()
    assert back.about() == TASK.about()


def test_every_part_of_the_content_changes_the_id() -> None:
    changes: list[dict[str, Any]] = [
        {"dataset_id": "00" * 32},
        {"columns": (0, 2)},
        {"preparation": dataclasses.replace(TASK.preparation, log_jacobian=1.0)},
        {"models": TASK.models[:1]},
        {"models": TASK.models[::-1]},
        {"start": 1},
        {"stop": N_ROWS - 1},
        {"distance": "mahalanobis"},
    ]
    made = {dataclasses.replace(TASK, **change).task_id for change in changes}
    assert len(made | {TASK.task_id}) == len(changes) + 1


def test_what_people_read_of_it() -> None:
    task = dataclasses.replace(TASK, start=1_000, stop=2_500)
    about = task.about()
    assert about == {
        "models": ["full-untied, K = 1", "full-untied, K = 3"],
        "start": 1_000,
        "stop": 2_500,
    }
    assert KIND.facts(about) == {
        "models": "full-untied, K = 1; full-untied, K = 3",
        "rows": "1,001–2,500",
    }
    assert [column.key for column in KIND.columns] == ["models", "rows"]
    assert (KIND.name, KIND.unit) == ("score", "rows")
    assert KIND.facts({}) == {"models": "", "rows": "1–0"}  # of a failure without details


def model(**change: Any) -> dict[str, Any]:
    return {**TASK.to_dict()["models"][0], **change}


def preparation(**change: Any) -> dict[str, Any]:
    return {**TASK.to_dict()["preparation"], **change}


BAD_TASKS: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "fit"}, "not_allowed", "kind"),
    ({"kind": 3}, "wrong_type", "kind"),
    ({"contract_version": 99}, "contract_version", "contract_version"),
    ({"surprise": 1}, "unknown_field", "surprise"),
    ({"dataset_id": "EF" * 32}, "bad_dataset_id", "dataset_id"),
    ({"dataset_id": None}, "bad_dataset_id", "dataset_id"),
    ({"columns": []}, "wrong_length", "columns"),
    ({"columns": [2, 2]}, "not_allowed", "columns"),
    ({"columns": [2, -1]}, "out_of_range", "columns[1]"),
    ({"columns": [2, "0"]}, "wrong_type", "columns[1]"),
    ({"columns": [2, 0, 1]}, "wrong_shape", "preparation"),
    ({"preparation": None}, "wrong_type", "preparation"),
    ({"preparation": preparation(shift=[1.0])}, "wrong_shape", "preparation.scale"),
    ({"preparation": preparation(scale=[1.0, 1e999])}, "out_of_range", "preparation.scale"),
    ({"preparation": preparation(standardise=1)}, "wrong_type", "preparation.standardise"),
    ({"models": []}, "wrong_length", "models"),
    ({"models": [model()] * (MAX_MODELS + 1)}, "wrong_length", "models"),
    ({"models": "all"}, "wrong_type", "models"),
    ({"models": [model(), 5]}, "wrong_type", "models[1]"),
    ({"models": [model(covariance_type="round")]}, "not_allowed", "models[0].covariance_type"),
    ({"models": [model(means=[[1.0]])]}, "wrong_shape", "models[0].means"),
    ({"models": [model(weights=[float("nan")])]}, "out_of_range", "models[0].weights"),
    ({"models": [model(weights=[1.0] * 65)]}, "wrong_length", "models[0].weights"),
    ({"start": -1}, "out_of_range", "start"),
    ({"start": 1.0}, "wrong_type", "start"),
    ({"start": 300}, "out_of_range", "stop"),
    ({"stop": 0}, "out_of_range", "stop"),
    ({"stop": True}, "wrong_type", "stop"),
    ({"stop": 2**60}, "out_of_range", "stop"),
    ({"stop": MAX_SCORED_ROWS // 2 + 1}, "too_many_rows", "stop"),
    ({"distance": "euclidean"}, "not_allowed", "distance"),
    ({"resume": {"version": 1}}, "bad_resume", "resume"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "field"), BAD_TASKS)
def test_a_bad_field_of_a_task_is_named(change: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(ContractError) as caught:
        ScoreTask.from_dict({**TASK.to_dict(), **change})
    assert (caught.value.code, caught.value.details["field"]) == (code, field)


NEEDED = ("kind", "dataset_id", "columns", "preparation", "models", "start", "stop")


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_field_of_a_task_is_named(name: str) -> None:
    record = TASK.to_dict()
    del record[name]
    with pytest.raises(ContractError) as caught:
        ScoreTask.from_dict(record)
    assert (caught.value.code, caught.value.details["field"]) == ("missing_field", name)


def test_as_many_rows_as_are_allowed_may_be_asked_for() -> None:
    most = {**TASK.to_dict(), "stop": MAX_SCORED_ROWS // 2}
    assert ScoreTask.from_dict(most).n_units == MAX_SCORED_ROWS


INVOCATION = Invocation("r-1", 1.7e9, 0.0, 0.5, 2.0, False, 1769, "numpy", "w")


def result(
    labels: Sequence[int] = (0, 2, NO_CLUSTER), task_id: str = "", **change: Any
) -> ScoreResult:
    """Made-up scores of three rows under a model of three clusters."""
    scores = ModelScores(-12.5, np.array(labels, np.uint8), np.arange(len(labels), dtype=np.uint16))
    made = ScoreResult(task_id or "12" * 32, 0, (scores,), ("one",), 2, INVOCATION)
    return dataclasses.replace(made, **change)


def encoded(values: Sequence[int], dtype: str) -> str:
    return base64.b64encode(np.array(values, dtype).tobytes()).decode()


def score(**change: Any) -> list[dict[str, Any]]:
    return [{**result().to_dict()["scores"][0], **change}]


BAD_RESULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "fit"}, "not_allowed", "kind"),
    ({"contract_version": 99}, "contract_version", "contract_version"),
    ({"surprise": 1}, "unknown_field", "surprise"),
    ({"task_id": "12"}, "bad_dataset_id", "task_id"),
    ({"start": -1}, "out_of_range", "start"),
    ({"scores": []}, "wrong_length", "scores"),
    ({"scores": [None]}, "wrong_type", "scores[0]"),
    ({"scores": score(log_likelihood=float("inf"))}, "out_of_range", "scores[0].log_likelihood"),
    ({"scores": score(labels="%%%")}, "not_allowed", "scores[0].labels"),
    ({"scores": score(labels="AAAé")}, "not_allowed", "scores[0].labels"),
    ({"scores": score(labels=[0, 1])}, "wrong_type", "scores[0].labels"),
    ({"scores": score(certainties="AAAA")}, "not_allowed", "scores[0].certainties"),
    ({"scores": score(certainties=encoded([1], "<u2"))}, "wrong_length", "scores[0].certainties"),
    ({"scores": score(more=1)}, "unknown_field", "scores[0].more"),
    ({"names": []}, "wrong_length", "names"),
    ({"names": ["one", "two"]}, "wrong_length", "names"),
    ({"n_used": -1}, "out_of_range", "n_used"),
    ({"n_used": 2.0}, "wrong_type", "n_used"),
    ({"invocation": None}, "wrong_type", "invocation"),
    ({"resume": {}}, "bad_resume", "resume"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "field"), BAD_RESULTS)
def test_a_bad_field_of_a_result_is_named(change: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(ContractError) as caught:
        ScoreResult.from_dict({**result().to_dict(), **change})
    assert (caught.value.code, caught.value.details["field"]) == (code, field)


@pytest.mark.parametrize("name", ["task_id", "start", "scores", "names", "n_used", "invocation"])
def test_a_missing_field_of_a_result_is_named(name: str) -> None:
    record = result().to_dict()
    del record[name]
    with pytest.raises(ContractError) as caught:
        ScoreResult.from_dict(record)
    assert (caught.value.code, caught.value.details["field"]) == ("missing_field", name)


# -- whether an answer is the task's ----------------------------------------------------------

SMALL = dataclasses.replace(TASK, models=(THREE.model,), start=0, stop=3)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (result(), ""),
        (result(scores=()), "scores of another number of models"),
        (result(scores=result().scores * 2), "scores of another number of models"),
        (result(start=1), "scores of other rows"),
        (result(labels=(0, 2)), "scores of other rows"),
        (result(labels=(0, 2, NO_CLUSTER, NO_CLUSTER)), "scores of other rows"),
        (result(labels=(0, 3, NO_CLUSTER)), "labels of clusters that there are not"),
        (result(labels=(0, 2, 1)), "labels of clusters that there are not"),
        (result(n_used=3), "labels of clusters that there are not"),
    ],
)
def test_an_answer_to_something_else_is_recognised(answer: ScoreResult, wrong: str) -> None:
    assert mismatch(SMALL, answer) == wrong
    assert KIND.mismatch is mismatch


def test_missing_rows_are_counted() -> None:
    assert n_missing(SMALL, result()) == 0
    assert n_missing(SMALL, result(labels=(0, 2))) == 1
    assert n_missing(TASK, result()) == 2 * N_ROWS - 3


# -- through the handler ----------------------------------------------------------------------


class Context:
    """What Lambda hands to a handler."""

    aws_request_id = "lambda-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def posted(worker: Worker, payload: object) -> tuple[int, Any]:
    event = {
        "version": "2.0",
        "rawPath": "/tasks",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": "POST"},
            "stage": "$default",
            "requestId": "gateway-1",
        },
        "isBase64Encoded": False,
        "body": json.dumps(payload),
    }
    answer = worker.handle(event, Context())
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def worker(tmp_path: Path, columns: CountedColumns) -> Worker:
    environment = Environment(dataset_dir=tmp_path, memory_mb=1769, worker="stream-1")
    return Worker(environment, store=columns, startup_ms=12.0)


def test_the_function_answers_what_the_work_gives(
    worker: Worker, host: Host, columns: CountedColumns
) -> None:
    status, record = posted(worker, TASK.to_dict())
    assert status == 200
    answer = read_result(record)
    assert isinstance(answer, ScoreResult)
    assert without_times(answer) == without_times(done(TASK, host))
    assert (answer.task_id, answer.resume) == (TASK.task_id, None)
    assert (answer.invocation.worker, answer.invocation.cold) == ("stream-1", True)
    n_reads = columns.n_reads
    status, _ = posted(worker, dataclasses.replace(TASK, stop=10).to_dict())
    assert (status, columns.n_reads) == (200, n_reads)  # it remembers them


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"stop": N_ROWS + 1}, 422, "unknown_rows"),
        ({"stop": MAX_SCORED_ROWS}, 422, "too_many_rows"),
        ({"dataset_id": "00" * 32}, 404, "dataset_not_found"),
        ({"kind": "guess"}, 422, "unknown_kind"),
        ({"models": [model(covariances=[[[1.0, 2.0], [2.0, 1.0]]])]}, 422, "not_finite"),
    ],
)
def test_the_function_refuses_with_the_reason(
    worker: Worker, change: dict[str, Any], status: int, code: str
) -> None:
    came, body = posted(worker, {**TASK.to_dict(), **change})
    assert (came, body["error"]["code"]) == (status, code)


def test_the_largest_answer_fits_through_the_function() -> None:
    """5.5 of the 6 MB that Lambda returns are what the gateway's module allows itself."""
    rows = np.zeros(MAX_SCORED_ROWS // MAX_MODELS, np.uint8)
    scores = ModelScores(-1.0, rows, rows.astype(np.uint16))
    names = ("full-untied, K = 64",) * MAX_MODELS
    made = ScoreResult("12" * 32, 0, (scores,) * MAX_MODELS, names, len(rows), INVOCATION)
    assert len(json.dumps(made.to_dict())) < 5.5e6
