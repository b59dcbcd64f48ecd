"""Rows of different lengths made even, where that loses nothing; slower than the usual way."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pyarrow as pa

from dashboard.datasets.model.checks import line_too_long, malformed
from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.reading.layout.find import WHITESPACE, Layout, single_tabs
from dashboard.datasets.reading.numbers.cells import is_numeric
from dashboard.datasets.reading.text.stream import TextSource

_BATCH_ROWS = 20_000
_MOST_SHOWN = 60


class UnevenRows:
    """Reads a text row by row. Short rows are filled up, empty cells at the end are cut off.

    Lines that begin with "#" are comments. A row with too much text raises DatasetError.
    `notes` tells, after the last row, what was done.
    """

    def __init__(self, source: TextSource, layout: Layout) -> None:
        self._source, self._layout = source, layout
        self._n_short = self._n_long = self._n_comments = 0
        self._comment = ""
        self._remarks: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what was cut off or filled up."""
        found = []
        if self._n_comments:
            found.append(f'{self._n_comments:,} comment line(s) were skipped ("{self._comment}").')
        if self._n_long:
            found.append(f"{self._n_long:,} row(s) end with more delimiters than the others.")
        if self._remarks:
            shown = "; ".join(f'"{remark[:_MOST_SHOWN]}"' for remark in self._remarks[:3])
            found.append(f"{len(self._remarks)} line(s) below the table were left out: {shown}.")
        if self._n_short:
            found.append(
                f"{self._n_short:,} row(s) end early; the cells that they lack count as missing."
            )
        return tuple(found)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, `layout.width` columns of text."""
        names = [f"c{i}" for i in range(self._layout.width)]
        waiting: list[list[str]] = []
        for row in self._rows():
            waiting.append(row)
            if len(waiting) == _BATCH_ROWS:
                yield _batch(waiting, names)
                waiting = []
        if waiting:
            yield _batch(waiting, names)

    def _rows(self) -> Iterator[list[str]]:
        layout = self._layout
        width = layout.width
        blanks = layout.delimiter == WHITESPACE
        lines = _lines(self._source, blanks)
        for _ in range(layout.n_lines_before):
            next(lines, None)
        reader = csv.reader(lines, delimiter="\t" if blanks else layout.delimiter)
        try:
            for cells in reader:
                if not cells:
                    continue
                if cells[0].lstrip().startswith("#") and len(cells) != width:
                    self._n_comments += 1
                    self._comment = self._comment or ", ".join(cells)[:_MOST_SHOWN]
                    continue
                if len(cells) != width and any("\n" in cell for cell in cells):
                    raise malformed()
                if len(cells) == 1 < width and cells[0].strip() and not is_numeric(cells[0]):
                    self._remarks.append(" ".join(cells[0].split()))
                    continue
                yield from self._with_remarks(width)
                if len(cells) != width:
                    cells = self._even(cells, layout.n_lines_before + reader.line_num)
                yield cells
        except csv.Error:
            raise line_too_long("128 kB in one cell") from None

    def _with_remarks(self, width: int) -> Iterator[list[str]]:
        """Single cells of text are remarks below the table; above other rows they are rows."""
        for remark in self._remarks:
            self._n_short += 1
            yield [remark, *[""] * (width - 1)]
        self._remarks = []

    def _even(self, cells: list[str], line: int) -> list[str]:
        width = self._layout.width
        if len(cells) < width:
            self._n_short += bool("".join(cells).strip())
            return cells + [""] * (width - len(cells))
        if any(cell.strip() for cell in cells[width:]):
            shown = self._layout.delimiter.join(cells)
            shown = shown if len(shown) <= _MOST_SHOWN else shown[: _MOST_SHOWN - 1] + "…"
            raise DatasetError(
                "ragged_rows",
                f'Line {line:,} has {len(cells)} fields where {width} were expected ("{shown}"). '
                "Give every row the same number of fields, and put text that holds the delimiter "
                "in double quotes.",
            )
        self._n_long += len(cells) != self._layout.n_cells
        return cells[:width]


def _batch(rows: list[list[str]], names: list[str]) -> pa.RecordBatch:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _lines(source: TextSource, blanks: bool) -> Iterator[str]:
    """Lines with their ends, as the csv module wants them."""
    rest = ""
    decoder = io.IncrementalNewlineDecoder(None, translate=False)
    for piece in source.pieces():
        text = rest + decoder.decode(piece.decode("utf-8", errors="surrogateescape"))
        lines = io.StringIO(text, newline="").readlines()
        rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        yield from (_tabbed(line) if blanks else line for line in lines)
    if rest:
        yield _tabbed(rest) if blanks else rest


def _tabbed(line: str) -> str:
    return single_tabs(line.encode()).decode()
