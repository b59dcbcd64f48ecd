"""A table in prepared units, and the map from the data's units to these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from kmeans_core.points.arrangement import Arrangement
from kmeans_core.points.arrays import FloatArray
from kmeans_core.points.blocks import row_blocks

_VALUES_AT_A_TIME = 1 << 17
"""Values of a table: a megabyte stays in a core's L2 cache from one step to the next."""


class Arranger(Protocol):
    """Whoever can tell in which order fits go through points; the kernels can."""

    def arrange(self, columns: FloatArray) -> Arrangement | None:
        """An order of columns (d, n); None when the order that they have is as good."""
        ...


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
        """(n, d) in data units -> (d, n) float64 in C order, prepared units.

        Every point gets the same arithmetic as in `prepare`, to the bit. Raises ValueError for
        another number of columns.
        """
        table = np.asarray(X, dtype=np.float64)
        columns = np.empty(table.shape[::-1])
        for rows in row_blocks(table.shape, _VALUES_AT_A_TIME):
            block = columns[:, rows]
            np.subtract(table[rows].T, self.shift[:, None], out=block)
            block /= self.scale[:, None]
        return columns

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
        """d."""
        return int(self.columns.shape[0])

    @property
    def n_rows(self) -> int:
        """n."""
        return int(self.columns.shape[1])

    def arranged_by(self, kernel: Arranger) -> Arrangement | None:
        """The points in the order in which fits go through them; None: that of `columns`.

        The first kernel that is asked makes it, once for all fits. Without a lock, which a fork
        could find held: two threads make the same one.
        """
        if "arrangement" not in self._kept:
            self._kept["arrangement"] = kernel.arrange(self.columns)
        return self._kept["arrangement"]
