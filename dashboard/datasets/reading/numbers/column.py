"""From a column of text, as it stands in the file, to float64, or the reason why not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dashboard.datasets.reading.numbers.cells import is_infinite, is_moment, is_numeric
from dashboard.datasets.reading.numbers.missing import is_beyond_limit, is_missing
from dashboard.datasets.reading.numbers.spelling import (
    CURRENCIES,
    Decision,
    Evidence,
    Spelling,
    decide,
    parts_of,
)

Chunks = Callable[[], Iterator[pa.Array]]
"""The text of one column, piece by piece, from its beginning each time it is called."""

_PLAIN_WORDS = (
    "", "-", ".", "?", "NA", "N/A", "n/a", "na", "#N/A", "NaN", "nan", "null", "NULL", "None",
)  # fmt: skip
_PLAIN_MISSING = pa.array(_PLAIN_WORDS, pa.string())
"""The most frequent ones, tested in bulk; all others by `is_missing`, cell by cell."""
_LEADING_ZERO = r"^\s*['\"=]*0\d+['\"]*\s*$"
_LONG_INTEGER = r"^[+-]?\d{16,}$"
"""Whole numbers of 16 digits and more may lie beyond 2**53, where float64 skips some of them."""
_BOOLEAN = re.compile(r"true|false|yes|no|t|f|y|n|ja|nein|oui|non|si|sí|wahr|falsch", re.IGNORECASE)
_MOST_SURVEYED = 20_000
_CHUNKS_OF_TEXT = 2
"""As many megabytes without a single number, and the rest of the column need not be read."""
_MOSTLY = 0.5
_FEW = 0.2
_SHOWN = 24


class NotNumeric(Exception):
    """A column holds something other than numbers; the message says what, as a sentence."""


@dataclass(frozen=True, slots=True)
class Written:
    """How a table's numbers are written: `decimal` is "." or ",", beyond doubt when `certain`."""

    decimal: str = "."
    certain: bool = False


@dataclass(slots=True)
class ColumnNotes:
    """What had to be interpreted in one column, for a person to check.

    `unit` is what stood beside its numbers. `reason` says why it is not preselected, "" usually.
    `rounded`: whole numbers beyond 2**53 lost digits. `coded`: some have leading zeros.
    """

    rounded: bool = False
    coded: bool = False
    unit: str = ""
    reason: str = ""
    sentences: list[str] = field(default_factory=list)


def read_column(chunks: Chunks, column: np.ndarray, written: Written) -> ColumnNotes:
    """Writes a column of text into `column` (n,) float64, NaN where missing; returns its notes.

    Raises NotNumeric.
    """
    notes = ColumnNotes()
    if not _fill_plain(chunks, column, written.decimal, notes) or _may_be_grouped(column, written):
        _Unusual(chunks, column, written, notes).fill()
    notes.coded = _has_leading_zeros(chunks, column)
    return notes


def _has_leading_zeros(chunks: Chunks, column: np.ndarray) -> bool:
    head = column[:1_000]
    if not np.array_equal(head[np.isfinite(head)], np.rint(head[np.isfinite(head)])):
        return False
    chunk = next(iter(chunks()), None)
    return chunk is not None and bool(
        pc.any(pc.match_substring_regex(chunk, _LEADING_ZERO)).as_py()
    )


def _fill_plain(chunks: Chunks, column: np.ndarray, decimal: str, notes: ColumnNotes) -> bool:
    """Whether every cell is a number in the plainest spelling, or empty; quick."""
    start = 0
    for chunk in chunks():
        numbers = _plain_numbers(chunk, decimal)
        if numbers is None:
            return False
        column[start : start + len(chunk)] = numbers
        start += len(chunk)
        notes.rounded |= _is_rounded(numbers, chunk)
    return True


def _plain_numbers(chunk: pa.Array, decimal: str) -> np.ndarray | None:
    trimmed = pc.utf8_trim_whitespace(chunk)
    missing = pc.is_in(trimmed, _PLAIN_MISSING)
    values = pc.if_else(missing, pa.scalar(None, trimmed.type), trimmed)
    if decimal == ",":
        if pc.any(pc.match_substring(values, ".")).as_py():
            return None
        values = pc.replace_substring(values, ",", ".")
    try:
        numbers: np.ndarray = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return numbers


