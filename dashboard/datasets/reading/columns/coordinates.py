"""Pairs of columns that say where a row was measured: by name and values, or by values alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from dashboard.datasets.model.dataset import Role
from dashboard.datasets.reading.columns.values import ColumnValues
from dashboard.datasets.reading.columns.words import LATITUDE, LONGITUDE, PROJECTED, words_of

_NAMELESS = re.compile(r"(column|col|var|v|x|field|f|feld|spalte)[ _]?\d+|unnamed.*", re.IGNORECASE)


def find_coordinates(columns: Sequence[ColumnValues]) -> dict[int, Role]:
    """Positions of columns that hold map coordinates."""
    found: dict[int, Role] = {}
    for position, column in enumerate(columns):
        words = set(words_of(column.name))
        if words & LONGITUDE and _within(column, 180):
            found[position] = "longitude"
        elif words & LATITUDE and _within(column, 90):
            found[position] = "latitude"
        elif PROJECTED & {*words, "".join(words_of(column.name))}:
            found[position] = "coordinate"
    if "longitude" not in found.values():
        found |= _long_beside_lat(columns, found)
    found |= _x_and_y(columns, found)
    if not found:
        found |= _by_value(columns)
    return found


def _long_beside_lat(columns: Sequence[ColumnValues], found: dict[int, Role]) -> dict[int, Role]:
    """Where "long" means no length: beside a latitude, or with fractions and as the whole name."""
    for position, column in enumerate(columns):
        words = words_of(column.name)
        alone = words == ["long"] and not column.whole
        low, high = column.minimum, column.maximum
        if "long" not in words or position in found or low is None or high is None:
            continue
        if (alone or "latitude" in found.values()) and low >= -180 and high <= 360:
            return {position: "longitude"}
    return {}


def _x_and_y(columns: Sequence[ColumnValues], found: dict[int, Role]) -> dict[int, Role]:
    """Columns whose names differ by x and y alone, such as POINT_X and POINT_Y."""
    axes: dict[tuple[str, ...], dict[str, int]] = {}
    for position, column in enumerate(columns):
        words = words_of(column.name)
        for axis in ("x", "y"):
            if axis in words and position not in found:
                rest = tuple(word for word in words if word != axis)
                axes.setdefault(rest, {})[axis] = position
    for rest, pair in axes.items():
        if len(pair) < 2 or len(columns) < 3:
            continue
        x, y = columns[pair["x"]], columns[pair["y"]]
        if _local(x, 180) and _local(y, 90):
            return {pair["x"]: "longitude", pair["y"]: "latitude"}
        mapped = {
            "point",
            "utm",
            "coord",
            "coords",
            "coordinate",
            "gps",
            "map",
            "m",
            "pos",
            "position",
            "proj",
        }
        plain = not rest and len(columns) >= 4  # a place rather than two measurements of three
        if mapped & set(rest) or _projected(x, y) or _is_grid(x, y) or plain:
            return {pair["x"]: "coordinate", pair["y"]: "coordinate"}
    return {}


def _by_value(columns: Sequence[ColumnValues]) -> dict[int, Role]:
    """Two neighbours without names that hold degrees of one region to a few metres."""
    for position, (first, second) in enumerate(itertools.pairwise(columns)):
        if not (_NAMELESS.fullmatch(first.name) and _NAMELESS.fullmatch(second.name)):
            continue
        if _degrees(first, 180) and _degrees(second, 90):
            return {position: "longitude", position + 1: "latitude"}
        if _degrees(first, 90) and _degrees(second, 180):
            return {position: "latitude", position + 1: "longitude"}
        if _projected(first, second):
            return {position: "coordinate", position + 1: "coordinate"}
    return {}


def _within(column: ColumnValues, degrees: float) -> bool:
    if column.minimum is None or column.maximum is None:
        return False
    return -degrees <= column.minimum and column.maximum <= degrees


def _local(column: ColumnValues, degrees: float) -> bool:
    """Fractional degrees of one region far from the origin, as no usual x or y would look."""
    if not _within(column, degrees) or column.whole or column.mean is None:
        return False
    return column.span < min(10.0, 0.5 * abs(column.mean))


def _degrees(column: ColumnValues, degrees: float) -> bool:
    """A field of at most some ten kilometres, given to about a metre."""
    if not _local(column, degrees) or column.mean is None:
        return False
    return column.n_decimals >= 4 and column.span < min(0.2, 0.02 * abs(column.mean))


def _projected(x: ColumnValues, y: ColumnValues) -> bool:
    """Metres of a national or UTM grid: large numbers, and a region small beside them."""
    if x.mean is None or y.mean is None:
        return False
    return all(
        abs(mean) > 10_000 and column.span < 0.2 * abs(mean) and column.span > 0
        for column, mean in ((x, x.mean), (y, y.mean))
    )


def _is_grid(x: ColumnValues, y: ColumnValues) -> bool:
    """Every place of a regular grid, once or several times each."""
    n_places = x.n_distinct * y.n_distinct
    if min(x.n_distinct, y.n_distinct) < 4 or x.n_finite != y.n_finite:
        return False
    return x.n_finite % n_places == 0 or (
        0.9 * n_places <= x.n_finite <= n_places and n_places >= 50
    )
