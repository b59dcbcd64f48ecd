"""How a text table is laid out: its delimiter, its names and units, where its rows begin.

Everything is found out from the beginning of the text. Each delimiter is tried; what divides the
sample into rows of one width whose cells are numbers, moments and plain text wins. A comma that
divides "28,22" in a table with semicolons leaves cells such as "Feld 0;28" behind, which hold
another delimiter, and loses.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.datasets.model.checks import line_too_long
from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.reading.layout.header_rows import Names, names_above, numeric_columns
from dashboard.datasets.reading.numbers.cells import is_clean, is_numeric
from dashboard.datasets.reading.numbers.missing import is_missing
from dashboard.datasets.reading.numbers.spelling import Evidence, parts_of

DELIMITERS = (",", ";", "\t", "|")
WHITESPACE = " "
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}
_SAMPLE_ROWS = 300
_SAMPLE_LINES = 2_000
_SAMPLE_CELLS = 30_000
"""The sample ends with the first of the two limits, so that wide tables are refused quickly."""
_DECLARED = re.compile(r'\s*"?\s*sep\s*=\s*(?:"?(.)\1*"?)\s*"?[,;\t]*\s*', re.IGNORECASE)
_BLANKS = re.compile(rb"[ \t]+")
_QUOTED_OR_BLANKS = re.compile(rb'"[^"]*"|[ \t]+')
_EDGE_TABS = re.compile(rb"^\t|\t$|\t(?=\r$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one row of the sample, the text lines it begins and ends on (from 1)."""

    cells: list[str]
    first_line: int
    last_line: int
    text: str

    @property
    def width(self) -> int:
        """Cells up to the last that is not empty."""
        return max((i + 1 for i, cell in enumerate(self.cells) if cell.strip()), default=0)


@dataclass(frozen=True, slots=True)
class Layout:
    """How to cut a text into rows and cells.

    `delimiter` " " stands for any run of blanks and tabs. `width` is the number of columns,
    `n_cells` how many cells most rows have, with empty ones at the end that belong to no column.
    `names` tells what stands above the rows, `numeric` which columns hold mostly numbers.
    `n_lines_before` text lines come before the first row of data. `decimal` is the mark that most
    columns show, `decimal_is_certain` tells whether any shows it beyond doubt.
    """

    delimiter: str
    width: int
    n_cells: int
    names: Names
    numeric: tuple[bool, ...]
    n_lines_before: int
    decimal: str
    decimal_is_certain: bool
    notes: tuple[str, ...]


def find_layout(sample: str, *, complete: bool) -> Layout:
    """Layout of the text of which `sample` is the beginning, or all (`complete`).

    Raises DatasetError: empty, header_only, line_too_long.
    """
    lines = io.StringIO(sample, newline="").readlines()
    n_declared, declared = 0, None
    for number, line in enumerate(lines[:3]):
        if line.strip():
            found = _DECLARED.fullmatch(line.strip("\r\n"))
            if found:
                n_declared, declared = number + 1, found[1]
            break
    text = "".join(lines[n_declared:])
    choices = (declared,) if declared else (*DELIMITERS, WHITESPACE)
    cuts = [cut(text, each, complete, n_declared) for each in choices]
    best = max(cuts, key=lambda each: each.score)
    if not best.rows:
        raise DatasetError("empty", "The file is empty: a table with a header line was expected.")
    return _described(best, complete)


@dataclass(frozen=True, slots=True)
class Cut:
    """The sample divided by one delimiter; `rows` hold no blank lines and no comments.

    `comments` are the lines that begin with "#", as rows of their own.
    """

    delimiter: str
    rows: list[Row]
    comments: list[Row]
    width: int
    score: tuple[float, int]


