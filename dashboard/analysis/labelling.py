"""Labels are derived, never stored: one pass of the core's assignment over the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.analysis.records import Labels
from kmeans_core import ExperimentFit, assign

LEFT_OUT = -1
"""Label of a row with a missing or infinite value in one of the job's columns."""


@dataclass(frozen=True, slots=True, eq=False)
class RowLabels:
    """Every row of a dataset under one fit.

    labels       (n_rows,) int32, 0 for the largest cluster, LEFT_OUT where the row was not used.
    certainties  (n_rows,) float64, the probability of the row's own cluster among all clusters of
                 the mixture; NaN where the row was not used.
    """

    labels: NDArray[np.int32]
    certainties: NDArray[np.float64]


def shown_labels(prepared: np.ndarray, fit: ExperimentFit, distance: str) -> Labels:
    """Cluster of each drawn row, (m,) uint8, from their prepared columns (d, m)."""
    return np.asarray(assign(fit.model, prepared, distance)).astype(np.uint8)
