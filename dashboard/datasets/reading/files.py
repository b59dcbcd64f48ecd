"""From an uploaded file to the files of a dataset, or a sentence that says why not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.model.limits import DEFAULT_LIMITS, MEGABYTE, Limits
from dashboard.datasets.reading.numbers.column import Written
from dashboard.datasets.reading.numeric_table import NumericTable, write_numeric_table
from dashboard.datasets.reading.rows.delimited import store_delimited_rows
from dashboard.datasets.reading.rows.parquet import store_parquet_rows

TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat")
PARQUET_SUFFIXES = (".parquet", ".pq")
_PARQUET_MAGIC = b"PAR1"
_ZIP_MAGIC = b"PK\x03\x04"
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A file that was read: its numeric table, its headers as written, and notes for the page."""

    table: NumericTable
    headers: tuple[str, ...]
    notes: tuple[str, ...]


def read_file(
    path: Path, filename: str, rows_path: Path, npy_path: Path, limits: Limits = DEFAULT_LIMITS
) -> ReadTable:
    """Writes the original rows (Parquet) and the numeric columns (.npy) of an uploaded file.

    `filename` is what the person called it; its ending says what to expect, its content decides.
    Raises DatasetError.
    """
    kind = _kind(path, filename, limits)
    if kind == "parquet":
        headers, left_out, notes = store_parquet_rows(path, rows_path, limits)
        written = Written()
    else:
        headers, written, notes = store_delimited_rows(path, rows_path, limits)
        left_out = ()
    with path.open("rb") as stream:
        source = hashlib.file_digest(stream, "sha256").digest()
    table = write_numeric_table(rows_path, npy_path, headers, written, source)
    _check_usable(table)
    return ReadTable(table, headers.sources, notes + left_out + table.notes)


def _kind(path: Path, filename: str, limits: Limits) -> str:
    name = filename.lower().strip()
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(4)
    if name.endswith(_SPREADSHEETS) or (start == _ZIP_MAGIC and not name.endswith(".zip")):
        raise DatasetError(
            "spreadsheet",
            f'"{filename}" is a spreadsheet, which is not read here. Expected CSV, TSV or '
            'Parquet: in the spreadsheet program choose "Save as", CSV (UTF-8), and upload that.',
        )
    if name.endswith(".zip"):
        raise DatasetError(
            "unknown_extension",
            f'"{filename}" is a zip archive. Expected CSV (also .csv.gz), TSV or Parquet: unpack '
            "it and upload the table inside.",
        )
    if size == 0:
        raise DatasetError("empty", "The file is empty: a table with a header line was expected.")
    if size > limits.max_file_mb * MEGABYTE:
        raise DatasetError(
            "too_large",
            f"The file has {size / MEGABYTE:,.0f} MB; at most {limits.max_file_mb} MB can be "
            "uploaded. Keep only the columns that you need, or save it as Parquet.",
        )
    plain = name.removesuffix(".gz")
    if plain.endswith(PARQUET_SUFFIXES) or start == _PARQUET_MAGIC:
        return "parquet"
    if plain.endswith(TEXT_SUFFIXES):
        return "text"
    raise DatasetError(
        "unknown_extension",
        f'"{filename}" has an unknown file type. Expected a name that ends in .csv, .tsv, .txt '
        "(each also with .gz) or .parquet; save the table as CSV and upload that.",
    )


def _check_usable(table: NumericTable) -> None:
    if table.n_rows == 0:
        raise DatasetError(
            "header_only",
            "The file holds column names only and no rows of data. Expected one row per "
            "measurement; check the export.",
        )
    if all(column.role == "empty" for column in table.columns):
        if not table.other_columns:
            raise DatasetError(
                "all_missing",
                "Every value in the table is missing. Expected numbers; check the export, and "
                "which mark it uses for missing values.",
            )
        shown = ", ".join(
            f'"{name}": {reason.rstrip(".").lower()}'
            for name, reason in list(zip(table.other_columns, table.other_reasons, strict=True))[:3]
        )
        raise DatasetError(
            "no_numeric_column",
            f"The table has no numeric column to cluster ({shown}). Expected at least one column "
            "of plain numbers, without units or separators of thousands in the cells.",
        )
    if table.n_rows == 1:
        raise DatasetError(
            "one_row",
            "The table has one row only; at least two are needed to form groups. "
            "Upload a table with one row per measurement.",
        )
