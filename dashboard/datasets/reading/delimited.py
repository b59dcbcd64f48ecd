"""CSV and its relatives, row block by row block into a Parquet file of the original text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.model.limits import MEGABYTE, Limits
from dashboard.datasets.reading.dialect import (
    WHITESPACE,
    Dialect,
    find_dialect,
    line_too_long,
    single_tabs,
)
from dashboard.datasets.reading.headers import Headers, read_headers
from dashboard.datasets.reading.size_checks import check_n_columns, check_n_rows
from dashboard.datasets.reading.text_stream import TextSource, open_text

_SAMPLE_BYTES = 256 * 1024
_GROUP_BYTES = 4 * MEGABYTE  # of text per row group: few groups, little memory


def store_delimited_rows(
    path: Path, rows_path: Path, limits: Limits
) -> tuple[Headers, str, tuple[str, ...]]:
    """Writes every row as text to ``rows_path``; returns headers, decimal mark and notes.

    Raises DatasetError for anything that is not a table of lines.
    """
    source = open_text(path, limits)
    sample, complete = source.sample(_SAMPLE_BYTES)
    if "\n" not in sample.strip() and not complete:  # one very long first line
        sample, complete = source.sample(limits.max_line_mb * MEGABYTE)
    dialect = find_dialect(sample, complete=complete)
    check_n_columns(dialect.width, limits)
    written = list(dialect.header) if dialect.header is not None else [""] * dialect.width
    headers = read_headers(written)
    _copy_rows(source, dialect, headers, rows_path, limits)
    return headers, dialect.decimal, source.notes + dialect.notes + headers.notes


def _copy_rows(
    source: TextSource, dialect: Dialect, headers: Headers, rows_path: Path, limits: Limits
) -> None:
    schema = pa.schema([(name, pa.string()) for name in headers.sources])
    n_rows = 0
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(rows_path, schema, use_dictionary=False, write_statistics=False) as out:
        for batch in _batches(source, dialect, limits):
            n_rows += batch.num_rows
            check_n_rows(n_rows, dialect.width, limits)
            waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            if sum(each.nbytes for each in waiting) > _GROUP_BYTES:
                _write_group(out, waiting)
        _write_group(out, waiting)


def _write_group(out: pq.ParquetWriter, waiting: list[pa.RecordBatch]) -> None:
    if waiting:
        out.write_table(pa.Table.from_batches(waiting).combine_chunks())
        waiting.clear()


def _batches(source: TextSource, dialect: Dialect, limits: Limits) -> Iterator[pa.RecordBatch]:
    names = [f"c{i}" for i in range(dialect.width)]
    odd_rows: list[pcsv.InvalidRow] = []

    def refuse(row: pcsv.InvalidRow) -> str:
        odd_rows.append(row)
        return "error"

    pieces = source.pieces()
    if dialect.delimiter == WHITESPACE:
        pieces = _single_tabs(pieces)
    try:
        reader = pcsv.open_csv(
            io.BufferedReader(_Stream(pieces)),
            read_options=pcsv.ReadOptions(
                column_names=names,
                skip_rows=dialect.n_lines_before,
                skip_rows_after_names=0 if dialect.header is None else 1,
                block_size=limits.max_line_mb * MEGABYTE,
                use_threads=False,  # numbers the rows, which error messages need
            ),
            parse_options=pcsv.ParseOptions(
                delimiter="\t" if dialect.delimiter == WHITESPACE else dialect.delimiter,
                newlines_in_values=source.quoted,
                invalid_row_handler=refuse,
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        yield from reader
    except pa.ArrowInvalid as error:
        if odd_rows:
            raise _ragged(odd_rows[0]) from None
        raise _malformed(str(error), limits) from None


def _ragged(row: pcsv.InvalidRow) -> DatasetError:
    where = f"Row {row.number}" if row.number is not None else "A row"
    shown = row.text if len(row.text) <= 60 else row.text[:59] + "…"
    return DatasetError(
        "ragged_rows",
        f"{where} has {row.actual_columns} fields where {row.expected_columns} were expected "
        f'("{shown}"). Give every row the same number of fields, and put text that holds the '
        "delimiter in double quotes.",
    )


def _malformed(reason: str, limits: Limits) -> DatasetError:
    if "straddling" in reason:
        return line_too_long(f"{limits.max_line_mb} MB")
    return DatasetError(
        "malformed",
        "The rows cannot be told apart; a double quote that is opened and never closed is the "
        "usual cause. Save the table again as CSV (UTF-8) and upload that.",
    )


def _single_tabs(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same text in whole lines, with each run of blanks as one tab."""
    rest = b""
    for piece in pieces:
        lines, newline, rest = (rest + piece).rpartition(b"\n")
        yield single_tabs(lines) + newline
    yield single_tabs(rest)


class _Stream(io.RawIOBase):
    """A readable binary file over an iterator of pieces, as pyarrow wants it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
