"""The passes over a table as it came that centre and scale it, a few rows at a time."""

from __future__ import annotations

import numpy as np

from kmeans_core.points.arrays import FloatArray
from kmeans_core.points.blocks import row_blocks

_VALUES_AT_A_TIME = 1 << 15
"""Values of a table: 256 KB stay in a core's cache from one step to the next."""


def extremes(
    table: FloatArray,
    origin: FloatArray,
    n_threads: int = 1,  # noqa: ARG001
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Highest and lowest value of each column of a table (n, d), and sums of x - origin: (d,) each.

    With values that are not finite the sums are not either, or an extreme is infinite.
    """
    total, highest, lowest = np.zeros(len(origin)), origin.copy(), origin.copy()
    with np.errstate(all="ignore"):
        for rows in row_blocks(table.shape, _VALUES_AT_A_TIME):
            block = np.array(table[rows].T, order="C")
            np.maximum(highest, block.max(axis=1), out=highest)
            np.minimum(lowest, block.min(axis=1), out=lowest)
            block -= origin[:, None]
            total += block.sum(axis=1)
    return highest, lowest, total


def spreads(
    table: FloatArray,
    origin: FloatArray,
    for_mean: FloatArray,
    unit: FloatArray,
    n_threads: int = 1,  # noqa: ARG001
) -> tuple[FloatArray, FloatArray]:
    """Sums of y = x - origin - for_mean and of the squares of y / unit: (d,) each."""
    rest, squares = np.zeros(len(origin)), np.zeros(len(origin))
    for rows in row_blocks(table.shape, _VALUES_AT_A_TIME):
        # In C order, as what follows goes along the columns.
        block = np.subtract(table[rows].T, origin[:, None], order="C")
        block -= for_mean[:, None]
        rest += block.sum(axis=1)
        block /= unit[:, None]
        squares += np.einsum("in,in->i", block, block)
    return rest, squares


def scaled(
    table: FloatArray,
    shift: FloatArray,
    scale: FloatArray,
    n_threads: int = 1,  # noqa: ARG001
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(x - shift) / scale as columns (d, n), C order, their sums and sums of squares (d,).

    Every point gets the same arithmetic, wherever it is in the table.
    """
    columns = np.empty(table.shape[::-1])
    total, squares = np.zeros(len(shift)), np.zeros(len(shift))
    for rows in row_blocks(table.shape, _VALUES_AT_A_TIME):
        block = columns[:, rows]
        np.subtract(table[rows].T, shift[:, None], out=block)
        block /= scale[:, None]
        total += block.sum(axis=1)
        squares += np.einsum("in,in->i", block, block)
    return columns, total, squares
