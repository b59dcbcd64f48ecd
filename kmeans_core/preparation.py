"""Centre and scale once, so that everything after it works with numbers of order one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kmeans_core.arrangement import Arrangement
from kmeans_core.features import FloatArray

if TYPE_CHECKING:
    from kmeans_core.kernels import Kernel

_LARGEST = 1e150


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
        return _kernel().scaled(np.asarray(X, dtype=np.float64), self.shift, self.scale)[0]

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
    _kept: dict[str, Arrangement | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def n_columns(self) -> int:
        return int(self.columns.shape[0])

    @property
    def n_rows(self) -> int:
        return int(self.columns.shape[1])

    @property
    def arrangement(self) -> Arrangement | None:
        """The points in the order in which fits go through them; None: that of `columns`.

        Made once. Without a lock, which a fork could find held: two threads make the same one.
        """
        if "arrangement" not in self._kept:
            self._kept["arrangement"] = _kernel().arrange(self.columns)
        return self._kept["arrangement"]


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
    result. Raises ValueError for a table that is not
    two-dimensional, has no rows or no columns, or holds a value that is not finite or beyond 1e150.
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
    columns, total, squares = _kernel().scaled(table, shift, scale, n_threads)
    mean = total / len(table)  # zero but for rounding, so that nothing cancels here
    return PreparedData(columns, preparation, np.maximum(squares / len(table) - mean * mean, 0.0))


def _kernel() -> Kernel:
    from kmeans_core import kernels  # which needs this module

    return kernels.current()


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


def _centre_and_spread(
    table: FloatArray, column_names: Sequence[str] | None, n_threads: int
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each column (d,). Raises ValueError as check_finite does."""
    # The first value as origin: sums then keep the digits that a large common offset would eat.
    origin = table[0].copy()
    n = len(table)
    highest, lowest, total = _kernel().extremes(table, origin, n_threads)
    if not (np.isfinite(total) & (np.maximum(highest, -lowest) <= _LARGEST)).all():
        check_finite(table.T, column_names)
    for_mean = total / n
    # Squares of very small or very large values would underflow or overflow without this.
    unit = np.maximum(highest - origin, origin - lowest)
    unit[unit == 0] = 1.0
    rest, squares = _kernel().spreads(table, origin, for_mean, unit, n_threads)
    rest /= n
    variances = np.maximum(squares / n - (rest / unit) ** 2, 0.0)
    return origin + (for_mean + rest), unit * np.sqrt(variances)
