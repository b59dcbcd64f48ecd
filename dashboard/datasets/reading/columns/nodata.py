"""Numbers that stand for "no value", such as -9999, found by their value and their distance."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.datasets.reading.columns.values import ColumnValues

_LARGEST = 1e29
"""Beyond this nothing is measured: raster programs write 1.70141e+38, -3.4e38, -1e30 or 1e31."""
_NINES = frozenset(
    sign * value
    for sign in (1.0, -1.0)
    for digits in range(2, 9)
    for value in (
        float("9" * digits),
        float("9" * digits) + 0.9,
        float("9" * digits) + 0.99,
        float("8" * digits),
    )
) | {
    -32768.0,
    32767.0,
    -32767.0,
    65535.0,
    -2147483648.0,
    2147483647.0,
    -1.0,
    -99.9,
    -9.99,
    99.99,
    9.99,
    -99.99,
    -999.25,
    999.25,
    -9.9,
}
_FAR = 1.0
"""How far outside the other values, in their span, a code of nines lies."""


@dataclass(frozen=True, slots=True)
class NodataCode:
    """A value that probably means "no value", and the rows that hold it."""

    value: float
    n_rows: int


def code_of(column: ColumnValues) -> NodataCode | None:
    """The code among the values of a column, if there seems to be one."""
    if column.minimum is None or column.maximum is None or column.n_distinct < 3:
        return None
    assert column.second is not None
    assert column.last_but_one is not None
    ends = (
        (column.minimum, column.n_at_minimum, column.second, column.maximum),
        (column.maximum, column.n_at_maximum, column.last_but_one, column.minimum),
    )
    for value, n_rows, nearest, farthest in ends:
        span = abs(farthest - nearest) if abs(farthest) < _LARGEST else 0.0
        if abs(value) >= _LARGEST > abs(nearest):
            return NodataCode(value, n_rows)
        if value not in _NINES:
            continue
        far = abs(value - nearest) > _FAR * span
        # -1 among numbers that are never negative, and often: counts, lengths, concentrations.
        lone = value == -1.0 and nearest >= 0 and n_rows >= 3 and not column.whole
        if (far and abs(value) >= 9 and value != -1.0) or lone:
            return NodataCode(value, n_rows)
    return None
