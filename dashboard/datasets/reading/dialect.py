"""How a text table is written: delimiter, decimal mark, header; found out from its beginning."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.reading.numbers import is_missing, is_number

_DELIMITERS = (",", ";", "\t", "|")
WHITESPACE = " "
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}
_SAMPLE_ROWS = 300
_SAMPLE_CELLS = 30_000  # whichever comes first: wide tables are to be refused quickly
_MOST_TITLE_ROWS = 20
# "1,234" may be a decimal number or a grouped one; "1,5", "0,25" and "1234,567" are decimal.
_MAYBE_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_BLANKS = re.compile(rb"[ \t]+")
_QUOTED_OR_BLANKS = re.compile(rb'"[^"]*"|[ \t]+')
_EDGE_TABS = re.compile(rb"^\t|\t$|\t(?=\r$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to cut a text into rows and cells.

    ``delimiter`` " " stands for any run of blanks and tabs; ``decimal`` is "." or ",". ``header``
    is None when the first row is data. ``n_lines_before`` lines (blank ones, a title) come before
    the header or the first row. ``width`` is the number of columns.
    """

    delimiter: str
    decimal: str
    header: tuple[str, ...] | None
    n_lines_before: int
    width: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """Cells of one row of the sample, and the number of text lines up to its end."""

    cells: list[str]
    line: int

    @property
    def blank(self) -> bool:
        return len(self.cells) <= 1 and not "".join(self.cells).strip()


def find_dialect(sample: str, *, complete: bool) -> Dialect:
    """Dialect of the text of which ``sample`` is the beginning, or all (``complete``).

    Raises DatasetError: empty, header_only, line_too_long.
    """
    declared = re.match(r'"?sep=(.)"?\r?\n', sample)  # Excel's own first line
    delimiter, rows = _find_delimiter(sample, complete, declared[1] if declared else None)
    rows = [row for row in rows if not row.blank and not (declared and row.line == 1)]
    if not rows:
        raise DatasetError("empty", "The file is empty: a table with a header line was expected.")
    notes = [] if delimiter == "," else [f"Columns are separated by {_NAMES[delimiter]}."]
    n_title = _title_rows(rows)
    if n_title:
        notes.append(f"{n_title} line(s) above the table were skipped.")
    n_lines_before = rows[n_title].line - 1 - "".join(rows[n_title].cells).count("\n")
    table = [row.cells for row in rows[n_title:]]
    decimal = _find_decimal(table, delimiter)
    if decimal == ",":
        notes.append("Numbers are written with decimal commas.")
    if _first_row_is_data(table, decimal):
        notes.append("The first row holds numbers, so it was read as data and the columns named.")
        header, width = None, len(table[0])
    else:
        if complete and len(table) == 1:
            raise DatasetError(
                "header_only",
                "The file holds a header line only and no rows of data. Expected one row per "
                "measurement below the header; check the export.",
            )
        header = tuple(table[0])
        if len(table) > 1 and len(header) == len(table[1]) - 1:
            header = _completed(header, table[1:])
        width = len(header)
    return Dialect(delimiter, decimal, header, n_lines_before, width, tuple(notes))


def _completed(header: tuple[str, ...], rows: list[list[str]]) -> tuple[str, ...]:
    """A header with one name too few: R names no column for its row names, which come first;
    other programs end each row, but not the header, with a delimiter."""
    if not any(row[-1].strip() for row in rows):
        return (*header, "")
    return ("row", *header)


def line_too_long(limit: str) -> DatasetError:
    """The error for a row beyond ``limit``, whoever meets it."""
    return DatasetError(
        "line_too_long",
        f"One row is longer than {limit}. Expected one row per line; look for a double quote that "
        "is opened and never closed, or save the table again as CSV.",
    )


