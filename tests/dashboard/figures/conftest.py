"""Records as the page gets them, made by hand: two clusters of five rows in two columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dashboard.analysis.records import CellRecord, encode
from dashboard.analysis.sample import ShownRows

LABELS = np.array([0, 1, 0, 1, 0], dtype=np.uint8)


@pytest.fixture
def points() -> ShownRows:
    """Five rows; row numbers have a gap because row 2 was left out of the fit."""
    values = np.array([[1.0, 10.0], [5.0, 50.0], [2.0, 20.0], [6.0, 40.0], [3.0, 30.0]])
    rows = np.array([0, 1, 3, 4, 5], dtype=np.int32)
    return ShownRows(("EC1", "EC2"), ("mS/m", ""), 5, rows, values)


@pytest.fixture
def make_cell() -> Callable[..., CellRecord]:
    """A cell whose model has cluster 1 at (2, 20) and cluster 2 at (5.5, 45)."""

    def make(
        covariance_type: str = "full-untied",
        k: int = 2,
        mean: float | None = -100.0,
        spread: float = 2.0,
        **other: Any,
    ) -> CellRecord:
        low, high = (None, None) if mean is None else (mean - spread, mean + spread)
        score = {"mean": mean, "low": low, "high": high, "best": high}
        model = {
            "version": 1,
            "experiment": 0,
            "log_likelihood": -90.0,
            "n_iter": 3,
            "converged": True,
            "n_parameters": 11,
            "clusters": [
                {"size": 3, "weight": 0.6, "mean": [2.0, 20.0], "covariance": [[1, 2], [2, 16]]},
                {"size": 2, "weight": 0.4, "mean": [5.5, 45.0], "covariance": [[4, 0], [0, 9]]},
            ][:k],
            "labels": encode(LABELS if k > 1 else np.zeros(5, dtype=np.uint8)),
        }
        cell = {
            "type": covariance_type,
            "k": k,
            "n": 10,
            "n_experiments": 10,
            "eligible": True,
            "n_eligible_experiments": 10,
            "scores": {name: dict(score) for name in ("bic", "icl", "aic")},
            "model": model,
        }
        return cell | other

    return make
