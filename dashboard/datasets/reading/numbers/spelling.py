"""How the numbers of one column are written, found out from its cells, and one cell read that way.

What a spreadsheet, an instrument or a statistics program writes for a number differs by country
and program: decimal commas, separators of thousands, signs of currencies and units, minus signs of
several shapes, the exponents of Fortran. Reading goes in two steps: `Spelling.of` decides for a
column what a comma and a point mean in it; `read_cell` reads one cell with that.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

GROUPINGS = (",", ".", "'", " ", "_")
"""Separators of thousands, after `plain_signs`."""

_SIGNS = {
    **dict.fromkeys("\u2212\u2013\u2014\u2012\u2010\u2011\ufe63\uff0d", "-"),
    **dict.fromkeys("\u00a0\u202f\u2009\u2007\u2002\u2003", " "),
    **dict.fromkeys("\u2019\u02bc\u00b4\u2018`", "'"),
    "\u066b": ".",  # Arabic decimal separator
    "\u066c": ",",  # Arabic thousands separator
}
_BODY = r"\d[\d.,' _]*|[.,]\d+"
_EXPONENT = r"(?:[eEdD][+-]?\d{1,3})?"
CURRENCIES = "$\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9\u20ba\u20ab\u20aa\u0e3f"
_NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+-])?\s*(?P<prefix>[{CURRENCIES}]|[A-Z]{{3}}(?=\s))?\s*"
    rf"(?P<inner>[+-])?(?P<body>{_BODY})(?P<exponent>{_EXPONENT})"
    r"\s*(?P<suffix>[^\d\s.,'()+\-][^\d()]{0,15}(?:/[^()]{1,10})?)?(?P<after>-)?(?P<close>\))?"
)
_WRAPPED = re.compile(
    r"""="(?P<formula>[^"]*)"|'(?P<single>[^']*)'|"(?P<double>[^"]*)"|'(?P<text>.+)"""
)
_GROUPED = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+") for mark in GROUPINGS}


@dataclass(frozen=True, slots=True)
class Spelling:
    """`decimal` is "." or ","; `grouping` one of `GROUPINGS`, or "" where none was seen."""

    decimal: str = "."
    grouping: str = ""

    def value(self, body: str) -> float | None:
        """The number that digits and marks stand for, without a sign; None when they are none."""
        whole, point, fraction = (
            body.rpartition(self.decimal) if self.decimal in body else (body, "", "")
        )
        if point and not fraction.isdecimal() and fraction:
            return None
        if not whole.isdecimal() and whole:
            if not self.grouping or not _GROUPED[self.grouping].fullmatch(whole):
                return None
            whole = whole.replace(self.grouping, "")
        return float(f"{whole or 0}.{fraction or 0}") if whole or fraction else None


@dataclass(frozen=True, slots=True)
class Parts:
    """One cell that is a number in some spelling: its sign, its digits with marks, the rest."""

    negative: bool
    body: str
    exponent: str
    unit: str


def plain_signs(cell: str) -> str:
    """The cell with ASCII digits, one kind of minus, blank and apostrophe, and without wrapping.

    Fullwidth and Arabic digits, typographic minus signs and blanks that do not break are what other
    keyboards and typesetters put for the plain ones.
    """
    text = cell.strip()
    if not text.isascii():
        text = "".join(_SIGNS.get(c) or _digit(c) for c in text).strip()
    found = _WRAPPED.fullmatch(text)
    if found is not None:
        text = next(part for part in found.groups() if part is not None).strip()
    return text


def _digit(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if "\uff01" <= character <= "\uff5e":  # fullwidth forms of ASCII
        return chr(ord(character) - 0xFEE0)
    return character


@functools.lru_cache(maxsize=50_000)  # what finds the layout looks at each cell several times
def parts_of(cell: str) -> Parts | None:
    """The parts of a cell that is a number, in whatever spelling; None for anything else."""
    found = _NUMBER.fullmatch(plain_signs(cell))
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    signs = [s for s in (found["sign"], found["inner"], found["after"], found["open"]) if s]
    if len(signs) > 1:
        return None
    unit = (found["prefix"] or "") + (found["suffix"] or "").strip()
    if found["prefix"] and found["suffix"]:
        return None
    body = found["body"].rstrip(" '_")
    return Parts(
        bool(signs) and signs[0] != "+",
        body,
        found["exponent"].replace("d", "e").replace("D", "e"),
        unit,
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the cells of a column say about its marks; each tuple holds an example, or is empty.

    `decimal` and `grouping`: for each mark, a cell in which it can be nothing else. `either`: for
    each mark, a cell such as "1,012" in which it may be one or the other. `n_either` counts these;
    `n_small` and `n_large` count whole numbers without any mark, up to 999 and from 1,000 on.
    """

    decimal: dict[str, str]
    grouping: dict[str, str]
    either: dict[str, str]
    n_either: int
    n_small: int
    n_large: int

    @classmethod
    def of(cls, cells: Iterable[Parts]) -> Evidence:
        """Of cells that are numbers in some spelling; malformed ones say nothing."""
        decimal: dict[str, str] = {}
        grouping: dict[str, str] = {}
        either: dict[str, str] = {}
        n_either = n_small = n_large = 0
        for parts in cells:
            body = parts.body
            if body.isdecimal():
                n_small += len(body) <= 3
                n_large += len(body) > 3
                continue
            roles = _roles(body)
            if roles is None:
                continue
            group, point, unclear = roles
            if unclear and parts.exponent:  # "2,822E+01": nobody groups thousands there
                point, unclear = unclear, ""
            if group:
                grouping.setdefault(group, body)
            if point:
                decimal.setdefault(point, body)
            if unclear:
                n_either += 1
                either.setdefault(unclear, body)
        return cls(decimal, grouping, either, n_either, n_small, n_large)

    def contradiction(self) -> tuple[str, str] | None:
        """Two cells that cannot both be numbers of one spelling, if there are any."""
        if len(self.decimal) > 1:
            first, second = list(self.decimal.values())[:2]
            return first, second
        for mark in self.grouping.keys() & self.decimal.keys():
            return self.grouping[mark], self.decimal[mark]
        return None


def _roles(body: str) -> tuple[str, str, str] | None:
    """Grouping mark, decimal mark and unclear mark of one body, each "" where there is none.

    None when it is no number in any spelling, such as "1.2.2024".
    """
    kinds = [c for c in body if not c.isdecimal()]
    distinct = list(dict.fromkeys(kinds))
    if len(distinct) == 1:
        mark = distinct[0]
        grouped = _GROUPED[mark].fullmatch(body) is not None and not body.startswith("0")
        if mark not in ".,":
            return (mark, "", "") if grouped else None
        if len(kinds) > 1:
            return (mark, "", "") if grouped else None
        return ("", "", mark) if grouped else ("", mark, "")
    if len(distinct) == 2 and distinct[1] in ".," and kinds.count(distinct[1]) == 1:
        group, point = distinct
        if _GROUPED[group].fullmatch(body.rpartition(point)[0]):
            return group, point, ""
    return None


def is_body(body: str) -> bool:
    """Whether digits and marks are a number in some spelling: not "1.2.2024", not "22 6"."""
    return body.isdecimal() or (body[-1:] not in {","} and _roles(body) is not None)


@dataclass(frozen=True, slots=True)
class Decision:
    """The spelling of a column and why it is not certain, "" when it is.

    `other` is the second reading of a column that has two, else None.
    """

    spelling: Spelling
    doubt: str = ""
    other: Spelling | None = None


_FEWEST_GROUPED = 3


def decide(seen: Evidence, usual: str, *, usual_is_certain: bool) -> Decision:
    """What point and comma mean in a column; `usual` is the decimal mark of the table.

    `usual_is_certain`: some column shows it beyond doubt, or a person said so.
    """
    if seen.decimal:
        decimal = next(iter(seen.decimal))
        grouping = next(iter(seen.grouping), "") or next(
            (m for m in seen.either if m != decimal), ""
        )
        return Decision(Spelling(decimal, grouping))
    marks = [m for m in seen.grouping if m in ".,"]
    if marks:
        other = "," if marks[0] == "." else "."
        return Decision(Spelling(other, marks[0]))
    blank = next(iter(seen.grouping), "")
    if not seen.either:
        return Decision(Spelling(usual, blank))
    if len(seen.either) == 2:  # "1.012" and "1,012" in one column
        return Decision(Spelling(usual, "," if usual == "." else "."), _doubt(seen))
    (mark,) = seen.either
    other = "," if mark == "." else "."
    as_decimal, as_grouping = Spelling(mark, blank), Spelling(other, mark)
    if usual_is_certain:
        return Decision(as_decimal if mark == usual else as_grouping)
    # Numbers with three decimals each, but none at all in the others? Then the mark groups.
    beside = seen.n_small > 0 and seen.n_large == 0 and seen.n_either >= _FEWEST_GROUPED
    if mark == ".":
        if not beside:
            return Decision(as_decimal)
        return Decision(as_grouping, _doubt(seen), as_decimal)
    return Decision(
        as_grouping if beside else as_decimal, _doubt(seen), as_decimal if beside else as_grouping
    )


def _doubt(seen: Evidence) -> str:
    mark, body = next(iter(seen.either.items()))
    return f'"{body}" may mean {body.replace(mark, ".")} or {body.replace(mark, "")}'
