"""The contract: what crosses the network survives the crossing, and nothing else gets in."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute_lambda import ContractError, FitResult, FitTask, Invocation, fit
from compute_lambda.contract.content import canonical_json
from compute_lambda.tasks.fit.task import (
    MAX_CLUSTERS,
    MAX_COLUMN_POSITION,
    MAX_FEATURES,
    MAX_RESTARTS,
    MAX_SEED,
)
from kmeans_core import (
    COVARIANCE_TYPES,
    DISTANCES,
    ClusterModel,
    CovarianceType,
    ExperimentFit,
    Preparation,
)

DATASET = "0123456789abcdef" * 4
EXAMPLE = FitTask(
    dataset_id=DATASET,
    columns=(2, 0),
    standardise=True,
    covariance_type="full-untied",
    n_clusters=(3,),
    experiments=(0, 1),
    n_restarts=5,
    seed=7,
)
INVOCATION = Invocation("r-1", 1.7e9 + 0.1, 12.5, 0.1, 1 / 3, True, 1769, "numpy", "thread 1")


def ascending(low: int, high: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    values = st.sets(st.integers(low, high), min_size=1, max_size=most)
    return values.map(lambda found: tuple(sorted(found)))


tasks = st.builds(
    FitTask,
    dataset_id=st.text("0123456789abcdef", min_size=64, max_size=64),
    columns=st.lists(
        st.integers(0, MAX_COLUMN_POSITION), min_size=1, max_size=MAX_FEATURES, unique=True
    ).map(tuple),
    standardise=st.booleans(),
    covariance_type=st.sampled_from(COVARIANCE_TYPES),
    n_clusters=ascending(1, MAX_CLUSTERS, 8),
    experiments=ascending(0, 9_999, 8),
    n_restarts=st.integers(1, MAX_RESTARTS),
    seed=st.integers(0, MAX_SEED),
    distance=st.sampled_from(DISTANCES),
    min_members=st.none() | st.integers(1, 10_000),
    reg_covar=st.floats(1e-12, 1.0),
    max_iter=st.integers(1, 10_000),
    resume=st.none()
    | st.dictionaries(st.text(max_size=5), st.lists(st.floats(-1e300, 1e300), max_size=3)),
)
floats = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def results(draw: st.DrawFn) -> FitResult:
    d, k = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    kind = draw(st.sampled_from(COVARIANCE_TYPES))

    def array(*shape: int) -> np.ndarray:
        size = math.prod(shape)
        numbers = draw(st.lists(floats, min_size=size, max_size=size))
        return np.array(numbers, dtype=np.float64).reshape(shape)

    model = ClusterModel(
        kind, array(k), array(k, d), array(*CovarianceType.of(kind).covariance_shape(k, d))
    )
    counts = np.array(draw(st.lists(st.integers(0, 2**40), min_size=k, max_size=k)), np.int64)
    scores = [draw(floats) for _ in range(5)]
    found = ExperimentFit(
        model, 3, 1, counts, *scores, 11, 20, draw(st.booleans()), True, 2, 5, 0, 1, "max_iter"
    )
    preparation = Preparation(array(d), array(d), draw(st.booleans()), draw(floats))
    resume = draw(st.none() | st.just({"version": 1, "states": [[0.1, 1e-300]]}))
    return FitResult(EXAMPLE.task_id, (found,), preparation, 100, INVOCATION, resume)


def through_json(record: dict[str, Any]) -> Any:
    return json.loads(json.dumps(record, allow_nan=False))


@settings(deadline=None)
@given(tasks)
def test_tasks_survive_the_crossing(task: FitTask) -> None:
    back = FitTask.from_dict(through_json(task.to_dict()))
    assert back == task
    assert back.task_id == task.task_id


@settings(max_examples=60, deadline=None)
@given(results())
def test_results_survive_the_crossing_to_the_bit(result: FitResult) -> None:
    back = FitResult.from_dict(through_json(result.to_dict()))
    assert canonical_json(back.to_dict()) == canonical_json(result.to_dict())
    sent, came = result.fits[0], back.fits[0]
    for name in ("weights", "means", "covariances"):
        before, after = getattr(sent.model, name), getattr(came.model, name)
        assert after.dtype == np.float64
        assert after.shape == before.shape
        assert after.tobytes() == before.tobytes()
    assert came.counts.dtype == np.int64
    np.testing.assert_array_equal(came.counts, sent.counts)
    assert back.invocation == result.invocation
    assert back.preparation.shift.tobytes() == result.preparation.shift.tobytes()


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_a_real_result_survives_for_every_type(kind: str) -> None:
    table = np.random.default_rng(1).normal(size=(60, 2))
    task = dataclasses.replace(EXAMPLE, covariance_type=kind, columns=(0, 1), n_clusters=(1, 3))
    result = fit(task, table)
    back = FitResult.from_dict(through_json(result.to_dict()))
    assert back.to_dict() == result.to_dict()
    assert [(f.n_clusters, f.experiment) for f in back.fits] == [(1, 0), (1, 1), (3, 0), (3, 1)]
    assert back.fits[2].model.covariances.shape == CovarianceType.of(kind).covariance_shape(3, 2)


def test_task_id_is_the_same_for_ever() -> None:
    # Literal: results memoised by earlier releases are found by this id.
    expected = "52b91deaeed9e7811d8183a49102dbb66db493cc630314cf7120a833d8f37996"
    assert EXAMPLE.task_id == expected
    assert dataclasses.replace(EXAMPLE, resume={"version": 1}).task_id == expected


def test_defaults_may_be_left_out_without_changing_the_id() -> None:
    short = EXAMPLE.to_dict()
    for name in ("contract_version", "distance", "min_members", "reg_covar", "max_iter", "resume"):
        del short[name]
    assert FitTask.from_dict(short) == EXAMPLE
    whole_number = FitTask.from_dict({**EXAMPLE.to_dict(), "reg_covar": 1})
    assert whole_number.task_id == dataclasses.replace(EXAMPLE, reg_covar=1.0).task_id


@pytest.mark.parametrize(
    "change",
    [
        {"dataset_id": "f" * 64},
        {"columns": (0, 2)},
        {"standardise": False},
        {"covariance_type": "diag-tied"},
        {"n_clusters": (4,)},
        {"experiments": (0, 2)},
        {"n_restarts": 6},
        {"seed": 8},
        {"distance": "mahalanobis"},
        {"min_members": 10},
        {"reg_covar": 1e-5},
        {"max_iter": 299},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_is_part_of_the_id(change: dict[str, Any]) -> None:
    assert dataclasses.replace(EXAMPLE, **change).task_id != EXAMPLE.task_id


MISSING = object()
BAD_TASKS: list[tuple[str, Any, str, str]] = [
    ("dataset_id", "../../etc/passwd", "bad_dataset_id", "dataset_id"),
    ("dataset_id", DATASET.upper(), "bad_dataset_id", "dataset_id"),
    ("dataset_id", DATASET + "\n", "bad_dataset_id", "dataset_id"),
    ("dataset_id", 5, "bad_dataset_id", "dataset_id"),
    ("dataset_id", MISSING, "missing_field", "dataset_id"),
    ("columns", MISSING, "missing_field", "columns"),
    ("columns", [], "wrong_length", "columns"),
    ("columns", list(range(65)), "wrong_length", "columns"),
    ("columns", [0, -1], "out_of_range", "columns[1]"),
    ("columns", [0, 10_000], "out_of_range", "columns[1]"),
    ("columns", [0, True], "wrong_type", "columns[1]"),
    ("columns", [0, 1.0], "wrong_type", "columns[1]"),
    ("columns", [1, 1], "not_allowed", "columns"),
    ("columns", {"0": 1}, "wrong_type", "columns"),
    ("columns", "01", "wrong_type", "columns"),
    ("standardise", 1, "wrong_type", "standardise"),
    ("standardise", None, "wrong_type", "standardise"),
    ("covariance_type", "full", "not_allowed", "covariance_type"),
    ("covariance_type", ["full-tied"], "wrong_type", "covariance_type"),
    ("n_clusters", 3, "wrong_type", "n_clusters"),
    ("n_clusters", [0], "out_of_range", "n_clusters[0]"),
    ("n_clusters", [65], "out_of_range", "n_clusters[0]"),
    ("n_clusters", [3, 2], "not_allowed", "n_clusters"),
    ("n_clusters", [True], "wrong_type", "n_clusters[0]"),
    ("experiments", [], "wrong_length", "experiments"),
    ("experiments", [0, 0], "not_allowed", "experiments"),
    ("experiments", [10_000], "out_of_range", "experiments[0]"),
    ("experiments", list(range(2_001)), "too_many_fits", "experiments"),
    ("n_restarts", 0, "out_of_range", "n_restarts"),
    ("n_restarts", 1_001, "out_of_range", "n_restarts"),
    ("n_restarts", "5", "wrong_type", "n_restarts"),
    ("n_restarts", True, "wrong_type", "n_restarts"),
    ("seed", -1, "out_of_range", "seed"),
    ("seed", 2**32, "out_of_range", "seed"),
    ("seed", 10**1_000, "out_of_range", "seed"),
    ("seed", 0.0, "wrong_type", "seed"),
    ("distance", "euclid", "not_allowed", "distance"),
    ("min_members", 0, "out_of_range", "min_members"),
    ("min_members", False, "wrong_type", "min_members"),
    ("reg_covar", 0, "out_of_range", "reg_covar"),
    ("reg_covar", 1.5, "out_of_range", "reg_covar"),
    ("reg_covar", math.nan, "out_of_range", "reg_covar"),
    ("reg_covar", math.inf, "out_of_range", "reg_covar"),
    ("reg_covar", 10**400, "out_of_range", "reg_covar"),
    ("reg_covar", "1e-6", "wrong_type", "reg_covar"),
    ("max_iter", 0, "out_of_range", "max_iter"),
    ("max_iter", None, "wrong_type", "max_iter"),
    ("resume", [1], "wrong_type", "resume"),
    ("resume", 5, "wrong_type", "resume"),
    ("contract_version", 2, "contract_version", "contract_version"),
    ("contract_version", "1", "wrong_type", "contract_version"),
    ("n_cluster", [3], "unknown_field", "n_cluster"),
]


@pytest.mark.parametrize(
    ("name", "value", "code", "field"), BAD_TASKS, ids=[row[0] for row in BAD_TASKS]
)
def test_bad_tasks_are_refused_by_field(name: str, value: Any, code: str, field: str) -> None:
    raw: dict[str, Any] = {**EXAMPLE.to_dict(), name: value}
    if value is MISSING:
        del raw[name]
    with pytest.raises(ContractError) as caught:
        FitTask.from_dict(raw)
    assert caught.value.code == code
    assert caught.value.details["field"] == field
    assert field in caught.value.message
    assert caught.value.message.count(". ") >= 1  # what is wrong, then what to do
    assert len(caught.value.message) < 600


@pytest.mark.parametrize("raw", [None, [], "task", 5, True])
def test_a_payload_must_be_an_object(raw: object) -> None:
    with pytest.raises(ContractError) as caught:
        FitTask.from_dict(raw)
    assert caught.value.code == "wrong_type"
    assert "JSON object" in caught.value.message


def result_record() -> dict[str, Any]:
    task = dataclasses.replace(EXAMPLE, columns=(0, 1), experiments=(0,))
    table = np.random.default_rng(2).normal(size=(50, 2))
    return through_json(fit(task, table).to_dict())


BAD_RESULTS: list[tuple[list[str | int], Any, str, str]] = [
    (["task_id"], "abc", "bad_dataset_id", "task_id"),
    (["n_rows"], 0, "out_of_range", "n_rows"),
    (["n_rows"], 50.0, "wrong_type", "n_rows"),
    (["fits"], None, "wrong_type", "fits"),
    (["fits", 0, "bic"], None, "wrong_type", "fits[0].bic"),
    (["fits", 0, "bic"], math.nan, "out_of_range", "fits[0].bic"),
    (["fits", 0, "converged"], 1, "wrong_type", "fits[0].converged"),
    (["fits", 0, "stopped_by"], "luck", "not_allowed", "fits[0].stopped_by"),
    (["fits", 0, "counts"], [50], "wrong_length", "fits[0].counts"),
    (["fits", 0, "counts", 1], 2.5, "wrong_type", "fits[0].counts[1]"),
    (["fits", 0, "labels"], [0, 1], "unknown_field", "fits[0].labels"),
    (["fits", 0, "model", "covariance_type"], "x", "not_allowed", "fits[0].model.covariance_type"),
    (["fits", 0, "model", "covariance_type"], "full-tied", "wrong_shape", "covariances"),
    (["fits", 0, "model", "means", 0], [1.0], "wrong_shape", "fits[0].model.means"),
    (["fits", 0, "model", "means", 0, 1], "1", "wrong_shape", "fits[0].model.means"),
    (["fits", 0, "model", "means", 0, 1], True, "wrong_shape", "fits[0].model.means"),
    (["fits", 0, "model", "means", 0, 1], math.inf, "out_of_range", "fits[0].model.means"),
    (["fits", 0, "model", "means", 0, 1], 10**400, "out_of_range", "fits[0].model.means"),
    (["fits", 0, "model", "weights"], 1.0, "wrong_type", "fits[0].model.weights"),
    (["preparation", "scale"], [1.0], "wrong_shape", "preparation.scale"),
    (["preparation", "standardise"], 0, "wrong_type", "preparation.standardise"),
    (["invocation", "run_ms"], -1.0, "out_of_range", "invocation.run_ms"),
    (["invocation", "cold"], "no", "wrong_type", "invocation.cold"),
    (["invocation", "kernel"], "x" * 201, "wrong_length", "invocation.kernel"),
]


@pytest.mark.parametrize(
    ("path", "value", "code", "field"),
    BAD_RESULTS,
    ids=["-".join(map(str, row[0])) for row in BAD_RESULTS],
)
def test_bad_results_are_refused_by_field(
    path: list[str | int], value: Any, code: str, field: str
) -> None:
    record = result_record()
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ContractError) as caught:
        FitResult.from_dict(record)
    assert caught.value.code == code
    assert field in caught.value.details["field"]


def test_two_parts_of_an_interrupted_task_are_put_together() -> None:
    record = result_record()
    whole = FitResult.from_dict(record)
    second = dataclasses.replace(whole.fits[0], experiment=1)
    early = dataclasses.replace(whole, fits=(second,), resume={"version": 1})
    both = early.followed_by(whole)
    assert [found.experiment for found in both.fits] == [0, 1]
    assert both.resume is None
    assert both.invocation.run_ms == pytest.approx(2 * whole.invocation.run_ms)
