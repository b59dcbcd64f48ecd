"""The numeric columns of a stored Parquet table, written one by one as a column-major .npy.

Column after column is exactly the order of a Fortran-ordered file, so at no time is more than one
column (and one row group of its text) in memory, however large the table.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dashboard.datasets.model.dataset import ColumnInfo
from dashboard.datasets.reading.columns.advice import advise
from dashboard.datasets.reading.columns.values import ColumnValues
from dashboard.datasets.reading.layout.headers import Headers
from dashboard.datasets.reading.numbers.column import ColumnNotes, NotNumeric, Written, read_column

_FORMAT_VERSION = 1
"""Part of every dataset id: a new layout of the stored files gives new ids."""


@dataclass(frozen=True, slots=True)
class NumericTable:
    """What was written: the columns, what was left out and why, and the content address."""

    dataset_id: str
    n_rows: int
    columns: tuple[ColumnInfo, ...]
    other_columns: tuple[str, ...]
    other_reasons: tuple[str, ...]
    notes: tuple[str, ...]


def write_numeric_table(
    rows_path: Path,
    npy_path: Path,
    headers: Headers,
    written: Written | None = None,
    source: bytes = b"",
) -> NumericTable:
    """Reads the columns of `rows_path` (named `headers.sources`), writes (n, D) float64.

    The id is the SHA-256 of the names, the float64 columns, the text of the other columns and
    `source`, the digest of the file: the same numbers in another spelling are another table, with
    rows, notes and a name of its own.
    """
    written = Written() if written is None else written
    with pq.ParquetFile(rows_path) as rows, npy_path.open("wb") as out:
        n_rows = rows.metadata.num_rows
        out.write(_npy_header(n_rows, 0))
        digest = hashlib.sha256(
            json.dumps([_FORMAT_VERSION, n_rows, headers.names, headers.units]).encode() + source
        )
        stored: list[ColumnValues] = []
        others: list[tuple[str, str]] = []
        notes: list[str] = []
        for position, name in enumerate(headers.names):
            column_source = headers.sources[position]
            column = np.empty(n_rows)
            try:
                found = _fill(column, rows, column_source, written)
            except NotNumeric as error:
                others.append((name, f"{error}."))
                digest.update(b"text" + _text_digest(rows, column_source))
                continue
            column.tofile(out)
            digest.update(b"f8")
            digest.update(column.data)
            unit = headers.units[position] or found.unit
            stored.append(ColumnValues.measure(name, unit, column, found))
            notes += [f'"{name}": {sentence}.' for sentence in found.sentences]
        out.truncate()
        out.seek(0)
        out.write(_npy_header(n_rows, len(stored)))
    columns, advice = advise(stored)
    return NumericTable(
        digest.hexdigest(),
        n_rows,
        columns,
        tuple(name for name, _ in others),
        tuple(reason for _, reason in others),
        (*notes, *advice),
    )


def _npy_header(n_rows: int, n_columns: int) -> bytes:
    """Always of the same length: NumPy pads the header for a last axis that grows."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"shape": (n_rows, n_columns), "fortran_order": True, "descr": "<f8"}
    )
    return buffer.getvalue()


def _fill(column: np.ndarray, rows: pq.ParquetFile, source: str, written: Written) -> ColumnNotes:
    """Writes the numbers into `column` (n,). Raises NotNumeric."""
    if _is_text(rows.schema_arrow.field(source).type):
        notes = read_column(lambda: _texts(rows, source), column, written)
    else:
        notes, start = ColumnNotes(), 0
        for chunk in _chunks(rows, source):
            numbers, rounded = _numbers(chunk)
            column[start : start + len(numbers)] = numbers
            start += len(numbers)
            notes.rounded |= rounded
    column[np.isnan(column)] = np.nan  # one bit pattern for "missing", so that the id is stable
    return notes


def _is_text(kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _chunks(rows: pq.ParquetFile, source: str) -> Iterator[pa.Array]:
    for group in range(rows.num_row_groups):
        yield from rows.read_row_group(group, columns=[source], use_threads=False)[source].chunks


def _texts(rows: pq.ParquetFile, source: str) -> Iterator[pa.Array]:
    for chunk in _chunks(rows, source):
        text = chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk
        yield text if pa.types.is_string(text.type) else pc.cast(text, pa.string())


def _numbers(chunk: pa.Array) -> tuple[np.ndarray, bool]:
    kind: Any = chunk.type
    if pa.types.is_dictionary(kind):
        chunk = chunk.dictionary_decode()
        kind = chunk.type
    if pa.types.is_null(kind):
        return np.full(len(chunk), np.nan), False
    if pa.types.is_boolean(kind):
        raise NotNumeric("Holds yes/no values")
    if pa.types.is_temporal(kind):
        raise NotNumeric("Holds dates or times")
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise NotNumeric(f"Holds values of type {kind}")
    numbers = pc.cast(chunk, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    large = pa.types.is_integer(kind) and bool(np.nanmax(np.abs(numbers), initial=0) > 2.0**53)
    return numbers, large


def _text_digest(rows: pq.ParquetFile, source: str) -> bytes:
    """Independent of how the rows are cut into groups: lengths and text are hashed apart."""
    lengths, text = hashlib.sha256(), hashlib.sha256()
    for chunk in _chunks(rows, source):
        try:
            values = pc.cast(chunk, pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # e.g. bytes that are not UTF-8
            values = pa.array([repr(item) for item in chunk.to_pylist()], pa.large_string())
        sizes = pc.fill_null(pc.binary_length(values), -1)
        lengths.update(np.ascontiguousarray(sizes.to_numpy(zero_copy_only=False)).data)
        _, offsets, data = pc.fill_null(values, "").buffers()
        if data is not None:
            ends = np.frombuffer(offsets, np.int64)[: len(values) + 1]
            text.update(memoryview(data)[int(ends[0]) : int(ends[-1])])
    return lengths.digest() + text.digest()
