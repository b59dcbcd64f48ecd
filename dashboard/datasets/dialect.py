"""How a text table is written: delimiter, decimal mark, header; found out from its beginning."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from dashboard.datasets.errors import DatasetError
from dashboard.datasets.numbers import is_missing, is_number

_DELIMITERS = (",", ";", "\t", "|")
WHITESPACE = " "
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}
_SAMPLE_ROWS = 300
# "1,234" may be a decimal number or a grouped one; "1,5", "0,25" and "1234,567" can only be decimal.
_MAYBE_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


@dataclass(frozen=True, slots=True)
class Dialect:
    """``delimiter`` " " stands for any run of blanks and tabs. ``header`` is None when the first
    row is data; ``n_skipped`` rows (with the header) come before the data. ``decimal`` is "." or
    ",". ``width`` is the number of columns."""

    delimiter: str
    decimal: str
    header: tuple[str, ...] | None
    n_skipped: int
    width: int
    notes: tuple[str, ...]


def find_dialect(sample: str, *, complete: bool) -> Dialect:
    """Dialect of the text of which ``sample`` is the beginning, or all (``complete``).

    Raises DatasetError: empty, header_only, quoting.
    """
    declared, sample, n_skipped = _declared_delimiter(sample)
    if not sample.strip():
        raise DatasetError("empty", "The file is empty: a table with a header line was expected.")
    delimiter, rows = _find_delimiter(sample, complete, declared)
    n_blank = 0
    while rows and not any(cell.strip() for cell in rows[0]) and len(rows[0]) <= 1:
        rows, n_blank = rows[1:], n_blank + 1
    n_skipped += n_blank
    decimal = _find_decimal(rows, delimiter)
    notes = []
    if delimiter != ",":
        notes.append(f"Columns are separated by {_NAMES[delimiter]}.")
    if decimal == ",":
        notes.append("Numbers are written with decimal commas.")
    filled = [row for row in rows if row]
    if _first_row_is_data(filled, decimal):
        notes.append("The first row holds numbers, so it was read as data and the columns named.")
        return Dialect(delimiter, decimal, None, n_skipped, len(filled[0]), tuple(notes))
    if complete and len(filled) == 1:
        raise DatasetError(
            "header_only",
            "The file holds a header line only and no rows of data. Expected one row per "
            "measurement below the header; check the export.",
        )
    header = list(filled[0])
    if len(filled) > 1 and len(header) == len(filled[1]) - 1:
        header.insert(0, "row")  # R writes row names without a header for them
    return Dialect(delimiter, decimal, tuple(header), n_skipped + 1, len(header), tuple(notes))


def _declared_delimiter(sample: str) -> tuple[str | None, str, int]:
    """Excel's first line "sep=;", the rest of the sample, and the number of lines taken."""
    first, _, rest = sample.partition("\n")
    found = re.fullmatch(r'"?sep=(.)"?\r?', first)
    return (found[1], rest, 1) if found else (None, sample, 0)


def _rows(sample: str, delimiter: str, complete: bool) -> list[list[str]]:
    """The first rows of the sample; the last one is left out when it may be cut off."""
    if delimiter == WHITESPACE:
        lines = sample.splitlines()[: _SAMPLE_ROWS + 1]
        rows = [line.split() for line in lines]
    else:
        rows = []
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        try:
            for row in reader:
                rows.append(row)
                if len(rows) > _SAMPLE_ROWS:
                    break
        except csv.Error:
            return rows
    cut_off = not complete and len(rows) <= _SAMPLE_ROWS
    return rows[:-1] if cut_off and len(rows) > 1 else rows[:_SAMPLE_ROWS]


def _find_delimiter(
    sample: str, complete: bool, declared: str | None
) -> tuple[str, list[list[str]]]:
    if declared is not None:
        return declared, _rows(sample, declared, complete)
    best, best_score = None, (0.0, 0.0, 0)
    for delimiter in (*_DELIMITERS, WHITESPACE):
        if delimiter == WHITESPACE and best is not None:
            break
        rows = _rows(sample, delimiter, complete)
        score = _score(rows, delimiter)
        if score > best_score:
            best, best_score = (delimiter, rows), score
    return best if best is not None else (",", _rows(sample, ",", complete))


def _score(rows: list[list[str]], delimiter: str) -> tuple[float, float, int]:
    """Share of rows as wide as most, share of cells that read as numbers, width; larger is better.

    Zero when the text does not divide into columns this way.
    """
    filled = [row for row in rows if row and (len(row) > 1 or row[0].strip())]
    if not filled:
        return (0.0, 0.0, 0)
    widths = [len(row) for row in filled]
    width = max(set(widths), key=lambda each: (widths.count(each), each))
    even = widths.count(width) / len(widths)
    if width == 1 or even < 0.5:
        return (0.0, 0.0, 0)
    cells = [cell for row in filled[1:] for cell in row] or list(filled[0])
    numeric = sum(is_number(c, ".") or is_number(c, ",") or is_missing(c) for c in cells)
    share = numeric / len(cells)
    if delimiter == WHITESPACE and (share < 0.5 or widths[0] not in (width, width - 1)):
        return (0.0, 0.0, 0)  # sentences have blanks too
    return (round(even, 1), share, width)


def _find_decimal(rows: list[list[str]], delimiter: str) -> str:
    """"," when cells read as numbers with a decimal comma, and none with a decimal point."""
    cells = [cell.strip() for row in rows for cell in row]
    with_comma = [cell for cell in cells if "," in cell and is_number(cell, ",")]
    with_point = any("." in cell and is_number(cell, ".") for cell in cells)
    if not with_comma:
        return "."
    certain = any(_MAYBE_GROUPED.fullmatch(cell) is None for cell in with_comma)
    if with_point:
        return "."
    return "," if certain or delimiter == ";" else "."


def _first_row_is_data(rows: list[list[str]], decimal: str) -> bool:
    """All numbers; or the same kinds of cells as the rows below, with a fraction among them.

    A header such as "region, 2019, 2020" has numbers in it as well, but whole ones.
    """
    first = rows[0]
    numeric = [is_number(cell, decimal) for cell in first]
    if all(n or is_missing(c) for n, c in zip(numeric, first, strict=True)):
        return any(numeric)
    if len(rows) < 2 or not any(
        n and not re.fullmatch(r"\s*[+-]?\d+\s*", c) for n, c in zip(numeric, first, strict=True)
    ):
        return False
    for position, is_numeric in enumerate(numeric):
        below = [row[position] for row in rows[1:] if position < len(row)]
        if below and all(is_number(c, decimal) or is_missing(c) for c in below) != is_numeric:
            return False
    return True
