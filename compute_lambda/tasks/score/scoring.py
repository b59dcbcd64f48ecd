"""Scoring the rows of a table under given models."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compute_lambda.contract.errors import ContractError
from compute_lambda.tasks.base import Invocation
from compute_lambda.tasks.host import Host
from compute_lambda.tasks.score.task import (
    CERTAIN,
    NO_CLUSTER,
    ModelScores,
    ScoreResult,
    ScoreTask,
)
from kmeans_core import KERNEL, ClusterModel, score_points

BLOCK_ROWS = 131_072
"""Rows that are prepared and scored at a time: more would hold a large table twice."""


@dataclass(frozen=True, slots=True)
class _ColumnsKey:
    """What stored columns depend on."""

    dataset_id: str
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of a table as they are stored, (n, d) float64."""

    values: NDArray[np.float64]

    @property
    def n_bytes(self) -> int:
        """Bytes of the values."""
        return int(self.values.nbytes)


def run(task: ScoreTask, host: Host) -> ScoreResult:
    """Score the rows of `task`. Raises ContractError `unknown_rows`, and what reading raises."""
    started_at, began = time.time(), time.perf_counter()
    table = host.cache.get(
        _ColumnsKey(task.dataset_id, task.columns),
        lambda: _Columns(host.store.read(task.dataset_id, task.columns)),
    )
    if task.stop > len(table.values):
        raise ContractError(
            "unknown_rows",
            f"Expected rows within the {len(table.values):,} of the dataset, got rows up to"
            f" {task.stop:,}. Ask for rows that there are.",
            {"field": "stop", "n_rows": len(table.values)},
        )
    values = table.values[task.start : task.stop]
    read = time.perf_counter()
    used = np.flatnonzero(np.isfinite(values).all(axis=1))
    scores = tuple(_scores(task, model, values, used) for model in task.models)
    process = host.process
    return ScoreResult(
        task_id=task.task_id,
        start=task.start,
        scores=scores,
        names=tuple(task.about()["models"]),
        n_used=len(used),
        invocation=Invocation(
            request_id=host.request_id,
            started_at=started_at,
            startup_ms=process.startup_ms,
            read_ms=(read - began) * 1e3,
            run_ms=(time.perf_counter() - read) * 1e3,
            cold=process.cold,
            memory_mb=process.memory_mb,
            kernel=KERNEL,
            worker=process.worker,
        ),
    )


def _scores(
    task: ScoreTask,
    model: ClusterModel,
    values: NDArray[np.float64],
    used: NDArray[np.intp],
) -> ModelScores:
    """Scores of rows `used` of values (m, d); the others are in no cluster."""
    labels = np.full(len(values), NO_CLUSTER, dtype=np.uint8)
    certainties = np.zeros(len(values), dtype=np.uint16)
    total = len(used) * task.preparation.log_jacobian
    for first in range(0, len(used), BLOCK_ROWS):
        rows = used[first : first + BLOCK_ROWS]
        found = score_points(model, task.preparation.to_prepared(values[rows]), task.distance)
        labels[rows] = found.labels
        certainties[rows] = np.rint(found.certainties * CERTAIN)
        total += float(found.log_likelihoods.sum())
    if not np.isfinite(total):
        raise ContractError(
            "not_finite",
            f"Expected finite log-likelihoods, got others for {model.covariance_type} with K ="
            f" {model.n_clusters}. Score models that were fitted to these columns.",
            {"field": "models"},
        )
    return ModelScores(total, labels, certainties)
