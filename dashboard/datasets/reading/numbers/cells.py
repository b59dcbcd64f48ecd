"""What one cell of a text table holds: a number in some spelling, a moment, nothing, or text."""

from __future__ import annotations

import re

from dashboard.datasets.reading.numbers.missing import is_missing
from dashboard.datasets.reading.numbers.spelling import is_body, parts_of

_CLOCK = r"\d{1,3}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?"
_MOMENT = re.compile(
    rf"(\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}})([T ,]+{_CLOCK})?"
    rf"|{_CLOCK}"
    rf"|\d{{1,2}}[-. ]+[^\W\d_]{{3,9}}[-. ,]+\d{{2,4}}( +{_CLOCK})?"
    rf"|[^\W\d_]{{3,9}}\.? \d{{1,2}},? \d{{4}}( +{_CLOCK})?"
)
_DIGITS_ONLY = re.compile(r"[\d\s.,;|+\-]+")
_INFINITE = re.compile(r"[+-]?(inf(inity)?|∞)", re.IGNORECASE)
_STRUCTURE = ("\t", ";", "|")


def is_moment(cell: str) -> bool:
    """Whether a cell holds a date, a time or both."""
    return _MOMENT.fullmatch(cell.strip()) is not None


def is_infinite(cell: str) -> bool:
    """Whether a cell says that a value is beyond all numbers."""
    return _INFINITE.fullmatch(cell.strip()) is not None


def is_numeric(cell: str) -> bool:
    """Whether a cell is a number in some spelling, a unit or the sign of a currency beside it."""
    if is_infinite(cell):
        return True
    parts = parts_of(cell)
    return parts is not None and is_body(parts.body)


def is_clean(cell: str, delimiter: str) -> bool:
    """Whether a cell is something that a table holds, and not a piece of one cut elsewhere."""
    text = cell.strip()
    if is_missing(text) or is_numeric(text) or is_moment(text):
        return True
    if any(mark in text for mark in _STRUCTURE if mark != delimiter):
        return False
    if delimiter == " " and any(mark in text for mark in ",;"):
        return False
    return _DIGITS_ONLY.fullmatch(text) is None
