"""What crosses the network for scores: given models, some rows of a table, what they are to them.

Labels and certainties travel as base64 of their little-endian bytes: one and two bytes a row.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from compute_lambda.contract.content import checked_dataset_id
from compute_lambda.contract.errors import ContractError
from compute_lambda.contract.fields import Fields, checked_list
from compute_lambda.contract.limits import MAX_COLUMN_POSITION, MAX_FEATURES, MAX_ROWS
from compute_lambda.contract.models import (
    model_from_dict,
    model_to_dict,
    preparation_from_dict,
    preparation_to_dict,
)
from compute_lambda.contract.version import CONTRACT_VERSION
from compute_lambda.tasks.base import Invocation, Result, Task, read_header
from kmeans_core import DEFAULT_DISTANCE, DISTANCES, ClusterModel, Preparation

MAX_MODELS = 64

MAX_SCORED_ROWS = 1_000_000
"""Rows times models of one task: its answer then has 4 of the 5.5 MB that Lambda returns."""

NO_CLUSTER = 255
"""Label of a row that has no number in one of the columns; clusters are numbered up to 64."""

CERTAIN = 65_535
"""A certainty of 1 as it is sent; others are in proportion."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoreTask(Task):
    """Labels, certainties and the log-likelihood of rows `start` to `stop` under given models.

    `columns` are positions in the stored table; `preparation` leads from them to the units of
    `models`. Rows are counted in the stored table, those without a number included.
    """

    kind: ClassVar[str] = "score"

    dataset_id: str
    columns: tuple[int, ...]
    preparation: Preparation
    models: tuple[ClusterModel, ...]
    start: int
    stop: int
    distance: str = DEFAULT_DISTANCE
    resume: dict[str, Any] | None = None

    @property
    def n_rows(self) -> int:
        """Rows of the table that it looks at."""
        return self.stop - self.start

    @property
    def n_units(self) -> int:
        """Rows times models: the units of progress."""
        return self.n_rows * len(self.models)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one dataset whose rows are scored."""
        return (self.dataset_id,)

    def about(self) -> dict[str, Any]:
        """Models and rows."""
        return {"models": [_name(m) for m in self.models], "start": self.start, "stop": self.stop}

    def to_dict(self) -> dict[str, Any]:
        """The task as JSON."""
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": self.kind,
            "dataset_id": self.dataset_id,
            "columns": list(self.columns),
            "preparation": preparation_to_dict(self.preparation),
            "models": [model_to_dict(model) for model in self.models],
            "start": self.start,
            "stop": self.stop,
            "distance": self.distance,
            "resume": self.resume,
        }

    @classmethod
    def from_dict(cls, raw: object) -> ScoreTask:
        """The task in `raw`. Raises ContractError with the offending field."""
        fields = read_header(raw, cls.kind, cls.__slots__)
        _check_no_resume(fields)
        columns = fields.integers("columns", 0, MAX_COLUMN_POSITION, max_length=MAX_FEATURES)
        models = checked_list(fields.value("models"), "models", 1, MAX_MODELS)
        preparation = preparation_from_dict(fields.value("preparation"), "preparation")
        if len(preparation.shift) != len(columns):
            raise ContractError(
                "wrong_shape",
                f"Expected a preparation of {len(columns)} columns, got one of"
                f" {len(preparation.shift)}. Send that of the fit.",
                {"field": "preparation"},
            )
        start = fields.integer("start", 0, MAX_ROWS)
        task = cls(
            dataset_id=checked_dataset_id(fields.value("dataset_id")),
            columns=columns,
            preparation=preparation,
            models=tuple(
                model_from_dict(model, f"models[{i}]", len(columns))
                for i, model in enumerate(models)
            ),
            start=start,
            stop=fields.integer("stop", start + 1, MAX_ROWS),
            distance=fields.choice("distance", DISTANCES)
            if fields.has("distance")
            else DEFAULT_DISTANCE,
        )
        if task.n_units > MAX_SCORED_ROWS:
            raise ContractError(
                "too_many_rows",
                f"Expected at most {MAX_SCORED_ROWS:,} rows times models in one task, got"
                f" {task.n_units:,}. Send fewer rows per task.",
                {"field": "stop", "n_rows": task.n_rows},
            )
        return task


@dataclass(frozen=True, slots=True, eq=False)
class ModelScores:
    """Rows under one model.

    log_likelihood  of the mixture, summed over the rows that have a number in every column, in the
                    units that scores refer to; higher is better.
    labels          (m,) uint8, 0 for the largest cluster, NO_CLUSTER for the other rows.
    certainties     (m,) uint16, the probability of the row's own cluster among all clusters,
                    times CERTAIN; 0 for the other rows.
    """

    log_likelihood: float
    labels: NDArray[np.uint8]
    certainties: NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreResult(Result):
    """Scores of every model, in the task's order; `n_used` counts the rows with all numbers."""

    kind: ClassVar[str] = "score"

    task_id: str
    start: int
    scores: tuple[ModelScores, ...]
    names: tuple[str, ...]
    n_used: int
    invocation: Invocation
    resume: dict[str, Any] | None = None

    def followed_by(self, later: ScoreResult) -> ScoreResult:
        """The later one: a score task is never interrupted."""
        return dataclasses.replace(later, invocation=self.invocation.followed_by(later.invocation))

    def about(self) -> dict[str, Any]:
        """Models and rows."""
        stop = self.start + len(self.scores[0].labels)
        return {"models": list(self.names), "start": self.start, "stop": stop}

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": self.kind,
            "task_id": self.task_id,
            "start": self.start,
            "scores": [
                {
                    "log_likelihood": score.log_likelihood,
                    "labels": _encoded(score.labels),
                    "certainties": _encoded(score.certainties),
                }
                for score in self.scores
            ],
            "names": list(self.names),
            "n_used": self.n_used,
            "invocation": self.invocation.to_dict(),
            "resume": self.resume,
        }

    @classmethod
    def from_dict(cls, raw: object) -> ScoreResult:
        """The result in `raw`. Raises ContractError with the offending field."""
        fields = read_header(raw, cls.kind, cls.__slots__)
        _check_no_resume(fields)
        scores = checked_list(fields.value("scores"), "scores", 1, MAX_MODELS)
        names = checked_list(fields.value("names"), "names", len(scores), len(scores))
        return cls(
            task_id=checked_dataset_id(fields.value("task_id"), "task_id"),
            start=fields.integer("start", 0, MAX_ROWS),
            scores=tuple(_scores(score, f"scores[{i}]") for i, score in enumerate(scores)),
            names=tuple(str(name)[:100] for name in names),
            n_used=fields.integer("n_used", 0, MAX_SCORED_ROWS),
            invocation=Invocation.from_dict(fields.value("invocation"), "invocation"),
        )


