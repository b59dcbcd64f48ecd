"""Centre and scale once, so that everything after it works with numbers of order one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kmeans_core import kernels
from kmeans_core.points.arrays import FloatArray
from kmeans_core.points.prepared import Preparation, PreparedData

_LARGEST = 1e150
"""The largest absolute value of a table: its square is still a float64."""


def prepare(
    X: ArrayLike,
    standardise: bool = True,
    column_names: Sequence[str] | None = None,
    n_threads: int = 1,
) -> PreparedData:
    """Prepare a table X (n, d) of finite numbers.

    Each column is centred in two passes and divided by its standard deviation when standardising,
    otherwise all by one factor, the root of the mean variance, so that spherical types keep their
    meaning. A constant column becomes zero. n_threads share the rows, without an effect on the
    result. Raises ValueError for a table that is not two-dimensional, has no rows or no columns, or
    holds a value that is not finite or beyond 1e150.
    """
    table = np.asarray(X, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(
            "Expected a table with at least one row and one column (n, d); "
            f"got an array of shape {table.shape}."
        )
    shift, spread = _centre_and_spread(table, column_names, n_threads)
    if standardise:
        scale = np.where(spread > 0, spread, 1.0)
        log_jacobian = 0.0
    else:
        largest = spread.max()
        factor = largest * np.sqrt(np.mean((spread / largest) ** 2)) if largest > 0 else 1.0
        scale = np.full(len(spread), factor)
        log_jacobian = -len(spread) * float(np.log(factor))
    preparation = Preparation(shift, scale, standardise, log_jacobian)
    columns, total, squares = kernels.current().scaled(table, shift, scale, n_threads)
    mean = total / len(table)  # zero but for rounding, so that nothing cancels here
    return PreparedData(columns, preparation, np.maximum(squares / len(table) - mean * mean, 0.0))


def check_finite(columns: FloatArray, column_names: Sequence[str] | None) -> None:
    """Raise ValueError for NaN, infinity or values that are too large to be squared.

    columns (d, n), a row for each column of the table; the message names the first that is wrong.
    """
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


def _centre_and_spread(
    table: FloatArray, column_names: Sequence[str] | None, n_threads: int
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each column (d,). Raises ValueError as check_finite does."""
    # The first value as origin: sums then keep the digits that a large common offset would eat.
    origin = table[0].copy()
    n = len(table)
    highest, lowest, total = kernels.current().extremes(table, origin, n_threads)
    if not (np.isfinite(total) & (np.maximum(highest, -lowest) <= _LARGEST)).all():
        check_finite(table.T, column_names)
    for_mean = total / n
    # Squares of very small or very large values would underflow or overflow without this.
    unit = np.maximum(highest - origin, origin - lowest)
    unit[unit == 0] = 1.0
    rest, squares = kernels.current().spreads(table, origin, for_mean, unit, n_threads)
    rest /= n
    variances = np.maximum(squares / n - (rest / unit) ** 2, 0.0)
    return origin + (for_mean + rest), unit * np.sqrt(variances)
