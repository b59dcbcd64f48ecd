"""Delimiters, names, units, and rows that are no data, in files as they are."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.datasets import DatasetError
from tests.dashboard.datasets.as_people_write.written import EC, PH, N, Reading, comma, lines

FIELDS = [f"Feld {i}" for i in range(N)]
MOMENTS = [f"2019-06-12 {i // 6:02}:{i % 6}0:17" for i in range(N)]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize(
    ("before", "names"),
    [
        ([FIELDS], "Ort"),
        ([MOMENTS], "Datum"),
        ([FIELDS, ["rot"] * N], "Ort Sorte"),
        ([FIELDS, list(range(20, 20 + N))], "Ort Alter"),
        ([MOMENTS, FIELDS, ["gut, nass"] * N], "Datum Ort Bemerkung"),
    ],
)
def test_one_decimal_comma_in_a_row_is_no_delimiter(
    mark: str, before: list, names: str, read: Reading
) -> None:
    header = mark.join([*names.split(), "Wert"]) + "\n"
    found = read(header + lines(*before, comma(EC), delimiter=mark))
    np.testing.assert_array_equal(found.column("Wert"), EC)
    assert found.selected[-1] == "Wert"
    assert found.says("decimal commas")


@pytest.mark.parametrize("n", [3, 12, 20, 60])
def test_from_few_rows_to_many(n: int, read: Reading) -> None:
    found = read("Datum;Temperatur (°C)\n" + lines(MOMENTS[:n], comma(EC[:n]), delimiter=";"))
    np.testing.assert_array_equal(found.column("Temperatur"), EC[:n])
    assert found.dataset.columns[0].unit == "°C"


@pytest.mark.parametrize("gap", [" ", "   ", "\t "])
def test_blanks_between_decimal_commas(gap: str, read: Reading) -> None:
    found = read(f"  EC{gap}pH\n" + lines(comma(EC), comma(PH), delimiter=gap), "t.txt")
    np.testing.assert_array_equal(found.column("EC"), EC)
    np.testing.assert_array_equal(found.column("pH"), PH)


@pytest.mark.parametrize(
    ("mark", "remark"),
    [(";", "wet, stony, grey"), ("|", "wet, stony; grey"), ("\t", "wet; stony, grey | cold")],
)
def test_other_delimiters_within_text(mark: str, remark: str, read: Reading) -> None:
    found = read(
        mark.join(["remark", "EC", "pH"]) + "\n" + lines([remark] * N, EC, PH, delimiter=mark)
    )
    assert found.names == ["EC", "pH"]
    assert found.catalogue.rows(found.dataset.dataset_id)["remark"][0] == remark


def test_commas_in_the_names_alone(read: Reading) -> None:
    found = read("EC, shallow;pH, top\n" + lines(EC, PH, delimiter=";"))
    assert found.names == ["EC, shallow", "pH, top"]


@pytest.mark.parametrize(
    "first", ["sep=;", "SEP=;", "Sep = ;", '"sep=;"', "sep=;;", "\ufeffsep=;", "sep=; "]
)
def test_the_delimiter_as_excel_declares_it(first: str, read: Reading) -> None:
    found = read(f"{first}\r\nEC, shallow;pH\r\n" + lines(comma(EC), comma(PH), delimiter=";"))
    assert found.names == ["EC, shallow", "pH"]
    np.testing.assert_array_equal(found.column("pH"), PH)


@pytest.mark.parametrize(
    "text",
    [
        "EC,pH,\n" + lines(EC, PH, [""] * N),
        "EC,pH\n" + lines(EC, PH, [""] * N),
        "EC,pH\n" + lines(EC, PH, ["", *[","] * (N - 1)]),
        "EC,pH\n" + lines(EC, [f"{x}{',' * (i % 2)}" for i, x in enumerate(PH)]),
        "EC,pH\n" + lines(EC, [f"{PH[0]},", *PH[1:]]),
        "EC,pH\r\r\n" + lines(EC, PH).replace("\n", "\r\r\n"),
        "EC,pH\n\n" + lines(EC, PH).replace("\n", "\n\n"),
        "EC,pH\n" + lines(EC, PH) + ",\n" * 30,
    ],
)
def test_delimiters_and_lines_too_many(text: str, read: Reading) -> None:
    found = read(text)
    assert (found.names, found.dataset.n_rows) == (["EC", "pH"], N)
    np.testing.assert_array_equal(found.column("pH"), PH)


def test_names_without_a_column(read: Reading) -> None:
    found = read("EC,pH,a,b\n" + lines(EC, PH))
    assert (found.names, found.dataset.n_rows) == (["EC", "pH"], N)
    assert found.says("last 2 name(s) have no column")


def test_rows_that_end_early_are_said(read: Reading) -> None:
    found = read("EC,pH,note\n" + lines(EC, [f"{x}{',x' * (i % 2)}" for i, x in enumerate(PH)]))
    assert found.dataset.n_rows == N
    assert found.says(f"{N // 2} row(s) end early")


@pytest.mark.parametrize(
    ("above", "said"),
    [
        ("Survey of field 3, south part\nOperator: Smith, John\n\n", "2 line(s) above"),
        ("Device,X100\nSerial,1234\nOperator,Smith\n", "3 line(s) above"),
        ("# instrument: X100\n# date, 2024-05-01\n", ""),
        ("# line\n" * 40, ""),
    ],
)
def test_what_stands_above_the_table(above: str, said: str, read: Reading) -> None:
    found = read(f"{above}EC,pH\n" + lines(EC, PH))
    assert (found.names, found.dataset.n_rows) == (["EC", "pH"], N)
    assert not said or found.says(said)


def test_names_in_a_comment(read: Reading) -> None:
    found = read("# instrument X100\n# EC,pH\n" + lines(EC, PH))
    assert (found.names, found.dataset.n_rows) == (["EC", "pH"], N)


@pytest.mark.parametrize(
    ("header", "units"),
    [
        ("site,EC,pH\n,mS/m,-\n", ["mS/m", "-"]),
        ("site,EC,pH\n[],[mS/m],[-]\n", ["mS/m", ""]),
        (
            '"TOA5","9999","CR1000","CPU:x"\n"site","EC","pH"\n"TS","mS/m",""\n"","Smp","Avg"\n',
            None,
        ),
        ("site,EC,pH\nd,c,c\nmeta,,\n", ["", ""]),
        ("site,EC (mS/m),pH\n", ["mS/m", ""]),
    ],
)
def test_rows_of_units(header: str, units: list[str] | None, read: Reading) -> None:
    found = read(header + lines([f"S{i}" for i in range(N)], EC, PH))
    assert (found.names, found.dataset.n_rows) == (["EC", "pH"], N)
    assert found.dataset.columns[0].unit == ("mS/m" if units is None else units[0])
    np.testing.assert_array_equal(found.column("EC"), EC)


@pytest.mark.parametrize(
    ("below", "n_left_out"),
    [
        (f"Total,{EC.sum():.2f},{PH.sum():.2f}\n", 1),
        (f"Mean:,{EC.mean():.2f},{PH.mean():.2f}\nGrand total,1,2\n", 2),
        ("End of file\nPage 1 of 1\n", 2),
        ('"Report created 3/13/2015, by Smith"\n', 1),
        ("\n\nSource: own survey\n", 1),
    ],
)
@pytest.mark.parametrize("n_copies", [1, 40])
def test_what_stands_below_the_table(
    below: str, n_left_out: int, n_copies: int, read: Reading
) -> None:
    rows = lines([f"S{i}" for i in range(N)], EC, PH) * n_copies
    found = read("site,EC,pH\n" + rows + below)
    assert found.dataset.n_rows == N * n_copies
    assert found.says(f"{n_left_out} ", "below the table were left out")
    assert found.selected == ["EC", "pH"]


def test_last_rows_without_numbers_are_rows(read: Reading) -> None:
    found = read("site,EC\n" + lines([f"S{i}" for i in range(N)], [*EC[:-3], "", "", ""]))
    assert found.dataset.n_rows == N
    assert found.dataset.column("EC").n_missing == 3


def test_remarks_between_rows_are_rows_and_said(read: Reading) -> None:
    rows = lines([f"S{i}" for i in range(N)], EC, PH).splitlines(keepends=True)
    found = read("site,EC,pH\n" + "".join([*rows[:20], "S99\n", *rows[20:]]))
    assert found.dataset.n_rows == N + 1
    assert found.says("1 row(s) end early")


def test_a_last_row_with_one_bad_cell_is_a_row(read: Reading) -> None:
    found = read("EC,pH\n" + lines(EC, PH) + "broken,7\n")
    assert found.dataset.n_rows == N + 1
    assert np.isnan(found.column("EC")[-1])


def test_files_put_together_repeat_their_names(read: Reading) -> None:
    found = read(("EC,pH\n" + lines(EC, PH)) * 3)
    assert found.dataset.n_rows == 3 * N
    assert found.says("2 row(s) that repeat the column names")


def test_comments_between_rows(read: Reading) -> None:
    rows = lines(EC, PH).splitlines(keepends=True)
    found = read("EC,pH\n" + "".join([*rows[:20], "# battery changed\n", *rows[20:]]))
    assert found.dataset.n_rows == N
    assert found.says('1 comment line(s) were skipped ("# battery changed")')


@pytest.mark.parametrize(
    "columns",
    [
        [EC, PH],
        [[*EC[:1], "", *EC[2:]], PH],
        [["", *EC[1:]], PH],
        [FIELDS, EC, PH],
        [FIELDS, np.rint(EC).astype(int), np.rint(PH * 10).astype(int)],
        [FIELDS, EC, [""] * N, PH],
        [MOMENTS, EC, PH],
        [list(range(N)), EC, PH],
        [["", *range(1, N)], EC, PH],
    ],
)
def test_no_row_of_data_becomes_names(columns: list, read: Reading) -> None:
    found = read(lines(*columns))
    assert found.dataset.n_rows == N
    assert all(name.startswith("column ") for name in found.dataset.headers)
    assert found.says("first row holds numbers")


@pytest.mark.parametrize("names", ["2019,2020,2021", "1940,1945,1950"])
def test_numbers_as_names(names: str, read: Reading) -> None:
    found = read(f"region,{names}\n" + lines(["north", "south", "west"], EC[:3], PH[:3], EC[3:6]))
    assert found.names == names.split(",")


def test_a_quote_that_is_never_closed_takes_nothing_in_silence(read: Reading) -> None:
    rows = lines(EC, PH).splitlines(keepends=True)
    with pytest.raises(DatasetError, match="never closed"):
        read("EC,pH\n" + "".join([*rows[:20], '"3,4\n', *rows[20:]]))
