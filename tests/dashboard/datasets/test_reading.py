"""Files as people write them: what must simply work, and arrive exactly as written."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.datasets import Dataset, DatasetCatalogue


class Reader:
    """Adds content to a catalogue of its own and looks at what came out."""

    def __init__(self, root: Path) -> None:
        self.catalogue = DatasetCatalogue(root / "data")
        self._upload = root / "upload"

    def __call__(self, content: bytes | str, name: str = "table.csv") -> Dataset:
        self._upload.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.catalogue.add_file(self._upload, name)

    def values(self, dataset: Dataset) -> list[list[float]]:
        names = [column.name for column in dataset.columns]
        return self.catalogue.columns(dataset.dataset_id, names).tolist()


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def _names(dataset: Dataset) -> list[str]:
    return [column.name for column in dataset.columns]


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1.5,2\n3,-4e2\n",
        "a;b\n1.5;2\n3;-4e2\n",
        "a;b\n1,5;2\n3;-4e2\n",
        "a\tb\n1.5\t2\n3\t-4e2\n",
        "a\tb\n1,5\t2\n3\t-4e2\n",
        "a|b\n1.5|2\n3|-4e2\n",
        "a b\n1.5 2\n3 -4e2\n",
        "   a    b\n 1.5    2  \n   3 -4e2\n",
        "a  \t b\n1.5 \t 2\n3\t-4e2\n",
        "a, b\n1.5, 2\n3, -4e2\n",
        "a,b\r\n1.5,2\r\n3,-4e2\r\n",
        "a,b\r1.5,2\r3,-4e2\r",
        "a,b\n1.5,2\n3,-4e2",
        '"a","b"\n"1.5","2"\n"3","-4e2"\n',
        '"a";"b"\n"1,5";"2"\n"3";"-4e2"\n',
        "\n\na,b\n1.5,2\n\n3,-4e2\n\n",
        "sep=;\na;b\n1,5;2\n3;-4e2\n",
        "My survey, in spring\na;b\n1.5;2\n3;-4e2\n",
        "# a comment\n# another\n\na,b,c\n1.5,2,x\n3,-4e2,y\n",
        "a,b\n1.5,2,\n3,-4e2,\n",
        "\ufeffa,b\n1.5,2\n3,-4e2\n",
    ],
)
def test_ways_to_write_one_table(text: str, read: Reader) -> None:
    dataset = read(text)
    assert read.catalogue.columns(dataset.dataset_id, ["a", "b"]).tolist() == [[1.5, 2], [3, -400]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_encodings(encoding: str, gzipped: bool, read: Reader) -> None:
    content = "Höhe;Größe (µm);Ort\n1,5;2;Köln\n3;4;Düren\n".encode(encoding)
    dataset = read(gzip.compress(content) if gzipped else content, "höhe.csv")
    assert [(c.name, c.unit) for c in dataset.columns] == [("Höhe", ""), ("Größe", "µm")]
    assert read.values(dataset) == [[1.5, 2.0], [3.0, 4.0]]
    assert list(read.catalogue.rows(dataset.dataset_id)["Ort"]) == ["Köln", "Düren"]
    said = any("Windows-1252" in note for note in dataset.notes)
    assert said == (encoding == "cp1252")


def test_windows_letter_far_from_the_start(read: Reader) -> None:
    rows = "".join(f"{i}.5,x\n" for i in range(150_000))
    dataset = read(f"a,b\n{rows}1.5,".encode() + b"K\xf6ln\n")
    assert dataset.n_rows == 150_001
    assert read.catalogue.rows(dataset.dataset_id)["b"].iloc[-1] == "Köln"


def test_several_gzip_members(read: Reader) -> None:
    members = gzip.compress(b"a\n1.5\n2.5\n") + gzip.compress(b"3.5\n")
    dataset = read(members + b"\0" * 9, "t.csv.gz")
    assert read.values(dataset) == [[1.5], [2.5], [3.5]]


def test_no_header(read: Reader) -> None:
    dataset = read("1.5,2,7\n3,4,9\n")
    assert _names(dataset) == ["column 1", "column 2", "column 3"]
    assert read.values(dataset) == [[1.5, 2.0, 7.0], [3.0, 4.0, 9.0]]
    assert any("first row holds numbers" in note for note in dataset.notes)


def test_no_header_beside_text(read: Reader) -> None:
    dataset = read("5.1,3.5,setosa\n4.9,3.0,setosa\n")
    assert read.values(dataset) == [[5.1, 3.5], [4.9, 3.0]]
    assert dataset.other_columns == ("column 3",)


def test_years_as_header_beside_text(read: Reader) -> None:
    assert _names(read("region,2019,2020\nnorth,1.5,2.5\nsouth,3.5,4.5\n")) == ["2019", "2020"]


def test_row_names_of_r(read: Reader) -> None:
    dataset = read('"x" "y"\n"first one" 1.5 2.5\n"second one" 3.5 4.5\n', "t.txt")
    assert _names(dataset) == ["x", "y"]
    assert list(read.catalogue.rows(dataset.dataset_id)["row"]) == ["first one", "second one"]


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("EC1 (mS/m)", "EC1", "mS/m"),
        ("EC1 [mS/m]", "EC1", "mS/m"),
        ("EC1[mS/m]", "EC1", "mS/m"),
        ("sepal length (cm)", "sepal length", "cm"),
        ("clay (%)", "clay", "%"),
        ("f(x)", "f(x)", ""),
        ("Income (2019)", "Income (2019)", ""),
        ("(m)", "(m)", ""),
        ("plain", "plain", ""),
    ],
)
def test_units(header: str, name: str, unit: str, read: Reader) -> None:
    dataset = read(f"{header},other\n1.5,2\n2.5,4\n")
    assert (dataset.columns[0].name, dataset.columns[0].unit) == (name, unit)
    assert dataset.headers[0] == header


def test_headers_that_differ_by_unit_only_keep_it(read: Reader) -> None:
    dataset = read("EC (mS/m),EC (dS/m)\n1.5,2\n2.5,4\n")
    assert [(c.name, c.unit) for c in dataset.columns] == [("EC (mS/m)", ""), ("EC (dS/m)", "")]


def test_duplicated_names(read: Reader) -> None:
    dataset = read("a,b,a,a (2),,a\n1.5,2,3,4,5,6\n7.5,8,9,10,11,12\n")
    assert _names(dataset) == ["a", "b", "a (3)", "a (2)", "column 5", "a (4)"]
    assert read.values(dataset)[0] == [1.5, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert any('more than once ("a")' in note for note in dataset.notes)
    simple = read("a,a\n1.5,2\n3,4\n")
    assert _names(simple) == ["a", "a (2)"]


def test_names_and_cells_that_look_like_formulas_or_html(read: Reader) -> None:
    header = ["=cmd()", "+1", "<script>alert(1)</script>", "@x", "'; drop", "note"]
    lines = [header, ["1.5", "2", "3", "4", "5", "=1+1"], ["6.5", "7", "8", "9", "1", "<b>"]]
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    dataset = read(text.getvalue())
    assert _names(dataset) == header[:5]
    rows = read.catalogue.rows(dataset.dataset_id)
    assert list(rows.columns) == header
    assert rows.to_numpy().tolist() == lines[1:]
    preview = read.catalogue.preview(dataset.dataset_id)
    assert preview.headers == tuple(header)
    assert [list(row) for row in preview.rows] == lines[1:]


def test_names_with_dots_do_not_read_each_other(read: Reader) -> None:
    dataset = read("a,a.b,a.b.c\n1.5,2,3\n4.5,5,6\n")
    assert read.values(dataset) == [[1.5, 2.0, 3.0], [4.5, 5.0, 6.0]]


def test_quoted_cells_with_delimiters_quotes_and_line_breaks(read: Reader) -> None:
    dataset = read('a,note\n1.5,"x, ""y""\nz"\n2.5,plain\n')
    assert list(read.catalogue.rows(dataset.dataset_id)["note"]) == ['x, "y"\nz', "plain"]
    assert dataset.n_rows == 2


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["2020-01-01", "2020-01-02"], "dates"),
        (["2020-01-01T10:00:00Z", "2020-01-02 11:30"], "dates"),
        (["31.12.2020", "1.1.2021"], "dates"),
        (["true", "False"], "yes/no"),
        (["1,5", "2.5"], 'decimal commas and points ("1,5", "2.5")'),
        (["x", "y"], 'Holds text ("x").'),
        (["x", "2", "z"], 'Holds text among its numbers ("x")'),
    ],
)
def test_why_a_column_is_not_numeric(cells: list[str], reason: str, read: Reader) -> None:
    lines = "".join(f'"{cell}",{i}.5\n' for i, cell in enumerate(cells))
    dataset = read("odd,b\n" + lines)
    assert _names(dataset) == ["b"]
    assert dataset.other_columns == ("odd",)
    assert reason in dataset.other_reasons[0]
    assert list(read.catalogue.rows(dataset.dataset_id)["odd"]) == cells


def test_cells_that_are_no_numbers_count_as_missing_and_are_said(read: Reader) -> None:
    dataset = read("a,b\n1.5,2\n2.5*,4\n3.5x,5\n4,6\n5,7\n")
    np.testing.assert_array_equal(read.values(dataset)[1], [np.nan, 4.0])
    assert dataset.notes == (
        '"a": 2 cell(s) such as "2.5*" (row 2) are no numbers; they count as missing.',
    )
    assert dataset.column("a").reason == "Holds text in 40 % of its cells."


def test_bad_cell_far_from_the_start(read: Reader) -> None:
    """Row groups before it were numbers already; one cell takes nothing from the others."""
    rows = "".join(f"{i},{i}.5,{i}.25\n" for i in range(300_000))
    dataset = read("a,b,c\n" + rows + "1,odd,2\n3,4,5\n")
    assert _names(dataset) == ["a", "b", "c"]
    values = read.catalogue.columns(dataset.dataset_id, ["c", "a", "b"])
    assert values[1000].tolist() == [1000.25, 1000.0, 1000.5]
    assert np.isnan(values[-2, 2])
    assert values[-1].tolist() == [5.0, 3.0, 4.0]
    assert any('"odd" (row 300,001)' in note for note in dataset.notes)


def test_text_far_from_the_start_leaves_no_trace_of_its_column(read: Reader) -> None:
    rows = "".join(f"{i},{i}.5,{i}.25\n" for i in range(150_000))
    text = "".join(f"{i},x{i},{i}.25\n" for i in range(160_000))
    dataset = read("a,b,c\n" + rows + text)
    assert _names(dataset) == ["a", "c"]
    values = read.catalogue.columns(dataset.dataset_id, ["c", "a"])
    assert values[[1000, -1]].tolist() == [[1000.25, 1000.0], [159999.25, 159999.0]]


def test_missing_and_infinite(read: Reader) -> None:
    marks = ["", "NA", "NaN", "null", "-", "#N/A", " ", "inf", "-Infinity", "1.5", "2.5"]
    dataset = read("a,b\n" + "".join(f"{mark},{i}.5\n" for i, mark in enumerate(marks)))
    column = dataset.column("a")
    assert (column.n_missing, column.n_infinite, column.n_distinct) == (7, 2, 2)
    assert (column.minimum, column.maximum, column.mean, column.std) == (1.5, 2.5, 2.0, 0.5)
    values = read.catalogue.columns(dataset.dataset_id, ["a"])[:, 0]
    assert np.isnan(values[:7]).all()
    assert values[7:].tolist() == [np.inf, -np.inf, 1.5, 2.5]
    assert list(read.catalogue.rows(dataset.dataset_id)["a"]) == marks
    assert read.catalogue.finite_rows(dataset.dataset_id, ["a", "b"]).sum() == 2
    assert read.catalogue.finite_rows(dataset.dataset_id, ["b"]).sum() == len(marks)


def test_whole_numbers_beyond_2_to_the_53(read: Reader) -> None:
    dataset = read("code,b\n" + "".join(f"{9007199254740993 + i},{i}.5\n" for i in range(5)))
    assert dataset.column("code").role == "identifier"
    assert "2^53" in dataset.column("code").reason
    assert dataset.default_columns == ("b",)
    assert read.catalogue.rows(dataset.dataset_id)["code"].iloc[0] == "9007199254740993"


def test_values_near_the_limits_of_float64(read: Reader) -> None:
    dataset = read("a,b\n1.7e308,5e-324\n-1.7e308,1\n1.6e308,2\n")
    assert dataset.column("a").maximum == 1.7e308
    assert dataset.column("a").std is None
    assert dataset.column("b").minimum == 5e-324


def test_parquet_of_every_type(read: Reader, tmp_path: Path) -> None:
    days = [dt.date(2020, 1, 1), dt.date(2020, 1, 2), None]
    table = pa.table(
        {
            "real": [1.5, None, float("inf")],
            "single (m)": pa.array([0.5, 1.5, 2.5], pa.float32()),
            "whole": pa.array([7, 3, None], pa.int16()),
            "huge": pa.array([2**60 + 1, 2**60 + 2, 5], pa.int64()),
            "decimal": pa.array([1, 2, 3], pa.int64()).cast(pa.decimal128(30, 2)),
            "written": ["1.5", "2.5", ""],
            "flag": [True, False, None],
            "day": days,
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
            "raw": pa.array([b"\xff", b"\x00", None]),
            "list": [[1.0], [2.0], None],
            "record": [{"x": 1}, {"x": 2}, None],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    dataset = read((tmp_path / "t.parquet").read_bytes(), "t.parquet")
    assert _names(dataset) == ["real", "single", "whole", "huge", "decimal", "written"]
    assert dataset.column("single").unit == "m"
    assert dataset.column("huge").reason.startswith("Holds whole numbers beyond 2^53")
    assert dict(zip(dataset.other_columns, dataset.other_reasons, strict=True)) == {
        "flag": "Holds yes/no values.",
        "day": "Holds dates or times.",
        "kind": 'Holds text ("x").',
        "raw": "Holds values of type binary.",
    }
    expected = 'Columns with lists or records in their cells were left out: "list", "record".'
    assert expected in dataset.notes
    values = read.catalogue.columns(dataset.dataset_id, ["real", "whole", "written"])
    np.testing.assert_array_equal(
        values, [[1.5, 7, 1.5], [np.nan, 3, 2.5], [np.inf, np.nan, np.nan]]
    )
    rows = read.catalogue.rows(dataset.dataset_id)
    assert list(rows["day"]) == days
    assert list(rows["huge"]) == [2**60 + 1, 2**60 + 2, 5]
    assert read.catalogue.preview(dataset.dataset_id, 1).rows[0][:2] == ("1.5", "0.5")


def test_parquet_with_duplicated_names(read: Reader, tmp_path: Path) -> None:
    columns = [pa.array([1.5, 2.5]), pa.array([3.5, 4.5])]
    pq.write_table(pa.Table.from_arrays(columns, names=["a", "a"]), tmp_path / "t.parquet")
    dataset = read((tmp_path / "t.parquet").read_bytes(), "t.pq")
    assert _names(dataset) == ["a", "a (2)"]
    assert read.values(dataset) == [[1.5, 3.5], [2.5, 4.5]]


def _cell(value: float | None, decimal: str, missing: str) -> str:
    return missing if value is None else repr(value).replace(".", decimal)


FLOATS = st.one_of(
    st.none(),
    st.floats(allow_nan=False, width=64),
    st.floats(-1000, 1000).map(lambda value: round(value, 2)),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[float | None]], str, str, str, int]:
    """Random tables, two columns or more, and a way to write them that is not ambiguous."""
    n_columns = draw(st.integers(2, 5))
    row = st.lists(FLOATS, min_size=n_columns, max_size=n_columns)
    rows = draw(st.lists(row, min_size=2, max_size=12))
    rows += [[1.5 + i for i in range(n_columns)]] * 2  # at least one number with a fraction each
    delimiter, decimal = draw(
        st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", ".")])
    )
    missing = draw(st.sampled_from(["", "NA", "NaN", "null"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    return rows, delimiter, decimal, missing, quoting


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_round_trip(written: tuple[list[list[float | None]], str, str, str, int]) -> None:
    rows, delimiter, decimal, missing, quoting = written
    header = [f"column {chr(ord('p') + i)}" for i in range(len(rows[0]))]
    cells = [[_cell(v, decimal, missing) for v in row] for row in rows]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerow(header)
    writer.writerows(cells)
    with tempfile.TemporaryDirectory() as directory:
        read = Reader(Path(directory))
        dataset = read(text.getvalue())
        assert _names(dataset) == header
        kept = [i for i, row in enumerate(cells) if any(row)]  # rows without any text are no rows
        cells = [cells[i] for i in kept]
        expected = np.array([[np.nan if v is None else v for v in rows[i]] for i in kept])
        np.testing.assert_array_equal(read.catalogue.columns(dataset.dataset_id, header), expected)
        assert read.catalogue.rows(dataset.dataset_id).to_numpy().tolist() == cells