def _title_rows(rows: list[_Row]) -> int:
    """How many rows above the table hold a title or comment: far fewer cells than the rest."""
    widths = [len(row.cells) for row in rows]
    usual = max(set(widths), key=widths.count)
    for position, width in enumerate(widths[:_MOST_TITLE_ROWS]):
        if width >= usual:
            return position
        below = rows[position + 1].cells if position + 1 < len(rows) else []
        if width == usual - 1 and any(is_number(c, ".") or is_number(c, ",") for c in below):
            return position  # a header with one name too few, directly above the data
    return 0


def single_tabs(text: bytes) -> bytes:
    """Each run of blanks outside quotes as one tab, and none at the edges of a line."""
    if b'"' in text:
        tabs = _QUOTED_OR_BLANKS.sub(lambda m: m[0] if m[0][:1] == b'"' else b"\t", text)
    else:
        tabs = _BLANKS.sub(b"\t", text)
    return _EDGE_TABS.sub(b"", tabs)


def _rows(sample: str, delimiter: str, complete: bool) -> list[_Row]:
    """The first rows of the sample; the last one is left out when it may be cut off."""
    if delimiter == WHITESPACE:
        sample, delimiter = single_tabs(sample.encode()).decode(), "\t"
    rows: list[_Row] = []
    n_cells, enough = 0, False
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            rows.append(_Row(cells, reader.line_num))
            n_cells += len(cells)
            enough = len(rows) > _SAMPLE_ROWS or (n_cells > _SAMPLE_CELLS and len(rows) > 3)
            if enough:
                break
    except csv.Error:  # a cell beyond 128 kB: the rows above it will have to do
        if not rows:
            raise line_too_long("128 kB in one cell") from None
        return rows
    cut_off = not complete and not enough
    return rows[:-1] if cut_off and len(rows) > 1 else rows


def _find_delimiter(sample: str, complete: bool, declared: str | None) -> tuple[str, list[_Row]]:
    if declared is not None:
        return declared, _rows(sample, declared, complete)
    best, best_score = None, (0.0, 0.0, 0)
    for delimiter in (*_DELIMITERS, WHITESPACE):
        if delimiter == WHITESPACE and best is not None:
            break
        rows = _rows(sample, delimiter, complete)
        score = _score([row.cells for row in rows if not row.blank], delimiter)
        if score > best_score:
            best, best_score = (delimiter, rows), score
    return best if best is not None else (",", _rows(sample, ",", complete))


def _score(rows: list[list[str]], delimiter: str) -> tuple[float, float, int]:
    """Share of rows as wide as most, share of cells that read as numbers, width; larger is better.

    Zero when the text does not divide into columns this way.
    """
    if not rows:
        return (0.0, 0.0, 0)
    widths = [len(row) for row in rows]
    width = max(set(widths), key=lambda each: (widths.count(each), each))
    even = widths.count(width) / len(widths)
    if width == 1 or even < 0.5:
        return (0.0, 0.0, 0)
    cells = [cell for row in rows[1:] for cell in row] or list(rows[0])
    numeric = sum(is_number(c, ".") or is_number(c, ",") or is_missing(c) for c in cells)
    share = numeric / len(cells)
    if delimiter == WHITESPACE and (share < 0.5 or widths[0] not in (width, width - 1)):
        return (0.0, 0.0, 0)  # sentences have blanks too
    return (round(even, 1), share, width)


def _find_decimal(rows: list[list[str]], delimiter: str) -> str:
    """A comma when cells read as numbers with a decimal comma, and none with a decimal point."""
    cells = [cell.strip() for row in rows for cell in row]
    with_comma = [cell for cell in cells if "," in cell and is_number(cell, ",")]
    with_point = [cell for cell in cells if "." in cell and is_number(cell, ".")]
    if not with_comma:
        return "."
    certain = any(_MAYBE_GROUPED.fullmatch(cell) is None for cell in with_comma)
    # beside certain decimal commas, "12.345" groups thousands
    grouped = all(_MAYBE_GROUPED.fullmatch(cell.replace(".", ",")) for cell in with_point)
    if with_point and not (certain and grouped):
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