def _is_rounded(numbers: np.ndarray, chunk: pa.Array) -> bool:
    if np.nanmax(np.abs(numbers), initial=0.0) < 2.0**53:
        return False
    return bool(
        pc.any(pc.match_substring_regex(pc.utf8_trim_whitespace(chunk), _LONG_INTEGER)).as_py()
    )


def _may_be_grouped(column: np.ndarray, written: Written) -> bool:
    """Whether the points may group thousands: "1.012" beside "987", three digits after each."""
    if written.certain:
        return False
    for values in (column[:1_000], column):
        finite = values[np.isfinite(values)]
        thousandths = np.abs(finite) * 1e3
        whole = thousandths % 1e3 == 0
        if not finite.size or whole.all() or not whole.any() or np.abs(finite).max() >= 1e3:
            return False
        parted = thousandths[~whole]
        if (np.abs(parted - np.rint(parted)) > 1e-6).any() or (parted < 1e3).any():
            return False
        if (np.rint(parted) % 10 == 0).all():
            return False  # two decimals are enough
    return True


class _Unusual:
    """A column in which some cell is not a plain number."""

    def __init__(
        self, chunks: Chunks, column: np.ndarray, written: Written, notes: ColumnNotes
    ) -> None:
        self._chunks, self._column, self._written, self._notes = chunks, column, written, notes
        self._n_held = self._n_bad = self._n_limits = self._n_words = 0
        self._bad = self._limit = self._word = self._changed = ("", 0)
        self._spelling = Spelling()

    def fill(self) -> None:
        cells = self._survey()
        decision = self._decide(cells)
        self._spelling = decision.spelling
        start = 0
        for chunk in self._chunks():
            numbers = (
                None if self._spelling.grouping else _plain_numbers(chunk, self._spelling.decimal)
            )
            if numbers is None:
                numbers = self._by_cells(chunk, start)
            else:
                self._n_held += int(np.count_nonzero(~np.isnan(numbers)))
            self._column[start : start + len(chunk)] = numbers
            self._notes.rounded |= _is_rounded(numbers, chunk)
            start += len(chunk)
        good = self._n_held - self._n_bad
        if good == 0 and self._n_limits == 0 and self._n_bad == 0:
            return  # nothing but missing values
        if good < _MOSTLY * self._n_held or good < 1:
            raise NotNumeric(describe(cells))
        self._say(decision)

    def _survey(self) -> list[str]:
        """Different cells of the column that hold something; few when they are clearly text."""
        found: dict[str, None] = {}
        for n_chunks, chunk in enumerate(self._chunks(), start=1):
            for cell in pc.unique(pc.drop_null(chunk)).to_pylist():
                if cell.strip():
                    found[cell] = None
            if len(found) > _MOST_SURVEYED:
                break
            if n_chunks == _CHUNKS_OF_TEXT and found and not any(map(is_numeric, found)):
                break
        return list(found)[:_MOST_SURVEYED]

    def _decide(self, cells: list[str]) -> Decision:
        numbers = [parts for parts in map(parts_of, cells) if parts is not None]
        if len(numbers) < _MOSTLY * sum(
            not is_missing(c) and not is_beyond_limit(c) for c in cells
        ):
            raise NotNumeric(describe(cells))
        seen = Evidence.of(numbers)
        against = seen.contradiction()
        if against is not None:
            raise NotNumeric(f'Mixes decimal commas and points ("{against[0]}", "{against[1]}")')
        units = Counter(parts.unit for parts in numbers if parts.unit)
        if units:
            unit, n = units.most_common(1)[0]
            # "2.5*" among plain numbers is a remark; "$" may stand beside some amounts only.
            if n >= _MOSTLY * len(numbers) or unit in CURRENCIES:
                self._notes.unit = unit
        return decide(seen, self._written.decimal, usual_is_certain=self._written.certain)

    def _by_cells(self, chunk: pa.Array, start: int) -> np.ndarray:
        encoded = pc.dictionary_encode(pc.fill_null(chunk, ""))
        indices = encoded.indices.to_numpy(zero_copy_only=False)
        cells = encoded.dictionary.to_pylist()
        values: np.ndarray = np.empty(len(cells))
        kinds = np.zeros(len(cells), dtype=np.int8)
        for i, cell in enumerate(cells):
            values[i], kinds[i] = self._value(cell)
        counts = np.bincount(indices, minlength=len(cells))
        words, limits, bad = (int(counts[kinds == k].sum()) for k in (_WORD, _LIMIT, _BAD))
        self._n_words, self._n_limits, self._n_bad = (
            self._n_words + words,
            self._n_limits + limits,
            self._n_bad + bad,
        )
        self._n_held += int(counts[kinds != _MISSING].sum()) - words - limits
        first = {_WORD: "_word", _LIMIT: "_limit", _BAD: "_bad", _CHANGED: "_changed"}
        for kind, name in first.items():
            if not getattr(self, name)[0] and (kinds == kind).any():
                row = int(np.flatnonzero(kinds[indices] == kind)[0])
                setattr(self, name, (cells[indices[row]].strip(), start + row + 1))
        found: np.ndarray = values[indices]
        return found

    def _value(self, cell: str) -> tuple[float, int]:
        if is_missing(cell):
            return np.nan, _MISSING if cell.strip() in _PLAIN_WORDS else _WORD
        if is_beyond_limit(cell):
            return np.nan, _LIMIT
        text = cell.strip()
        if is_infinite(text):
            return -np.inf if text[0] == "-" else np.inf, _PLAIN
        parts = parts_of(cell)
        if parts is None or (parts.unit and parts.unit != self._notes.unit):
            return np.nan, _BAD
        value = self._spelling.value(parts.body)
        if value is None:
            return np.nan, _BAD
        number = float(f"{value!r}{parts.exponent}") if parts.exponent else value
        plain = parts.body == text.lstrip("+-") or parts.exponent
        return (-number if parts.negative else number), _PLAIN if plain else _CHANGED

    def _say(self, decision: Decision) -> None:
        notes = self._notes
        if decision.doubt:
            which = "second" if decision.spelling.grouping else "first"
            notes.sentences.append(f"{decision.doubt}; it was read as the {which}")
            notes.reason = f"{decision.doubt}: save the column without separators of thousands."
        elif self._changed[0]:
            cell, row = self._changed
            value = self._column[row - 1]
            notes.sentences.append(
                f'"{_short(cell)}" (row {row:,}) was read as {value:g}, and the like'
            )
        told = (
            (self._n_words, self._word, "count as missing"),
            (self._n_limits, self._limit, "give a limit only; they count as missing"),
            (self._n_bad, self._bad, "are no numbers; they count as missing"),
        )
        for n, (cell, row), what in told:
            if n:
                notes.sentences.append(
                    f'{n:,} cell(s) such as "{_short(cell)}" (row {row:,}) {what}'
                )
        if self._n_bad > _FEW * self._n_held:
            share = 100 * self._n_bad / self._n_held
            notes.reason = f"Holds text in {share:.0f} % of its cells."


_PLAIN, _MISSING, _WORD, _LIMIT, _BAD, _CHANGED = range(6)


def describe(cells: list[str]) -> str:
    """One short sentence on what a column that is not numeric holds, with an example."""
    held = [cell.strip() for cell in cells if not is_missing(cell)]
    if not held:
        return "Holds no values"
    if all(map(_BOOLEAN.fullmatch, held)):
        return "Holds yes/no values"
    if sum(map(is_moment, held)) > 0.9 * len(held):
        return "Holds dates or times"
    odd = [cell for cell in held if parts_of(cell) is None]
    if odd and len(odd) < len(held):
        return f'Holds text among its numbers ("{_short(odd[0])}")'
    return f'Holds text ("{_short(held[0])}")'


def _short(cell: str) -> str:
    return cell if len(cell) <= _SHOWN else cell[: _SHOWN - 1] + "…"
