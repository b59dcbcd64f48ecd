"""An uploaded Parquet file, copied batch by batch without the columns that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dashboard.datasets.model.checks import check_n_columns, check_n_rows
from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.model.limits import Limits
from dashboard.datasets.reading.layout.headers import Headers, read_headers

_BATCH_ROWS = 65_536


def store_parquet_rows(
    path: Path, rows_path: Path, limits: Limits
) -> tuple[Headers, tuple[str, ...], tuple[str, ...]]:
    """Copies the flat columns to `rows_path`; returns headers, what was left out, other notes.

    Raises DatasetError: damaged_parquet, too_many_columns, too_many_rows.
    """
    try:
        with pq.ParquetFile(path, memory_map=True) as source:
            schema = source.schema_arrow
            check_n_columns(len(schema), limits)
            check_n_rows(source.metadata.num_rows, len(schema), limits)
            kept = [i for i, field in enumerate(schema) if not pa.types.is_nested(field.type)]
            nested = [field.name for field in schema if pa.types.is_nested(field.type)]
            if not kept:
                raise DatasetError(
                    "no_numeric_column",
                    "The table has no numeric column to cluster: its cells hold lists or records. "
                    "Expected at least one column of plain numbers; flatten the table first.",
                )
            headers = read_headers([schema.field(i).name for i in kept])
            _copy(source, kept, headers, rows_path)
    except (pa.ArrowException, OSError):
        raise DatasetError(
            "damaged_parquet",
            "The file is not a complete Parquet file: it is cut off or damaged. "
            "Write or download it again, or save the table as CSV.",
        ) from None
    left_out: tuple[str, ...] = ()
    if nested:
        listed = ", ".join(f'"{name}"' for name in nested[:5]) + (", ..." if nested[5:] else "")
        left_out = (f"Columns with lists or records in their cells were left out: {listed}.",)
    return headers, left_out, headers.notes


def _copy(source: pq.ParquetFile, kept: list[int], headers: Headers, rows_path: Path) -> None:
    types = [source.schema_arrow.field(i).type for i in kept]
    schema = pa.schema(list(zip(headers.sources, types, strict=True)))
    with pq.ParquetWriter(rows_path, schema, use_dictionary=False, write_statistics=False) as out:
        for batch in source.iter_batches(_BATCH_ROWS, use_threads=False):
            kept_batch = pa.RecordBatch.from_arrays([batch.column(i) for i in kept], schema=schema)
            kept_batch.validate(full=True)  # a damaged file can yield text that is not UTF-8
            out.write_batch(kept_batch)
