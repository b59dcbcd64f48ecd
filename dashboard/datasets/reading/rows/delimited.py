"""CSV and its relatives, row block by row block into a Parquet file of the original text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from dashboard.datasets.model.checks import (
    check_n_columns,
    check_n_rows,
    line_too_long,
    malformed,
)
from dashboard.datasets.model.limits import MEGABYTE, Limits
from dashboard.datasets.reading.layout.find import WHITESPACE, Layout, find_layout, single_tabs
from dashboard.datasets.reading.layout.headers import Headers, read_headers
from dashboard.datasets.reading.numbers.column import Written
from dashboard.datasets.reading.rows.data_rows import DataRows
from dashboard.datasets.reading.rows.uneven import UnevenRows
from dashboard.datasets.reading.text.other_files import refuse_other_text
from dashboard.datasets.reading.text.stream import TextSource, open_text

_SAMPLE_BYTES = 256 * 1024
_GROUP_BYTES = 4 * MEGABYTE
"""Text in one row group: few groups, little memory."""


def store_delimited_rows(
    path: Path, rows_path: Path, limits: Limits
) -> tuple[Headers, Written, tuple[str, ...]]:
    """Writes every row as text to `rows_path`; returns headers, how numbers are written and notes.

    Raises DatasetError for anything that is not a table of lines.
    """
    source = open_text(path, limits)
    sample, complete = source.sample(_SAMPLE_BYTES)
    refuse_other_text(sample[:20_000])
    if "\n" not in sample.strip() and not complete:  # one very long first line
        sample, complete = source.sample(limits.max_line_mb * MEGABYTE)
    layout = find_layout(sample, complete=complete)
    check_n_columns(layout.width, limits)
    names = layout.names.names
    written = list(names) if names is not None else [""] * layout.width
    headers = read_headers(written, layout.names.units)
    rows = DataRows(names, layout.numeric)
    try:
        _write(rows.of(_even(source, layout, limits)), headers, rows_path, limits)
        odd: tuple[str, ...] = ()
    except _NotEven:
        rows = DataRows(names, layout.numeric)
        uneven = UnevenRows(source, layout)
        _write(rows.of(uneven.batches()), headers, rows_path, limits)
        odd = uneven.notes
    numbers = Written(layout.decimal, layout.decimal_is_certain)
    return headers, numbers, source.notes + layout.notes + odd + rows.notes + headers.notes


class _NotEven(Exception):
    """Some row has more or fewer cells than the others."""


def _write(
    batches: Iterator[pa.RecordBatch], headers: Headers, rows_path: Path, limits: Limits
) -> None:
    schema = pa.schema([(name, pa.string()) for name in headers.sources])
    n_rows = 0
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(rows_path, schema, use_dictionary=False, write_statistics=False) as out:
        for batch in batches:
            n_rows += batch.num_rows
            check_n_rows(n_rows, len(schema), limits)
            waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            if sum(each.nbytes for each in waiting) > _GROUP_BYTES:
                _write_group(out, waiting)
        _write_group(out, waiting)


def _write_group(out: pq.ParquetWriter, waiting: list[pa.RecordBatch]) -> None:
    if waiting:
        out.write_table(pa.Table.from_batches(waiting).combine_chunks())
        waiting.clear()


def _even(source: TextSource, layout: Layout, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Rows as the fast reader cuts them. Raises _NotEven at the first that it cannot cut."""
    names = [f"c{i}" for i in range(layout.n_cells)]
    odd_rows: list[pcsv.InvalidRow] = []

    def refuse(row: pcsv.InvalidRow) -> str:
        odd_rows.append(row)
        return "error"

    pieces = source.pieces()
    if layout.delimiter == WHITESPACE:
        pieces = _single_tabs(pieces)
    try:
        reader = pcsv.open_csv(
            io.BufferedReader(_Stream(pieces)),
            read_options=pcsv.ReadOptions(
                column_names=names,
                skip_rows=layout.n_lines_before,
                block_size=limits.max_line_mb * MEGABYTE,
                use_threads=False,
            ),
            parse_options=pcsv.ParseOptions(
                delimiter="\t" if layout.delimiter == WHITESPACE else layout.delimiter,
                newlines_in_values=source.quoted,
                invalid_row_handler=refuse,
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        for batch in reader:
            yield batch.select(range(layout.width))
    except pa.ArrowInvalid as error:
        if odd_rows:
            raise _NotEven from None
        if "straddling" in str(error):
            raise line_too_long(f"{limits.max_line_mb} MB") from None
        raise malformed() from None


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
