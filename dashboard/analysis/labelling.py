"""Labels are derived, never stored: one pass of the core's assignment over the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from dashboard.analysis.records import Labels
from kmeans_core import ExperimentFit, Preparation, assign

if TYPE_CHECKING:
    from dashboard.planning.spec import JobSpec

LEFT_OUT = -1
BLOCK_ROWS = 1_000_000


class ColumnSource(Protocol):
    """The one thing that labelling needs of a catalogue."""

    def columns(self, dataset_id: str, names: tuple[str, ...]) -> NDArray[np.float64]:
        """All rows (n, d) of the named columns, non-finite values included."""


def labels(
    catalogue: ColumnSource, spec: JobSpec, fit: ExperimentFit, preparation: Preparation
) -> NDArray[np.int32]:
    """Cluster of every row of the dataset, (n_rows,) int32; 0 is the largest cluster.

    Rows with a missing or infinite value in one of the job's columns get `LEFT_OUT` (-1).
    """
    values = np.asarray(catalogue.columns(spec.dataset_id, spec.columns), dtype=np.float64)
    used = np.flatnonzero(np.isfinite(values).all(axis=1))
    result = np.full(values.shape[0], LEFT_OUT, dtype=np.int32)
    # In blocks, so that a table of millions of rows is not held a third and a fourth time.
    for start in range(0, used.size, BLOCK_ROWS):
        rows = used[start : start + BLOCK_ROWS]
        prepared = preparation.to_prepared(values[rows])
        result[rows] = assign(fit.model, prepared, spec.distance)
    return result


def shown_labels(prepared: np.ndarray, fit: ExperimentFit, distance: str) -> Labels:
    """Cluster of each drawn row, (m,) uint8, from their prepared columns (d, m)."""
    return np.asarray(assign(fit.model, prepared, distance)).astype(np.uint8)
