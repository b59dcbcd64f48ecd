"""Centre and scale once, so that everything after it works with numbers of order one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kmeans_core.features import FloatArray

_LARGEST = 1e150
# Values at a time of whatever is only needed for a moment: half a megabyte.
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Preparation:
    """The map from data to prepared units: (x - shift) / scale, per column.

    shift, scale   (d,) float64.
    standardise    True: each column has its own scale and scores refer to standardised units.
                   False: one scale for all columns and scores refer to the original units.
    log_jacobian   added to a log-likelihood in prepared units once per row, to get to the units
                   that scores refer to.
    """

    shift: FloatArray
    scale: FloatArray
    standardise: bool
    log_jacobian: float

    def to_prepared(self, X: ArrayLike) -> FloatArray:
        """(n, d) in data units -> (d, n) float64 in C order, prepared units."""
        table = np.asarray(X, dtype=np.float64)
        columns = np.empty(table.shape[::-1])
        self.fill(columns, table)
        return columns

    def fill(self, columns: FloatArray, table: FloatArray) -> None:
        """Write the prepared table (n, d) to columns (d, n)."""
        np.subtract(table.T, self.shift[:, None], out=columns)
        columns /= self.scale[:, None]

    def means_to_data_units(self, means: FloatArray) -> FloatArray:
        """(K, d) prepared -> (K, d) data units."""
        return np.asarray(means) * self.scale + self.shift

    def covariances_to_data_units(self, covariances: FloatArray) -> FloatArray:
        """(K, d, d) prepared -> (K, d, d) data units."""
        return np.asarray(covariances) * np.outer(self.scale, self.scale)


@dataclass(frozen=True, slots=True)
class PreparedData:
    """columns (d, n) float64 C order in prepared units, their variances (d,), and how they came."""

    columns: FloatArray
    preparation: Preparation
    variances: FloatArray

    @property
    def n_columns(self) -> int:
        return int(self.columns.shape[0])

    @property
    def n_rows(self) -> int:
        return int(self.columns.shape[1])


def prepare(
    X: ArrayLike, standardise: bool = True, column_names: Sequence[str] | None = None
) -> PreparedData:
    """Prepare a table X (n, d) of finite numbers.

    Each column is centred in two passes and divided by its standard deviation when standardising,
    otherwise all by one factor, the root of the mean variance, so that spherical types keep their
    meaning. A constant column becomes zero. Raises ValueError for a table that is not
    two-dimensional, has no rows or no columns, or holds a value that is not finite or beyond 1e150.
    """
    table = np.asarray(X, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(
            "Expected a table with at least one row and one column (n, d); "
            f"got an array of shape {table.shape}."
        )
    columns = np.array(table.T, dtype=np.float64, order="C")
    check_finite(columns, column_names)
    shift, spread = _centre(columns)
    if standardise:
        scale = np.where(spread > 0, spread, 1.0)
        log_jacobian = 0.0
    else:
        largest = spread.max()
        factor = largest * np.sqrt(np.mean((spread / largest) ** 2)) if largest > 0 else 1.0
        scale = np.full(len(columns), factor)
        log_jacobian = -len(columns) * float(np.log(factor))
    preparation = Preparation(shift, scale, standardise, log_jacobian)
    # As later points will be, so that a point gets the same prepared value always.
    preparation.fill(columns, table)
    return PreparedData(columns, preparation, _variances(columns))


def check_finite(columns: FloatArray, column_names: Sequence[str] | None) -> None:
    """Raise ValueError that names the first column (row of `columns`) with NaN, infinity or values
    that are too large to be squared."""
    for position, column in enumerate(columns):
        name = f"{column_names[position]!r}" if column_names is not None else f"{position}"
        largest = max(column.max(), -column.min())  # NaN if there is one
        if np.isfinite(largest):
            if largest > _LARGEST:
                raise ValueError(
                    f"Column {name} has values beyond {_LARGEST:g}, too large to be squared. "
                    "Divide the column by a power of ten before fitting."
                )
            continue
        finite = np.isfinite(column)
        kinds = "NaN" if np.isnan(column).any() else "infinity"
        raise ValueError(
            f"Column {name} contains {kinds}: {int((~finite).sum())} of {column.size} values "
            "are not finite. Drop those rows or fill them in before fitting."
        )


def _centre(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centre in place; returns shift and standard deviation, both (d,)."""
    # The first value as origin: sums then keep the digits that a large common offset would eat.
    origin = columns[:, 0].copy()
    columns -= origin[:, None]
    for_mean = columns.mean(axis=1)
    columns -= for_mean[:, None]
    rest = columns.mean(axis=1)
    columns -= rest[:, None]
    shift = origin + (for_mean + rest)
    # Squares of very small or very large values would underflow or overflow without this.
    largest = np.maximum(columns.max(axis=1), -columns.min(axis=1))
    unit = np.where(largest > 0, largest, 1.0)
    return shift, unit * np.sqrt(_mean_squares(columns, np.zeros_like(unit), unit))


def _variances(columns: FloatArray) -> FloatArray:
    """Of each column, (d,), without a second copy of the table."""
    return _mean_squares(columns, columns.mean(axis=1), np.ones(len(columns)))


def _mean_squares(columns: FloatArray, origin: FloatArray, unit: FloatArray) -> FloatArray:
    """Mean of ((x - origin) / unit)^2 of each column, (d,)."""
    d, n = columns.shape
    total = np.zeros(d)
    width = max(1, _BLOCK // d)
    for start in range(0, n, width):
        block = (columns[:, start : start + width] - origin[:, None]) / unit[:, None]
        total += np.einsum("ij,ij->i", block, block)
    return total / n
