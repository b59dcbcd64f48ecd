"""The first rows of a table as text, for a person to check how a file was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

_MOST_CHARACTERS = 200
"""Shown of one cell: a preview is sent to the browser."""


@dataclass(frozen=True, slots=True)
class Preview:
    """`headers` and `rows` as written in the file: plain text, to be escaped in HTML."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def preview_rows(rows_path: Path, n: int) -> Preview:
    """The first `n` rows of a stored table; missing values are "", very long cells are cut."""
    with pq.ParquetFile(rows_path) as stored:
        headers = tuple(stored.schema_arrow.names)
        batch = next(stored.iter_batches(max(n, 1), use_threads=False), None)
    if batch is None:
        return Preview(headers, ())
    columns = [batch.column(i)[:n].to_pylist() for i in range(batch.num_columns)]
    rows = zip(*columns, strict=True)
    return Preview(headers, tuple(tuple(_shown(value) for value in row) for row in rows))


def _shown(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
