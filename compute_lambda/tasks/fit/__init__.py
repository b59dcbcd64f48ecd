"""Fits: one covariance type, some K and experiments of one dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compute_lambda.tasks.base import FactColumn, TaskKind
from compute_lambda.tasks.fit.fitting import run
from compute_lambda.tasks.fit.task import FitResult, FitTask, mismatch, n_missing

COLUMNS = (
    FactColumn("type", "Type", "Covariance type", 128),
    FactColumn("k", "K", "Numbers of clusters in the task", 88),
    FactColumn("experiments", "Exper.", "Experiments in the task", 84, numeric=True),
)


def facts(about: Mapping[str, Any]) -> dict[str, str | int]:
    """Type, K or "lowest–highest" K, and number of experiments; "–" for what is not known."""
    k_values = sorted(about.get("n_clusters") or ())
    low, high = (k_values[0], k_values[-1]) if k_values else ("–", "–")
    return {
        "type": str(about.get("covariance_type") or ""),
        "k": str(low) if low == high else f"{low}–{high}",
        "experiments": len(about.get("experiments") or ()),
    }


KIND = TaskKind(
    name="fit",
    unit="fits",
    task=FitTask,
    result=FitResult,
    run=run,
    mismatch=mismatch,
    n_missing=n_missing,
    columns=COLUMNS,
    facts=facts,
)
