"""Scores: the labels, certainties and log-likelihood of a table's rows under given models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compute_lambda.tasks.base import FactColumn, TaskKind
from compute_lambda.tasks.score.scoring import run
from compute_lambda.tasks.score.task import ScoreResult, ScoreTask, mismatch, n_missing

COLUMNS = (
    FactColumn("models", "Models", "Covariance types and numbers of clusters", 140),
    FactColumn("rows", "Rows", "First and last row, counted from 1", 140),
)


def facts(about: Mapping[str, Any]) -> dict[str, str | int]:
    """The models, and the first and last row."""
    return {
        "models": "; ".join(map(str, about.get("models") or ())),
        "rows": f"{about.get('start', 0) + 1:,}–{about.get('stop', 0):,}",
    }


KIND = TaskKind(
    name="score",
    unit="rows",
    task=ScoreTask,
    result=ScoreResult,
    run=run,
    mismatch=mismatch,
    n_missing=n_missing,
    columns=COLUMNS,
    facts=facts,
)
