"""Text in CSV files that spreadsheet programs must not run.

A cell that starts with = + - @, a tab or a carriage return is taken for a formula by spreadsheet
programs, also when it is quoted. Such *text* gets a leading apostrophe, which they show as text
(OWASP: "CSV injection"). Numbers are numbers, -1.5 stays -1.5, also where a table keeps them as the
text that its file had. A program that reads the file back finds the apostrophe; Parquet and JSON
have the text unchanged.
"""

from __future__ import annotations

import re

import pandas as pd

EXECUTABLE_STARTS = ("=", "+", "-", "@", "\t", "\r")
GUARD = "'"

_NUMBER = re.compile(
    r"\s*[+-]?(\d[\d.,\u0020\u00a0\u2009\u202f']*|[.,]\d+|inf|infinity|nan)(e[+-]?\d+)?\s*",
    re.IGNORECASE,
)
"""A number in any notation that a table may use: it calculates nothing, so it is not guarded."""


def guarded(text: str) -> str:
    """`text`, with a leading apostrophe where a spreadsheet program would execute it."""
    # Some programs skip blanks and line breaks before they look for a formula.
    start = text.lstrip(" \n\ufeff\u00a0")
    if not start.startswith(EXECUTABLE_STARTS) or _NUMBER.fullmatch(text):
        return text
    return GUARD + text


def guarded_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy with every text cell and header guarded; numbers, dates and bools as they are."""
    columns = {}
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if _may_hold_text(column):
            column = column.astype(object).map(_guard_cell)
        columns[position] = column
    # By position: two columns may have the same name.
    result = pd.DataFrame(columns, index=frame.index)
    result.columns = pd.Index([_guard_cell(name) for name in frame.columns])
    return result


def to_csv(frame: pd.DataFrame) -> bytes:
    """UTF-8 CSV, LF, no index.

    It starts with a byte-order mark if there is a character beyond ASCII: spreadsheet programs need
    the mark to recognise UTF-8, and simple readers would take it for a part of the first header.
    Text is guarded; floats are written with the shortest decimals that read back as the same value.
    """
    text: str = guarded_frame(frame).to_csv(index=False, lineterminator="\n")
    return text.encode("ascii" if text.isascii() else "utf-8-sig")


def _may_hold_text(column: pd.Series) -> bool:
    kind = column.dtype
    return not (
        pd.api.types.is_numeric_dtype(kind)
        or pd.api.types.is_bool_dtype(kind)
        or pd.api.types.is_datetime64_any_dtype(kind)
        or pd.api.types.is_timedelta64_dtype(kind)
    )


def _guard_cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value
