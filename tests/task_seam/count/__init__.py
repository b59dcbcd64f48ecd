"""Counts: how many rows of a column are above a threshold. A kind of task that tests add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compute_lambda.tasks.count.counting import run
from compute_lambda.tasks.count.task import CountResult, CountTask, mismatch, n_missing

from compute_lambda.tasks.base import FactColumn, TaskKind


def facts(about: Mapping[str, Any]) -> dict[str, str | int]:
    return {
        "threshold": f"> {about.get('threshold', '?')}",
        "rows": int(about.get("stop", 0)) - int(about.get("start", 0)),
    }


KIND = TaskKind(
    name="count",
    unit="rows",
    task=CountTask,
    result=CountResult,
    run=run,
    mismatch=mismatch,
    n_missing=n_missing,
    columns=(
        FactColumn("threshold", "Above", "What is counted", 100),
        FactColumn("rows", "Rows", "Rows that are looked at", 80, numeric=True),
    ),
    facts=facts,
)
