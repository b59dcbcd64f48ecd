"""The rows that are drawn: all of them up to a limit, above it a fixed, spread-out sample.

The sample is the same for everybody who opens the job (it depends on the data and the column choice
alone) and for every clustering of the job, so that panels can be compared point by point. It is
stratified over space: rows are sorted by a coarse grid of quantiles of the first two columns and
taken at equal steps, so that each part of the plane is shown in proportion to its rows, within one
row. The smallest and largest row of every column are always shown, so that axes span the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.analysis.records import PointsRecord, encode

MAX_SHOWN_ROWS = 20_000
GRID_STEPS = 32
SAMPLE_SEED = 20_000


@dataclass(frozen=True, slots=True)
class ShownRows:
    """The drawn rows of a job.

    `columns`, `units`: names and units (d); `n_rows`: rows used by the fits; `rows` (m,) int32:
    row numbers in the original table; `values` (m, d) float64 in data units.
    """

    columns: tuple[str, ...]
    units: tuple[str, ...]
    n_rows: int
    rows: NDArray[np.int32]
    values: NDArray[np.float64]

    @property
    def n_shown(self) -> int:
        """Number of rows drawn, m."""
        return int(self.rows.shape[0])

    def column(self, name: str) -> NDArray[np.float64]:
        """Values (m,) of the column called `name`."""
        return self.values[:, self.columns.index(name)]

    def axis_title(self, name: str) -> str:
        """`name (unit)`, or `name` alone where the unit is unknown. Not escaped."""
        unit = self.units[self.columns.index(name)]
        return f"{name} ({unit})" if unit else name

    def to_json(self) -> PointsRecord:
        """Plain JSON."""
        return {
            "columns": list(self.columns),
            "units": list(self.units),
            "n_rows": self.n_rows,
            "n_shown": self.n_shown,
            "rows": encode(self.rows),
            "values": encode(np.ascontiguousarray(self.values.T, dtype=np.float32)),
        }


def shown_positions(values: np.ndarray, limit: int = MAX_SHOWN_ROWS) -> NDArray[np.intp]:
    """Positions (m,), ascending, of the rows of `values` (n, d; finite) to draw; m <= limit."""
    n, d = values.shape
    if n <= limit:
        return np.arange(n, dtype=np.intp)
    extremes = np.unique(np.concatenate([values.argmin(axis=0), values.argmax(axis=0)]))
    extremes = extremes[: limit // 2]  # only thousands of columns could fill the sample
    rng = np.random.default_rng(SAMPLE_SEED)
    # Shuffled within a stratum: equal steps through rows in file order could hit a period in it.
    order = np.lexsort(
        (rng.permutation(n), *(_quantile_bin(values[:, j]) for j in range(min(d, 2))))
    )
    order = order[~np.isin(order, extremes)]
    wanted = limit - extremes.size
    steps = ((np.arange(wanted) + rng.random()) * (order.size / wanted)).astype(np.intp)
    return np.sort(np.concatenate([extremes, order[steps]]))


def _quantile_bin(column: np.ndarray) -> NDArray[np.intp]:
    edges = np.quantile(column, np.linspace(0, 1, GRID_STEPS + 1)[1:-1])
    return np.searchsorted(edges, column, side="right")
