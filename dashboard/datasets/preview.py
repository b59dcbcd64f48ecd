"""The first rows of a table as text, for a person to check how a file was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class Preview:
    """``headers`` and ``rows`` as written in the file: plain text, to be escaped in HTML."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def preview_rows(rows_path: Path, n: int) -> Preview:
    """The first ``n`` rows of a stored table; missing values are ""."""
    with pq.ParquetFile(rows_path) as stored:
        headers = tuple(stored.schema_arrow.names)
        batch = next(stored.iter_batches(max(n, 1), use_threads=False), None)
    if batch is None:
        return Preview(headers, ())
    columns = [batch.column(i)[:n].to_pylist() for i in range(batch.num_columns)]
    rows = zip(*columns, strict=True)
    return Preview(headers, tuple(tuple("" if v is None else str(v) for v in row) for row in rows))