def mismatch(task: ScoreTask, result: ScoreResult) -> str:
    """What is wrong with a result that cannot be this task's, "" when nothing is."""
    if len(result.scores) != len(task.models):
        return "scores of another number of models"
    if result.start != task.start or any(len(s.labels) != task.n_rows for s in result.scores):
        return "scores of other rows"
    for score, model in zip(result.scores, task.models, strict=True):
        named = score.labels[score.labels != NO_CLUSTER]
        if len(named) != result.n_used or (named >= model.n_clusters).any():
            return "labels of clusters that there are not"
    return ""


def n_missing(task: ScoreTask, result: ScoreResult) -> int:
    """How many rows a finished result lacks."""
    return task.n_units - sum(len(score.labels) for score in result.scores)


def _name(model: ClusterModel) -> str:
    return f"{model.covariance_type}, K = {model.n_clusters}"


def _check_no_resume(fields: Fields) -> None:
    if fields.has("resume") and fields.value("resume") is not None:
        raise ContractError(
            "bad_resume",
            "Expected no resume: rows are scored in one go. Leave it out.",
            {"field": "resume"},
        )


def _scores(raw: object, where: str) -> ModelScores:
    fields = Fields(raw, ("log_likelihood", "labels", "certainties"), where)
    labels = _decoded(fields, "labels", "<u1")
    certainties = _decoded(fields, "certainties", "<u2")
    if len(labels) != len(certainties):
        raise ContractError(
            "wrong_length",
            f"Expected as many certainties as labels in {where}, {len(labels)}, got"
            f" {len(certainties)}. Send one of each for every row.",
            {"field": fields.path("certainties")},
        )
    return ModelScores(fields.number("log_likelihood"), labels, certainties)


def _encoded(values: NDArray[Any]) -> str:
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(np.ascontiguousarray(little).tobytes()).decode("ascii")


def _decoded(fields: Fields, name: str, dtype: DTypeLike) -> NDArray[Any]:
    text = fields.text(name, 8 * MAX_SCORED_ROWS)
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype=dtype)
    except (binascii.Error, ValueError):
        raise ContractError(
            "not_allowed",
            f"Expected {fields.path(name)} to be base64 of whole numbers, got something else. Send"
            " it as the function writes it.",
            {"field": fields.path(name)},
        ) from None
