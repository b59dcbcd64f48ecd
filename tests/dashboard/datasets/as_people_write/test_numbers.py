"""Numbers as they are written, and what stands for none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.datasets.reading.numbers.spelling import (
    Evidence,
    Spelling,
    decide,
    parts_of,
)
from tests.dashboard.datasets.as_people_write.written import BIG, EC, PH, N, Reading, comma, lines

SIGNED = np.round(EC - 30, 2)
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
FULLWIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def american(x: float) -> str:
    return f'"{x:,.2f}"'


def german(x: float) -> str:
    return f"{x:,.2f}".translate(str.maketrans(",.", ".,"))


WAYS: dict[str, tuple[Callable[[float], str], np.ndarray]] = {
    "unicode minus": (lambda x: f"{x}".replace("-", "−"), SIGNED),
    "en dash": (lambda x: f"{x}".replace("-", "–"), SIGNED),
    "trailing minus": (lambda x: f"{-x}-" if x < 0 else f"{x}", SIGNED),
    "in parentheses": (lambda x: f"({-x})" if x < 0 else f"{x}", SIGNED),
    "plus": (lambda x: f"{x:+}", SIGNED),
    "Fortran": (lambda x: f"{x:.4E}".replace("E", "D"), SIGNED),
    "percent": (lambda x: f"{x}%", EC),
    "percent, blank": (lambda x: f"{x} %", EC),
    "euro": (lambda x: f"{x} €", EC),
    "dollar": (lambda x: f'"${x:,.2f}"', BIG),
    "unit": (lambda x: f"{x} mS/m", EC),
    "degrees": (lambda x: f"{x} °C", SIGNED),
    "apostrophe": (lambda x: f"'{x}", EC),
    "single quotes": (lambda x: f"'{x}'", EC),
    "formula": (lambda x: f'"=""{x}"""', EC),
    "Arabic digits": (lambda x: f"{x}".translate(ARABIC), EC),
    "fullwidth": (lambda x: f"{x}".translate(FULLWIDTH), EC),
    "thousands, American": (american, BIG),
    "thousands, Swiss": (lambda x: f"{x:,.2f}".replace(",", "'"), BIG),
    "thousands, typographic": (lambda x: f"{x:,.2f}".replace(",", "’"), BIG),
    "thousands, underscore": (lambda x: f"{x:_.2f}", BIG),
    "thousands, blank": (lambda x: f"{x:,.2f}".replace(",", " "), BIG),
    "thousands, hard blank": (lambda x: f"{x:,.2f}".replace(",", "\u202f"), BIG),
}


@pytest.mark.parametrize("way", WAYS)
def test_spellings(way: str, read: Reading) -> None:
    write, values = WAYS[way]
    found = read("v,pH\n" + lines(map(write, values), PH))
    np.testing.assert_array_equal(found.column("v"), values)
    assert found.selected == ["v", "pH"]


@pytest.mark.parametrize("write", [german, lambda x: f"{german(x)} €", lambda x: f"€ {german(x)}"])
def test_german_thousands(write: Callable[[float], str], read: Reading) -> None:
    found = read("v;pH\n" + lines(map(write, BIG), comma(PH), delimiter=";"))
    np.testing.assert_array_equal(found.column("v"), BIG)


def test_units_beside_the_numbers_become_the_columns_unit(read: Reading) -> None:
    found = read("EC,moisture\n" + lines([f"{x} mS/m" for x in EC], [f"{x}%" for x in PH]))
    assert [column.unit for column in found.dataset.columns] == ["mS/m", "%"]
    assert found.says('"EC"', f'"{EC[0]} mS/m" (row 1) was read as')


def test_each_column_has_its_own_decimal_mark(read: Reading) -> None:
    found = read("In/Out;Sum\n" + lines(comma(EC), PH, delimiter=";"))
    np.testing.assert_array_equal(found.column("In/Out"), EC)
    np.testing.assert_array_equal(found.column("Sum"), PH)


