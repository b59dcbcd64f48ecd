"""Points in an order in which neighbours are close, and boxes around every few of them.

The compiled kernel bounds the scores in a box before it looks at its points: its C source
bounds.h says how.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmeans_core.points.arrays import FloatArray, IntArray

GROUP, BRANCH = 32, 8
"""Points in a box, and such boxes in a larger one; the numbers of the C sources."""

MOST_COLUMNS, MOST_CLUSTERS = 8, 64
"""The compiled kernel takes boxes of so many columns, and uses them for so many clusters."""

LEAST_ROWS, MOST_ROWS = 1_024, 65_536
"""Fewer rows are assigned faster than boxes; more take longer to arrange than one fit of them."""

LEAST_BOXES_ACROSS = 6.0
"""Boxes side by side along each column, on average, from which on enough of them belong to one
cluster. Measured on noise and on groups, K = 2 to 16: a fit takes 0.4 to 0.9 of its time with
more, 0.9 to 2 times its time with four or less."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The points of a table in another order, prepared units, and boxes around runs of them.

    columns         (d, n) float64, C order.
    leaves          (2, d, 8 B): centres and half widths of the boxes around each GROUP points,
                    for B branches; those beyond the last point are zero.
    branches        (2, d, B + 8): the same of each BRANCH groups.
    """

    columns: FloatArray
    leaves: FloatArray
    branches: FloatArray


def is_worth_arranging(n_rows: int, d: int) -> bool:
    """Whether boxes around the points of a table save time: many rows, few columns."""
    across = (n_rows / GROUP) ** (1.0 / d)
    return LEAST_ROWS <= n_rows <= MOST_ROWS and d <= MOST_COLUMNS and across >= LEAST_BOXES_ACROSS


def check_box_sizes(n_rows: int, d: int) -> None:
    """Raise ValueError for a table that the compiled kernel takes no boxes of."""
    if n_rows > MOST_ROWS or d > MOST_COLUMNS:
        raise ValueError(
            f"Boxes are for at most {MOST_ROWS} rows and {MOST_COLUMNS} columns; got a table of "
            f"{n_rows} rows and {d} columns."
        )


def n_leaves(n_rows: int) -> int:
    """Boxes of GROUP points, to a whole number of branches."""
    return -(-n_rows // (GROUP * BRANCH)) * BRANCH


def arrangement_of(columns: FloatArray, rows: IntArray) -> Arrangement:
    """The arrangement of columns (d, n) in the order of rows (n,)."""
    arranged = np.ascontiguousarray(columns[:, rows])
    leaves = n_leaves(len(rows))
    return Arrangement(
        arranged,
        _boxes(arranged, GROUP, leaves),
        _boxes(arranged, GROUP * BRANCH, leaves // BRANCH + BRANCH),
    )


def _boxes(columns: FloatArray, length: int, n_boxes: int) -> FloatArray:
    """Centres and half widths (2, d, n_boxes) of the boxes around each `length` points."""
    d, n = columns.shape
    starts = np.arange(0, n, length)
    highest = np.maximum.reduceat(columns, starts, axis=1)
    lowest = np.minimum.reduceat(columns, starts, axis=1)
    boxes = np.zeros((2, d, n_boxes))
    centres, halves = boxes[:, :, : len(starts)]
    np.multiply(lowest + highest, 0.5, out=centres)
    # From the rounded centre, so that every point is in its box.
    np.maximum(highest - centres, centres - lowest, out=halves)
    return boxes
