"""Each bad file gives one code and a sentence that names the problem and the remedy."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard.datasets import DatasetCatalogue, DatasetError, Limits


def _parquet(tmp_path: Path, table: pa.Table) -> bytes:
    path = tmp_path / "written.parquet"
    pq.write_table(table, path)
    return path.read_bytes()


def _rubbish(n: int) -> bytes:
    return random.Random(1).randbytes(n)


TABLE = b"a,b\n" + b"".join(b"%d.5,%d.25\n" % (i, 2 * i) for i in range(2000))

# name of the case: file name, content, code, words of the sentence
CASES = {
    "empty file": ("t.csv", b"", "empty", ["empty", "header"]),
    "only blanks": ("t.csv", b"\n  \n\n", "empty", ["empty", "header"]),
    "empty gz": ("t.csv.gz", gzip.compress(b""), "empty", ["empty", "header"]),
    "header only": ("t.csv", b"a,b,c\n", "header_only", ["header", "no rows", "check the export"]),
    "header only, no newline": ("t.csv", b"a", "header_only", ["header", "no rows"]),
    "no numeric column": (
        "t.csv",
        b"name,when\nx,2020-01-01\ny,2020-01-02\n",
        "no_numeric_column",
        ["no numeric column", '"name"', '"when": holds dates'],
    ),
    "all missing": ("t.csv", b"a,b\nNA,\n,NA\n", "all_missing", ["missing", "check the export"]),
    "one row": ("t.csv", b"a,b\n1,2\n", "one_row", ["one row only", "at least two"]),
    "5,000 columns": (
        "t.csv",
        (",".join(f"c{i}" for i in range(5000)) + "\n" + ",".join(["1.5"] * 5000) + "\n").encode(),
        "too_many_columns",
        ["5,000 columns", "at most 500", "Keep the columns"],
    ),
    "binary named csv": ("t.csv", _rubbish(50_000), "binary", ["binary", "as CSV"]),
    "short binary named csv": ("t.csv", b"\x00\x01\x02", "binary", ["binary", "as CSV"]),
    "UTF-8 mark, other text": (
        "t.csv",
        b"\xef\xbb\xbfn\xe4me,b\n1,2\n3,4\n",
        "encoding",
        ["UTF-8"],
    ),
    "broken UTF-16": ("t.csv", b"\xff\xfe\x00\xd8a", "encoding", ["UTF-16", "Save the file"]),
    "cut-off gz": (
        "t.csv.gz",
        gzip.compress(TABLE)[:-200],
        "truncated_gzip",
        ["cut off or damaged", "without compression"],
    ),
    "gz without its last bytes": (
        "t.csv.gz",
        gzip.compress(TABLE)[:-6],
        "truncated_gzip",
        ["cut off or damaged"],
    ),
    "damaged gz": (
        "t.csv.gz",
        gzip.compress(TABLE)[:300] + b"\xff" * 500,
        "truncated_gzip",
        ["cut off or damaged"],
    ),
    "ragged, too many": (
        "t.csv",
        b"a,b\n1,2\n3,4,5\n6,7\n",
        "ragged_rows",
        ["Line 3", "3 fields where 2", '"3,4,5"', "same number of fields"],
    ),
    "quote never closed": (
        "t.csv",
        b'a,b\n1,2\n"3,4\n' + b"5,6\n" * 1_000_000,
        "line_too_long",
        ["longer than 1 MB", "double quote"],
    ),
    "quote never closed, short": (
        "t.csv",
        b'a,b\n1,2\n"3,4\n5,6\n',
        "malformed",
        ["double quotes"],
    ),
    "one endless line": ("t.csv", b"1234567890" * 300_000, "line_too_long", ["longer than 128 kB"]),
    "spreadsheet": (
        "t.xlsx",
        b"PK\x03\x04rest",
        "spreadsheet",
        ["spreadsheet", '"Save as"', "CSV"],
    ),
    "old spreadsheet": ("t.xls", b"\xd0\xcf\x11\xe0", "spreadsheet", ["spreadsheet", "CSV"]),
    "spreadsheet named csv": ("t.csv", b"PK\x03\x04rest", "spreadsheet", ["spreadsheet", "CSV"]),
    "zip archive": ("t.zip", b"PK\x03\x04rest", "unknown_extension", ["zip archive", "unpack"]),
    "unknown ending": ("t.docx", b"hello", "unknown_extension", ['"t.docx"', ".csv", "save"]),
    "no ending": ("table", TABLE, "unknown_extension", ['"table"', ".csv"]),
    "Parquet magic alone": ("t.parquet", b"PAR1", "damaged_parquet", ["damaged", "as CSV"]),
    "text named Parquet": ("t.parquet", TABLE, "damaged_parquet", ["not a complete Parquet"]),
}


def _refused(root: Path, name: str, content: bytes, limits: Limits | None = None) -> DatasetError:
    catalogue = DatasetCatalogue(root / "data", limits or Limits())
    path = root / "upload"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        catalogue.add_file(path, name)
    assert catalogue.datasets() == []
    assert [p.name for p in (root / "data").iterdir()] == [], "something was left behind"
    return caught.value


@pytest.mark.parametrize("case", CASES)
def test_bad_file(case: str, tmp_path: Path) -> None:
    name, content, code, words = CASES[case]
    error = _refused(tmp_path, name, content)
    assert (error.code, [word for word in words if word not in error.message]) == (code, [])
    assert error.message.endswith(".")
    assert str(error) == error.message


@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_truncated_parquet(share: float, tmp_path: Path) -> None:
    table = pa.table({"a": np.arange(5000) * 0.5, "b": np.arange(5000)})
    whole = _parquet(tmp_path, table)
    error = _refused(tmp_path, "t.parquet", whole[: int(share * len(whole))])
    assert error.code == "damaged_parquet"
    assert "cut off or damaged" in error.message


def test_parquet_with_damaged_pages(tmp_path: Path) -> None:
    whole = bytearray(_parquet(tmp_path, pa.table({"a": np.random.default_rng(0).random(5000)})))
    whole[4:300] = b"\xff" * 296
    assert _refused(tmp_path, "t.parquet", bytes(whole)).code == "damaged_parquet"


def test_parquet_with_text_that_is_not_utf8(tmp_path: Path) -> None:
    table = pa.table({"a": ["xQQQQQQQQy", "z"], "b": [1.5, 2.5]})
    pq.write_table(table, tmp_path / "t", compression="none", use_dictionary=False)
    damaged = (tmp_path / "t").read_bytes().replace(b"QQQQQQQQ", b"\xb0\xff" * 4)
    assert _refused(tmp_path, "t.parquet", damaged).code == "damaged_parquet"


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"a": [], "b": []}, "header_only"),
        ({"a": [1.5], "b": [2.5]}, "one_row"),
        ({"a": [None, None], "b": [float("nan")] * 2}, "all_missing"),
        ({"a": ["x", "y"], "b": [True, False]}, "no_numeric_column"),
        ({"a": [[1], [2]]}, "no_numeric_column"),
        ({f"c{i}": [1.0, 2.0] for i in range(501)}, "too_many_columns"),
    ],
)
def test_unusable_parquet(columns: dict, code: str, tmp_path: Path) -> None:
    assert _refused(tmp_path, "t.parquet", _parquet(tmp_path, pa.table(columns))).code == code


def test_parquet_that_unpacks_to_too_many_values(tmp_path: Path) -> None:
    """A run-length encoded column of a few hundred bytes can claim any number of rows."""
    content = _parquet(tmp_path, pa.table({"a": np.zeros(20_000)}))
    error = _refused(tmp_path, "t.parquet", content, Limits(max_rows=10_000))
    assert error.code == "too_many_rows"
    assert "10,000 rows" in error.message


def test_csv_with_too_many_rows(tmp_path: Path) -> None:
    error = _refused(tmp_path, "t.csv", TABLE, Limits(max_values=3000))
    assert error.code == "too_many_rows"
    assert "more than 1,500 rows" in error.message


def test_oversized_file_is_refused_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = DatasetCatalogue(tmp_path / "data")
    path = tmp_path / "big.csv"
    with path.open("wb") as stream:
        stream.truncate(300 * 1024 * 1024)  # sparse: takes no space
    n_read = 0
    path_open = Path.open

    def counting_open(self: Path, *arguments: Any, **settings: Any) -> Any:
        """Streams whose reads are counted."""
        stream = path_open(self, *arguments, **settings)
        if self != path:
            return stream

        class Counting(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                nonlocal n_read
                content = bytes(stream.read(size))
                n_read += len(content)
                return content

        return Counting()

    monkeypatch.setattr(Path, "open", counting_open)
    with pytest.raises(DatasetError) as caught:
        catalogue.add_file(path, "big.csv")
    assert caught.value.code == "too_large"
    assert "300 MB" in caught.value.message
    assert "at most 256 MB" in caught.value.message
    assert n_read < 1024


def _bomb(unpacked_mb: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    piece = b"1,2\n" * (1024 * 256)
    return (
        packer.compress(b"a,b\n")
        + b"".join(packer.compress(piece) for _ in range(unpacked_mb))
        + packer.flush()
    )


def test_zip_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    content = _bomb(24)
    assert len(content) < 100_000
    error = _refused(tmp_path, "t.csv.gz", content, Limits(max_unpacked_mb=8))
    assert error.code == "too_large_unpacked"
    assert "more than 8 MB" in error.message
    assert "fewer rows" in error.message


def test_names_of_columns_stay_text_in_sentences(tmp_path: Path) -> None:
    """Escaping belongs to whoever writes HTML; here nothing is altered."""
    error = _refused(tmp_path, "t.csv", b"<script>x</script>,b\nu,v\nw,x\n")
    assert error.code == "no_numeric_column"
    assert '"<script>x</script>"' in error.message
