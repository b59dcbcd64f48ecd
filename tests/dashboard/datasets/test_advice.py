"""Which columns are preselected, and why the others are not."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.datasets import ColumnInfo
from dashboard.datasets.reading.advice import MAX_SELECTED, ColumnValues, advise

RNG = np.random.default_rng(5)
N = 40
NOISE = np.round(RNG.normal(50, 10, N), 2)
COUNTS = RNG.permutation(np.arange(N) * 37 + RNG.integers(0, 30, N)).astype(float)
MOSTLY_MISSING = np.where(np.arange(N) < 21, np.nan, NOISE)


def _advise(**columns: np.ndarray) -> tuple[dict[str, ColumnInfo], tuple[str, ...]]:
    return _advise_all(columns)


def _advise_all(columns: dict[str, np.ndarray]) -> tuple[dict[str, ColumnInfo], tuple[str, ...]]:
    measured = [
        ColumnValues.measure(name, "", np.asarray(values, float), rounded=False)
        for name, values in columns.items()
    ]
    infos, notes = advise(measured)
    return {info.name: info for info in infos}, notes


@pytest.mark.parametrize(
    ("name", "values", "role", "word"),
    [
        ("ec", NOISE, "measurement", ""),
        ("count", COUNTS, "measurement", ""),
        ("age", RNG.integers(20, 60, N), "measurement", ""),
        ("rank", np.arange(5), "measurement", ""),  # five rows count by chance
        ("population", np.sort(COUNTS) * 1000, "measurement", ""),
        ("index", NOISE, "measurement", ""),  # a vegetation index, say
        ("class", NOISE, "measurement", ""),
        ("width", NOISE, "measurement", ""),
        ("id", COUNTS, "identifier", "by its name"),
        ("FID", COUNTS, "identifier", "by its name"),
        ("OBJECTID", COUNTS, "identifier", "by its name"),
        ("sampleId", COUNTS, "identifier", "by its name"),
        ("species_id", RNG.integers(1, 4, N), "identifier", "by its name"),
        ("Row", COUNTS, "identifier", "by its name"),
        ("nobody knows", np.arange(N) + 1000, "identifier", "consecutive"),
        ("shuffled", RNG.permutation(N), "identifier", "consecutive"),
        ("gaps", np.arange(N) * 3, "identifier", "in order"),
        ("target", RNG.integers(0, 3, N), "identifier", "class number"),
        ("Cluster", RNG.integers(0, 3, N), "identifier", "class number"),
        ("same", np.full(N, 7.5), "constant", "one value only (7.5)"),
        ("same or missing", np.where(np.arange(N) < 5, np.nan, 7), "constant", "one value"),
        ("nothing", np.full(N, np.nan), "empty", "no finite values"),
        ("infinite", np.full(N, np.inf), "empty", "no finite values"),
        ("half", MOSTLY_MISSING, "measurement", "in 52 % of the rows"),
        ("Longitude", NOISE, "longitude", "coordinate"),
        ("lon", -NOISE, "longitude", "coordinate"),
        ("lng", NOISE, "longitude", "coordinate"),
        ("gps_longitude", NOISE, "longitude", "coordinate"),
        ("lon", NOISE * 1000, "measurement", ""),  # named so, but not degrees
        ("Lat", NOISE / 2, "latitude", "coordinate"),
        ("lat", NOISE * 3, "measurement", ""),
        ("Easting", NOISE * 1e4, "measurement", "projected"),
        ("utm_y", NOISE * 1e4, "measurement", "projected"),
        ("Elevation", NOISE, "measurement", ""),  # no map in this table
        ("platinum", NOISE / 2, "measurement", ""),
        ("long", NOISE, "measurement", ""),
    ],
)
def test_one_column(name: str, values: np.ndarray, role: str, word: str) -> None:
    infos, _ = _advise_all({name: values})
    info = infos[name]
    assert info.role == role
    assert info.selected == (word == "")
    assert (word in info.reason) if word else (info.reason == "")
    assert info.reason == "" or info.reason.endswith(".")


def test_elevation_beside_coordinates_belongs_to_the_map() -> None:
    infos, _ = _advise(
        Longitude=NOISE / 100 - 120,
        Latitude=NOISE / 100 + 35,
        EC1=NOISE,
        EC2=NOISE**2,
        Elevation=NOISE,
    )
    assert [name for name, info in infos.items() if info.selected] == ["EC1", "EC2"]
    assert infos["Elevation"].role == "measurement"
    assert "terrain" in infos["Elevation"].reason


def test_long_means_longitude_beside_a_latitude() -> None:
    infos, _ = _advise(lat=NOISE, long=NOISE, width=NOISE)
    assert [info.role for info in infos.values()] == ["latitude", "longitude", "measurement"]


@pytest.mark.parametrize(
    ("x", "y", "others", "is_map"),
    [
        (NOISE / 1000 - 120.6, NOISE / 1000 + 35.3, {"ec": NOISE}, True),
        (NOISE / 1000 - 120.6, NOISE / 1000 + 35.3, {}, False),  # nothing left to cluster
        (NOISE - 50, NOISE - 50, {"z": NOISE}, False),  # around zero: an ordinary x and y
        (np.round(NOISE), np.round(NOISE), {"z": NOISE}, False),
        (NOISE * 1e4, NOISE * 1e4, {"z": NOISE}, False),
    ],
)
def test_x_and_y(x: np.ndarray, y: np.ndarray, others: dict, is_map: bool) -> None:
    infos, _ = _advise(x=x, y=y, **others)
    assert (infos["x"].role == "longitude") == is_map
    assert (infos["y"].role == "latitude") == is_map


def test_many_measurements_are_capped_and_said() -> None:
    infos, notes = _advise_all({f"m{i}": NOISE + i for i in range(30)})
    assert [n for n, info in infos.items() if info.selected] == [
        f"m{i}" for i in range(MAX_SELECTED)
    ]
    assert "first 8" in infos["m29"].reason
    assert notes == (
        "8 of 30 measurement columns are preselected, the first ones; "
        "choose the columns that matter.",
    )


def test_nothing_to_select_is_said() -> None:
    _, notes = _advise(id=np.arange(N), flat=np.ones(N))
    assert notes == ("No column is preselected; the reason stands beside each of them.",)


def test_codes_for_missing_values_are_pointed_out() -> None:
    values = NOISE.copy()
    values[[3, 9]] = -9999
    infos, notes = _advise(ec=values)
    assert infos["ec"].selected
    assert '"ec" holds -9999 in 2 row(s)' in notes[0]


def test_statistics() -> None:
    infos, _ = _advise(v=np.array([1.0, 2.0, 2.0, 5.0, np.nan, np.inf, -np.inf]))
    info = infos["v"]
    assert (info.n_missing, info.n_infinite, info.n_distinct) == (1, 2, 3)
    assert (info.minimum, info.maximum, info.mean, info.std) == (1.0, 5.0, 2.5, 1.5)
