"""Which columns to cluster when nobody has chosen, and a sentence for each that is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.datasets.model.dataset import ColumnInfo, Role

MAX_SELECTED = 8  # above this a first clustering is slow, and hard to look at


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The measured facts on which the advice about one numeric column rests."""

    name: str
    unit: str
    n_rows: int
    n_missing: int
    n_infinite: int
    n_distinct: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    whole: bool
    steady: bool
    rounded: bool
    n_at_minimum: int

    @classmethod
    def measure(cls, name: str, unit: str, column: np.ndarray, rounded: bool) -> ColumnValues:
        """Facts of ``column`` (n,) float64, which may hold NaN (missing) and infinite values.

        ``steady``: the values never fall, or never rise, from row to row.
        ``rounded``: whole numbers beyond 2**53 lost digits when they became float64.
        """
        finite = column[np.isfinite(column)]
        n_infinite = int(np.isinf(column).sum())
        facts: dict[str, Any] = dict.fromkeys(("minimum", "maximum", "mean", "std"))
        facts |= {"n_distinct": 0, "whole": False, "steady": False, "n_at_minimum": 0}
        if finite.size:
            facts |= _facts(finite)
        return cls(
            name=name,
            unit=unit,
            n_rows=column.size,
            n_missing=column.size - finite.size - n_infinite,
            n_infinite=n_infinite,
            rounded=rounded,
            **facts,
        )


def _facts(finite: np.ndarray) -> dict[str, Any]:
    """Of at least one finite value; ``finite`` is sorted in place."""
    steps = np.diff(finite)
    steady = bool(np.all(steps >= 0) or np.all(steps <= 0))
    del steps
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = _moments(finite)
    whole = bool(np.all(finite == np.rint(finite)))
    finite.sort()
    return {
        "n_distinct": 1 + int(np.count_nonzero(finite[1:] != finite[:-1])),
        "minimum": float(finite[0]),
        "maximum": float(finite[-1]),
        "mean": mean,
        "std": std,
        "whole": whole,
        "steady": steady,
        "n_at_minimum": int(np.searchsorted(finite, finite[0], side="right")),
    }


def _moments(finite: np.ndarray) -> tuple[float | None, float | None]:
    """Mean and population sd; None where values near 1e308 overflow."""
    mean = float(finite.mean())
    std = float(finite.std()) if np.isfinite(mean) else float("nan")
    return (mean if np.isfinite(mean) else None, std if np.isfinite(std) else None)


def advise(columns: list[ColumnValues]) -> tuple[tuple[ColumnInfo, ...], tuple[str, ...]]:
    """Role, selection and reason of each column, and sentences about the selection as a whole."""
    coordinates = _coordinates(columns)
    verdicts = []
    n_selected = 0
    n_beyond = 0
    for position, column in enumerate(columns):
        role, reason = _verdict(column, coordinates.get(position), bool(coordinates))
        if not reason and n_selected == MAX_SELECTED:
            n_beyond += 1
            reason = f"One of many: only the first {MAX_SELECTED} measurements are preselected."
        n_selected += not reason
        verdicts.append(_info(column, role, reason))
    notes = []
    if n_beyond:
        notes.append(
            f"{MAX_SELECTED} of {n_selected + n_beyond} measurement columns are preselected, "
            "the first ones; choose the columns that matter."
        )
    if columns and not n_selected:
        notes.append("No column is preselected; the reason stands beside each of them.")
    notes += [
        f'"{column.name}" holds {column.minimum:g} in {column.n_at_minimum:,} row(s), which often '
        "stands for a missing value; empty those cells to leave such rows out."
        for column in columns
        if column.minimum in _MISSING_CODES and column.n_distinct > 1
    ]
    return tuple(verdicts), tuple(notes)


def _info(column: ColumnValues, role: Role, reason: str) -> ColumnInfo:
    return ColumnInfo(
        name=column.name,
        unit=column.unit,
        n_missing=column.n_missing,
        n_infinite=column.n_infinite,
        n_distinct=column.n_distinct,
        minimum=column.minimum,
        maximum=column.maximum,
        mean=column.mean,
        std=column.std,
        role=role,
        selected=not reason,
        reason=reason,
    )


_LONGITUDE = {"longitude", "lon", "lng", "longitud"}
_LATITUDE = {"latitude", "lat", "latitud"}
_PROJECTED = {"easting", "northing", "eastings", "northings", "utmx", "utmy"}
_HEIGHT = {"elevation", "elev", "altitude", "alt", "dem", "elevacion"}
_IDENTIFIER = {
    "id", "fid", "oid", "gid", "uid", "pid", "objectid", "index", "idx", "row", "rowid", "rownum",
    "rownumber", "rownames", "rowname", "recordid", "recordno", "serial", "serialnumber",
}  # fmt: skip
_LABEL = {
    "class", "classes", "target", "label", "labels", "cluster", "category", "species", "zone",
    "group", "groundtruth",
}  # fmt: skip
_MISSING_CODES = {-999.0, -9999.0, -99999.0, -999999.0, -32768.0}
_MAX_LABELS = 30
_MOSTLY = 0.5


