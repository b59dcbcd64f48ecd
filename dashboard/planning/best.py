"""The best model of a job in a line of the jobs list, found while the results come in."""

from __future__ import annotations

from typing import Any

import numpy as np

from compute_lambda import FitResult, Result
from kmeans_core import COVARIANCE_TYPES, ExperimentFit


class BestModel:
    """Keeps the fit that `dashboard.analysis.recommend` would choose by BIC (higher is better).

    That one needs the data and all models, for the evidence and the agreement; this needs neither,
    so a large job is not held up at its end. A test holds the two together.
    """

    def __init__(self) -> None:
        self._best: ExperimentFit | None = None

    def add(self, result: Result) -> None:
        """Take note of a result; of fits the best one is kept."""
        assert isinstance(result, FitResult)
        for fit in result.fits:
            usable = bool(np.isfinite(fit.bic))
            if usable and (self._best is None or _rank(fit) < _rank(self._best)):
                self._best = fit

    def record(self) -> dict[str, Any] | None:
        """{"type", "k", "bic"}, or None when there is no fit yet."""
        if self._best is None:
            return None
        return {
            "type": self._best.covariance_type,
            "k": int(self._best.n_clusters),
            "bic": float(self._best.bic),
        }


def _rank(fit: ExperimentFit) -> tuple[bool, float, int, int, int]:
    """Eligible fits first, then by BIC; ties go to the simpler model."""
    order = COVARIANCE_TYPES.index(fit.covariance_type)
    return not fit.eligible, -float(fit.bic), int(fit.n_parameters), int(fit.n_clusters), order