@pytest.mark.parametrize("mark", [",", "."])
def test_thousands_beside_smaller_whole_numbers(mark: str, read: Reading) -> None:
    """ "1,012" beside "987": never 1.012 without a word."""
    values = np.where(np.arange(N) % 5, BIG, 987)
    cells = [f"{x:,.0f}".replace(",", mark) for x in values]
    found = read("income;score\n" + lines(cells, np.arange(N) % 20, delimiter=";"))
    np.testing.assert_array_equal(found.column("income"), values)
    info = found.dataset.column("income")
    assert not info.selected
    assert "may mean" in info.reason
    assert found.says('"income"', "may mean")


def test_other_columns_tell_what_a_point_means(read: Reading) -> None:
    cells = [f"{x:,.0f}".replace(",", ".") for x in BIG]
    found = read("v;pH\n" + lines(cells, comma(PH), delimiter=";"))
    np.testing.assert_array_equal(found.column("v"), BIG)
    assert found.selected == ["v", "pH"]


def test_three_decimals_are_decimals(read: Reading) -> None:
    found = read("v,pH\n" + lines([f"{x:.3f}" for x in EC], PH))
    np.testing.assert_array_equal(found.column("v"), EC)
    assert found.selected == ["v", "pH"]


WORDS = [
    "N.A.", "n.d.", "ND", "BDL", "\\N", "#NV", "****", "1.#QNAN", "-1.#IND", "–", "—", "----", "*",
    ".A", "#DIV/0 !", "#DIV/0!", "ERR", "OVER", "NaT", "Null", "%NA", "k.A.", "missing", "<NA>",
]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_words_for_no_value(word: str, read: Reading) -> None:
    cells = [word if i % 7 == 3 else x for i, x in enumerate(EC)]
    found = read("EC,pH\n" + lines(cells, PH))
    gone = np.arange(N) % 7 == 3
    np.testing.assert_array_equal(np.isnan(found.column("EC")), gone)
    np.testing.assert_array_equal(found.column("EC")[~gone], EC[~gone])
    assert found.says('"EC"', f'"{word}" (row 4)', "missing")
    assert found.selected == ["EC", "pH"]


@pytest.mark.parametrize("cell", ["<0.01", "> 100", "<= 5 mg", "not today", "see above", "12a"])
def test_one_cell_never_drops_a_column(cell: str, read: Reading) -> None:
    found = read("EC,pH\n" + lines([*EC[:16], cell, *EC[17:]], PH))
    assert np.flatnonzero(np.isnan(found.column("EC"))).tolist() == [16]
    assert found.says('"EC"', f'"{cell}" (row 17)', "missing")


def test_contradicting_marks_are_refused_with_both_cells(read: Reading) -> None:
    found = read("v;pH\n" + lines([*comma(EC[:30]), *EC[30:]], PH, delimiter=";"))
    assert found.names == ["pH"]
    assert "Mixes decimal commas and points" in found.dataset.other_reasons[0]


@given(
    st.decimals(0, 10**9, places=2).map(float),
    st.sampled_from([(".", ","), (",", "."), (".", "'"), (",", " "), (".", ""), (",", "")]),
    st.booleans(),
)
def test_every_number_is_read_as_it_was_written(
    value: float, marks: tuple[str, str], negative: bool
) -> None:
    point, group = marks
    text = f"{value:,.2f}".replace(",", "g").replace(".", point).replace("g", group)
    parts = parts_of(f"-{text}" if negative else text)
    assert parts is not None
    assert parts.negative == negative
    assert Spelling(point, group).value(parts.body) == value
    spelling = decide(Evidence.of([parts]), ".", usual_is_certain=False).spelling
    assert spelling.value(parts.body) == value


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "x",
        "1.2.2024",
        "12:30",
        "2024-05-01",
        "22 6",
        "1,2,3",
        "A12",
        "1/2",
        "--5",
        "((5))",
        "5)",
    ],
)
def test_what_is_no_number(cell: str) -> None:
    parts = parts_of(cell)
    assert parts is None or Spelling(".", ",").value(parts.body) is None