def _words(name: str) -> list[str]:
    """Lower-case words of "GPS_Longitude", "startLng" or "Sample ID"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^0-9a-z]+", spaced.lower()) if word]


def _verdict(column: ColumnValues, coordinate: Role | None, mapped: bool) -> tuple[Role, str]:
    """Role of one column and why it is not preselected ("" when it is)."""
    n_finite = column.n_rows - column.n_missing - column.n_infinite
    words = _words(column.name)
    if n_finite == 0:
        return "empty", "Holds no finite values."
    if column.n_distinct == 1:
        return "constant", f"Holds one value only ({column.minimum:g})."
    if coordinate is not None:
        return coordinate, f"Map coordinate ({coordinate}): says where, not what."
    if column.rounded:
        return (
            "identifier",
            "Holds whole numbers beyond 2^53, which lose digits here: probably identifiers.",
        )
    reason = _identifier_reason(column, words, n_finite)
    if reason:
        return "identifier", reason
    if _PROJECTED & {"".join(words), *words}:
        return "measurement", "Map coordinate in projected units: says where, not what."
    # Elevation beside map coordinates is a property of the place: it varies smoothly over the
    # field, so zones found with it follow the terrain instead of what was measured there. In a
    # table without coordinates it is a measurement like any other.
    if mapped and _HEIGHT & set(words):
        return "measurement", "Describes the terrain of the map; select it to include it."
    n_left_out = column.n_missing + column.n_infinite
    if n_left_out > _MOSTLY * column.n_rows:
        share = 100 * n_left_out / column.n_rows
        return (
            "measurement",
            f"Missing or infinite in {share:.0f} % of the rows, which would all be left out.",
        )
    return "measurement", ""


def _identifier_reason(column: ColumnValues, words: list[str], n_finite: int) -> str:
    if not column.whole or column.minimum is None or column.maximum is None:
        return ""
    joined = "".join(words)
    if joined in _IDENTIFIER or (len(words) > 1 and words[-1] == "id"):
        return "Looks like an identifier (by its name)."
    if joined in _LABEL and column.n_distinct <= min(_MAX_LABELS, n_finite / 2):
        return "Looks like a class number, not a measurement (by its name)."
    # Few rows are consecutive numbers by chance, and a table sorted by a measured count has
    # steady whole numbers too: an identifier leaves few gaps.
    span = column.maximum - column.minimum + 1
    if n_finite >= 8 and column.n_distinct == n_finite:
        if span == n_finite:
            return "Looks like an identifier: consecutive whole numbers, each once."
        if column.steady and span <= 4 * n_finite:
            return "Looks like an identifier: whole numbers in order, each once."
    return ""


def _coordinates(columns: list[ColumnValues]) -> dict[int, Role]:
    """Positions of longitude and latitude columns, by name and range together."""
    found: dict[int, Role] = {}
    for position, column in enumerate(columns):
        words = set(_words(column.name))
        if words & _LONGITUDE and _within(column, 180):
            found[position] = "longitude"
        elif words & _LATITUDE and _within(column, 90):
            found[position] = "latitude"
    if "longitude" not in found.values():
        found.update(_short_names(columns, found))
    return found


def _short_names(columns: list[ColumnValues], found: dict[int, Role]) -> dict[int, Role]:
    """Named "long" beside a latitude, and x with y: names that mean other things as well."""
    by_name = {column.name.strip().lower(): i for i, column in enumerate(columns)}
    long = by_name.get("long")
    if long is not None and "latitude" in found.values() and _within(columns[long], 180):
        return {long: "longitude"}
    x, y = by_name.get("x"), by_name.get("y")
    if found or x is None or y is None or len(columns) < 3:
        return {}
    if _local(columns[x], 180) and _local(columns[y], 90):
        return {x: "longitude", y: "latitude"}
    return {}


def _within(column: ColumnValues, degrees: float) -> bool:
    if column.minimum is None or column.maximum is None:
        return False
    return -degrees <= column.minimum and column.maximum <= degrees


def _local(column: ColumnValues, degrees: float) -> bool:
    """Fractional degrees of one region far from the origin, as no usual x or y would look."""
    if not _within(column, degrees) or column.whole or column.mean is None:
        return False
    assert column.minimum is not None
    assert column.maximum is not None
    return (column.maximum - column.minimum) < min(10.0, 0.5 * abs(column.mean))
