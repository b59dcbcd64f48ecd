"""Rows of a table file that are no data: blank ones, repeated headers, totals and remarks below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dashboard.datasets.reading.numbers.cells import is_moment, is_numeric
from dashboard.datasets.reading.numbers.missing import is_missing

_MOST_FOOTER_ROWS = 30
_MOST_SHOWN = 60
_TOTALS = re.compile(
    r"(grand |sub[- ]?|overall )?(totals?|sums?|mean|average|avg\.?|summe|gesamt(summe)?|mittelwert"
    r"|durchschnitt|moyenne|somme|totale|totaux|media|promedio|suma|toplam|итого|всего|合计|合計|平均)"
    r"( (row|of .{1,30}))?\s*[:=.]?",
    re.IGNORECASE,
)


class DataRows:
    """Passes on the rows of data; `notes` tells, after the last one, what was left out."""

    def __init__(self, names: Sequence[str] | None, numeric: Sequence[bool]) -> None:
        self._names, self._numeric = names, numeric
        self._n_blank = self._n_repeated = 0
        self._below: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about rows that were left out, in the order of the file's parts."""
        found = []
        if self._n_repeated:
            found.append(f"{self._n_repeated:,} row(s) that repeat the column names were left out.")
        if self._n_blank:
            found.append(f"{self._n_blank:,} row(s) without any value were left out.")
        if self._below:
            shown = "; ".join(f'"{_shown(row)}"' for row in self._below[:3])
            found.append(f"{len(self._below)} row(s) below the table were left out: {shown}.")
        return tuple(found)

    def of(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches (columns of text) without rows that are no data."""
        tail: pa.RecordBatch | None = None
        for batch in batches:
            batch = self._without_repeats(self._without_blank(batch))
            if tail is not None:
                batch = (
                    pa.Table.from_batches([tail, batch]).combine_chunks().to_batches()[0]
                    if batch.num_rows + tail.num_rows
                    else batch
                )
            n_sure = max(0, batch.num_rows - _MOST_FOOTER_ROWS)
            if n_sure:
                yield batch.slice(0, n_sure)
            tail = batch.slice(n_sure)
        if tail is not None:
            yield tail.slice(0, self._end_of_data(tail))

    def _without_blank(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        blank = None
        for column in batch.columns:
            empty = pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0)
            blank = empty if blank is None else pc.and_(blank, empty)
            if not pc.any(blank).as_py():
                return batch
        self._n_blank += pc.sum(blank).as_py()
        return batch.filter(pc.invert(blank))

    def _without_repeats(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._names is None:
            return batch
        same = None
        for column, name in zip(batch.columns, self._names, strict=False):
            equal = pc.equal(pc.utf8_trim_whitespace(column), name)
            same = equal if same is None else pc.and_(same, equal)
            if not pc.any(same).as_py():
                return batch
        self._n_repeated += pc.sum(same).as_py()
        return batch.filter(pc.invert(same))

    def _end_of_data(self, tail: pa.RecordBatch) -> int:
        rows = list(zip(*(column.to_pylist() for column in tail.columns), strict=True))
        end = len(rows)
        while end and self._is_footer(rows[end - 1]):
            end -= 1
        self._below = [", ".join(c.strip() for c in row if c.strip()) for row in rows[end:]]
        return end

    def _is_footer(self, row: Sequence[str]) -> bool:
        held = [(c.strip(), n) for c, n in zip(row, self._numeric, strict=False) if c.strip()]
        if any(_TOTALS.fullmatch(cell) for cell, _ in held):
            return True
        numbers = [c for c, n in held if n and (is_numeric(c) or is_missing(c))]
        texts = [c for c, n in held if n and not (is_numeric(c) or is_missing(c) or is_moment(c))]
        # A sentence that stands where numbers belong; one bad cell beside numbers is a row of data.
        return bool(texts) and not numbers


def _shown(row: str) -> str:
    return row if len(row) <= _MOST_SHOWN else row[: _MOST_SHOWN - 1] + "…"
