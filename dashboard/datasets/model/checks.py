"""Tables that cannot be read as a whole: limits on rows, columns and lines, said as sentences."""

from __future__ import annotations

from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.model.limits import Limits


def check_n_columns(n_columns: int, limits: Limits) -> None:
    """Raises DatasetError `too_many_columns`."""
    if n_columns > limits.max_columns:
        raise DatasetError(
            "too_many_columns",
            f"The table has {n_columns:,} columns; at most {limits.max_columns:,} can be read. "
            "Keep the columns to be clustered and upload the table again; if its rows are the "
            "variables, transpose it.",
        )


def check_n_rows(n_rows: int, n_columns: int, limits: Limits) -> None:
    """Raises DatasetError `too_many_rows`."""
    most = min(limits.max_rows, limits.max_values // max(n_columns, 1))
    if n_rows > most:
        raise DatasetError(
            "too_many_rows",
            f"The table has more than {most:,} rows, the limit for {n_columns:,} columns. "
            "Upload a part of the rows, or fewer columns.",
        )


def line_too_long(limit: str) -> DatasetError:
    """The error for a row beyond `limit`, whoever meets it."""
    return DatasetError(
        "line_too_long",
        f"One row is longer than {limit}. Expected one row per line; look for a double quote that "
        "is opened and never closed, or save the table again as CSV.",
    )


def malformed() -> DatasetError:
    """The error for rows that run into each other."""
    return DatasetError(
        "malformed",
        "The rows cannot be told apart; double quotes that are opened and never closed are the "
        "usual cause. Save the table again as CSV (UTF-8) and upload that.",
    )
