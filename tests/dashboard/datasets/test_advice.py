"""Which columns are preselected, and why the others are not."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.datasets import ColumnInfo
from dashboard.datasets.reading.columns.advice import MAX_SELECTED, advise
from dashboard.datasets.reading.columns.values import ColumnValues
from dashboard.datasets.reading.numbers.column import ColumnNotes

RNG = np.random.default_rng(5)
N = 40
NOISE = np.round(RNG.normal(50, 10, N), 2)
COUNTS = RNG.permutation(np.arange(N) * 37 + RNG.integers(0, 30, N)).astype(float)
MOSTLY_MISSING = np.where(np.arange(N) < 21, np.nan, NOISE)


def _advise(**columns: np.ndarray) -> tuple[dict[str, ColumnInfo], tuple[str, ...]]:
    return _advise_all(columns)


def _advise_all(columns: dict[str, np.ndarray]) -> tuple[dict[str, ColumnInfo], tuple[str, ...]]:
    measured = [
        ColumnValues.measure(name, "", np.asarray(values, float))
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
        ("gaps", np.arange(N) * 3, "identifier", "same step"),
        ("uneven gaps", np.cumsum(np.tile([1, 4], N // 2)), "identifier", "in order"),
        ("calls", 4_028_722_987 + np.arange(N) * 977, "identifier", "same step"),
        ("number", 4_028_722_987 + RNG.permutation(N) ** 2 * 977, "identifier", "by its name"),
        ("dialled", 4_028_722_987 + RNG.permutation(N) ** 2 * 977, "identifier", "Long whole"),
        ("target", RNG.integers(0, 3, N), "category", "class number"),
        ("Cluster", RNG.integers(0, 3, N), "category", "class number"),
        ("plot", RNG.integers(0, 15, N), "identifier", "by its name"),
        ("zip code", COUNTS + 10_000, "identifier", "code"),
        ("PLZ", COUNTS + 10_000, "identifier", "code"),
        ("Postal_Code", COUNTS + 10_000, "identifier", "code"),
        ("prtyid", COUNTS, "identifier", "by its name"),
        ("humid", COUNTS, "measurement", ""),
        ("treated", np.arange(N) % 2, "category", "two values only (0 and 1)"),
        ("level of pain", np.arange(N) % 5, "category", "5 different values only"),
        ("dose", np.arange(N) % 3 / 2, "category", "3 different values only"),
        ("treatment", np.arange(N) % 12 * 5, "category", "class number"),
        ("score", np.arange(N) % 20, "measurement", ""),
        ("Year", 1990 + np.arange(N) % 17, "time", "when"),
        ("DOY", 1 + np.arange(N) % 36, "time", "when"),
        ("month", 1 + np.arange(N) % 12, "time", "when"),
        ("year built", 1890 + RNG.integers(0, 99, N), "time", "Years"),
        ("GPS Time", 80_000 + np.cumsum(RNG.integers(1, 9, N)), "time", "when"),
        ("elapsed", np.cumsum(RNG.random(N)), "time", "when"),
        ("seconds", 0.5 + np.arange(N) * 3, "time", "when"),
        ("logged", np.cumsum(np.full(N, 0.25)), "time", "same step"),
        ("epoch", 1_700_000_000 + RNG.integers(0, 10**6, N), "time", "seconds since 1970"),
        ("stamp", 1_700_000_000_000 + np.arange(N) ** 2, "time", "milliseconds since 1970"),
        ("waiting time", NOISE, "measurement", ""),
        ("time", NOISE, "measurement", ""),  # how long, as it neither rises nor falls
        ("hours", RNG.permutation(N) * 1.5, "measurement", ""),
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
        ("Easting", NOISE * 1e4, "coordinate", "projected"),
        ("utm_y", NOISE * 1e4, "coordinate", "projected"),
        ("Elevation", NOISE, "measurement", ""),  # no map in this table
        ("platinum", NOISE / 2, "measurement", ""),
        ("long", COUNTS, "measurement", ""),
        ("long", NOISE, "longitude", "coordinate"),
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


DEGREES = (NOISE / 1000 - 120.6, NOISE / 1000 + 35.3)
METRES = (599_022.5 + NOISE, 6_054_227.5 + NOISE)
GRID = tuple(np.divmod(np.arange(40), 8))


@pytest.mark.parametrize(
    ("names", "pair", "others", "roles"),
    [
        ("x y", DEGREES, 1, ["longitude", "latitude"]),
        ("x y", DEGREES, 0, ["measurement"] * 2),  # nothing left to cluster
        ("x y", (NOISE - 50, NOISE - 40), 1, ["measurement"] * 2),
        ("x y", (NOISE - 50, NOISE - 40), 2, ["coordinate"] * 2),
        ("X Y", METRES, 1, ["coordinate"] * 2),
        ("POINT_X POINT_Y", (NOISE, NOISE + 1), 1, ["coordinate"] * 2),
        ("X_utm Y_utm", METRES, 1, ["coordinate"] * 2),
        ("x y", GRID, 1, ["coordinate"] * 2),
        ("Long_DD Lat_DD", DEGREES, 1, ["longitude", "latitude"]),
    ],
)
def test_pairs_that_say_where(names: str, pair: tuple, others: int, roles: list[str]) -> None:
    first, second = names.split()
    rest = {f"ec{i}": NOISE + i for i in range(others)}
    infos, _ = _advise_all({first: pair[0], second: pair[1], **rest})
    assert [infos[first].role, infos[second].role] == roles
    assert infos[first].selected == (roles[0] == "measurement")
    assert all(infos[name].selected for name in rest)


@pytest.mark.parametrize(
    ("pair", "is_map"),
    [
        (np.round(DEGREES, 6), True),
        (np.round(DEGREES[::-1], 6), True),
        (
            np.round((NOISE / 20 - 120.6, NOISE / 20 + 35.3), 2),
            False,
        ),  # to a kilometre: nobody maps a field so
        (METRES, True),
        ((NOISE, NOISE / 2), False),
    ],
)
def test_columns_without_names_that_say_where(pair: tuple, is_map: bool) -> None:
    columns = {"column 1": pair[0], "column 2": pair[1], "column 3": NOISE}
    infos, _ = _advise_all(columns)
    assert [info.selected for info in infos.values()] == [not is_map, not is_map, True]


def test_row_names_without_a_name() -> None:
    numbers = np.sort(RNG.choice(10**6, N, replace=False))
    infos, _ = _advise_all({"column 1": RNG.permutation(numbers), "ec": NOISE})
    assert infos["column 1"].role == "identifier"
    infos, _ = _advise_all({"column 1": RNG.permutation(numbers), "column 2": NOISE})
    assert infos["column 1"].selected


@pytest.mark.parametrize(
    "code", [-9999, 9999, -999, -99, 99999, -32768, -3.4e38, 1.70141e38, -1e30]
)
def test_codes_for_missing_values(code: float) -> None:
    values = NOISE.copy()
    values[[3, 9, 11]] = code
    infos, notes = _advise(ec=values, pH=NOISE)
    assert infos["ec"].nodata == code
    assert infos["pH"].nodata is None
    assert f'"ec" holds {code:g} in 3 row(s)' in notes[0]


@pytest.mark.parametrize(
    "values",
    [
        np.append(NOISE[1:], 99.0),  # in the range of the others, or nearly
        np.append(COUNTS[1:], 9999.0) * 10,
        np.linspace(-120, -80, N),
        np.append(np.arange(N - 1), -1.0),
    ],
)
def test_numbers_that_only_look_like_codes(values: np.ndarray) -> None:
    infos, _ = _advise(v=values)
    assert infos["v"].nodata is None


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


def test_statistics() -> None:
    infos, _ = _advise(v=np.array([1.0, 2.0, 2.0, 5.0, np.nan, np.inf, -np.inf]))
    info = infos["v"]
    assert (info.n_missing, info.n_infinite, info.n_distinct) == (1, 2, 3)
    assert (info.minimum, info.maximum, info.mean, info.std) == (1.0, 5.0, 2.5, 1.5)


def test_what_was_doubtful_to_read_is_not_preselected() -> None:
    notes = ColumnNotes(reason="Holds text in 40 % of its cells.")
    (info,), _ = advise([ColumnValues.measure("a", "", NOISE, notes)])
    assert (info.selected, info.reason) == (False, notes.reason)