def cut(text: str, delimiter: str, complete: bool, n_lines_before: int) -> Cut:
    """Divide the sample; the score says how well that fits, larger is better."""
    rows, comments = _rows(text, delimiter, complete, n_lines_before)
    width = _usual_width(rows)
    if width == 1 and delimiter != ",":
        return Cut(delimiter, rows, comments, width, (0.0, 0))
    lower = rows[min(len(rows) // 3, 20) :]
    score = _fit(lower, delimiter, width)
    if width == 1:
        score *= 0.4  # a list of numbers, when nothing divides it
    if delimiter == WHITESPACE:
        cells = [cell for row in lower for cell in row.cells]
        numeric = sum(is_numeric(cell) or is_missing(cell) for cell in cells)
        score *= 0.9 if cells and numeric >= 0.4 * len(cells) else 0.0  # sentences have blanks too
    return Cut(delimiter, rows, comments, width, (round(score, 3), width))


def _usual_width(rows: Sequence[Row]) -> int:
    """Columns of the table: as most rows have, without empty ones at the end of all."""
    if not rows:
        return 1
    lower = rows[min(len(rows) // 3, 20) :]
    counted = Counter(len(row.cells) for row in lower)
    width = max(counted, key=lambda each: (counted[each], each))
    return max(1, min(width, max(row.width for row in lower if len(row.cells) <= width)))


def _fit(rows: Sequence[Row], delimiter: str, width: int) -> float:
    """From 0 to 1: the share of rows that fit the width, times the share of clean cells."""
    if not rows:
        return 0.0
    fitting = sum(row.width <= width for row in rows) - 0.5 * sum(
        len(row.cells) < width for row in rows
    )
    cells = [cell for row in rows for cell in row.cells[:width]]
    return fitting / len(rows) * sum(is_clean(c, delimiter) for c in cells) / len(cells)


def _rows(text: str, delimiter: str, complete: bool, n_before: int) -> tuple[list[Row], list[Row]]:
    rows: list[Row] = []
    comments: list[Row] = []
    n_cells = 0
    lines = io.StringIO(text, newline="").readlines()[:_SAMPLE_LINES]
    if delimiter == WHITESPACE:
        lines = [single_tabs(line.encode()).decode() for line in lines]
    reader = csv.reader(lines, delimiter="\t" if delimiter == WHITESPACE else delimiter)
    begun = 0
    enough = False
    try:
        for cells in reader:
            written = "".join(lines[begun : reader.line_num]).strip("\r\n")
            row = Row(cells, n_before + begun + 1, n_before + reader.line_num, written)
            begun = reader.line_num
            if not row.width:
                continue
            if cells[0].lstrip().startswith("#") and not is_missing(cells[0]):
                comments.append(row)
                continue
            rows.append(row)
            n_cells += len(cells)
            enough = len(rows) > _SAMPLE_ROWS or (n_cells > _SAMPLE_CELLS and len(rows) > 3)
            if enough:
                break
    except csv.Error:  # a cell beyond 128 kB: the rows above it will have to do
        if not rows:
            raise line_too_long("128 kB in one cell") from None
        enough = True
    if not enough and len(rows) > 1 and (not complete or len(lines) == _SAMPLE_LINES):
        rows.pop()  # it may be cut off
    return rows, comments


def single_tabs(text: bytes) -> bytes:
    """Each run of blanks outside quotes as one tab, and none at the edges of a line."""
    if b'"' in text:
        tabs = _QUOTED_OR_BLANKS.sub(lambda m: m[0] if m[0][:1] == b'"' else b"\t", text)
    else:
        tabs = _BLANKS.sub(b"\t", text)
    return _EDGE_TABS.sub(b"", tabs)


def _described(best: Cut, complete: bool) -> Layout:
    notes = (
        []
        if best.delimiter == ","
        else [f"Columns are separated by {_NAMES.get(best.delimiter, repr(best.delimiter))}."]
    )
    table = best.rows
    names = names_above(
        [row.cells for row in table], best.width, [row.text for row in best.comments]
    )
    first = names.n_rows_above
    if complete and first >= len(table):
        raise DatasetError(
            "header_only",
            "The file holds a header line only and no rows of data. Expected one row per "
            "measurement below the header; check the export.",
        )
    n_lines_before = table[first].first_line - 1 if first < len(table) else table[-1].last_line
    decimal, certain = _decimal([row.cells for row in table[first:]])
    if decimal == ",":
        notes.append("Numbers are written with decimal commas.")
    notes += names.notes
    widths = Counter(len(row.cells) for row in table[first:])
    return Layout(
        best.delimiter,
        best.width,
        max(best.width, widths.most_common(1)[0][0]) if widths else best.width,
        names,
        tuple(numeric_columns([row.cells for row in table], best.width)),
        n_lines_before,
        decimal,
        certain,
        tuple(notes),
    )


def _decimal(rows: list[list[str]]) -> tuple[str, bool]:
    """The decimal mark that most columns show beyond doubt; a point when none does."""
    votes: Counter[str] = Counter()
    for position in range(max((len(row) for row in rows), default=0)):
        cells = (row[position] for row in rows if position < len(row))
        seen = Evidence.of(parts for parts in map(parts_of, cells) if parts is not None)
        if seen.contradiction() is None:
            for mark in seen.decimal:
                votes[mark] += 1
    if not votes:
        return ".", False
    return max(votes, key=lambda mark: (votes[mark], mark == ".")), True
