"""What stands above the rows of a table: titles, names, units, or nothing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.datasets.reading.numbers.cells import is_moment, is_numeric
from dashboard.datasets.reading.numbers.missing import is_missing
from dashboard.datasets.reading.numbers.spelling import parts_of
from dashboard.datasets.reading.numbers.word_set import word_set

_MOST_SHOWN = 60
_TYPE_WORDS = word_set(
    """
    c d s m t i n a discrete continuous string meta class ignore numeric nominal real integer
    int float text date datetime time ts rn smp avg min max tot std tmn tmx med sample average
    """
)
_UNIT_WORDS = word_set(
    """
    mm cm m km km2 g kg mg ug t ml l cl dl ha h hr min s ms d day days yr year years c f k v mv
    a ma w kw mw j kj mj pa kpa hpa mpa mbar bar psi ppm ppb pct percent deg degc degf volts
    volt mmhg ft in lb lbs mph knots hz khz mhz lux db none unitless count counts - -- % ‰ ° °c
    °f n ns us µs ds usd eur mol
    """
)
_SYMBOL = r"[^\W\d_]{1,5}\.?[²³0-9^-]{0,3}"
_UNIT = re.compile(
    r"[\[(].{0,24}[\])]|[°%‰µμ]\S{0,8}|deg\.? ?[cfk]"
    rf"|(10\^?-?\d )?{_SYMBOL}([/*·^ ]+{_SYMBOL})+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Names:
    """Names and units of the columns ("" where none is given), None when no row holds names.

    `n_rows_above` rows of the sample come before the first row of data.
    """

    names: tuple[str, ...] | None
    units: tuple[str, ...]
    n_rows_above: int
    notes: tuple[str, ...]


def names_above(rows: Sequence[list[str]], width: int, comments: Sequence[str]) -> Names:
    """Finds the first row of data and what the rows above it mean."""
    numeric = numeric_columns(rows, width)
    first = _first_data_row(rows, width, numeric)
    notes: list[str] = []
    names, units, n_title = None, ("",) * width, first
    for position in range(first - 1, -1, -1):
        cells = rows[position]
        if not _may_be_names(cells, width):
            break
        above = rows[position - 1] if position else None
        if (
            _is_units(cells)
            and above is not None
            and _may_be_names(above, width)
            and not _is_title(above)
        ):
            units = tuple(
                unit or _unit_text(cell)
                for unit, cell in zip(units, _padded(cells, width), strict=False)
            )
            continue
        names, n_title = _names(cells, rows[first:], width), position
        break
    if names is None and first and _are_too_many_names(rows[first - 1], width):
        names, n_title = tuple(_padded(rows[first - 1], width)), first - 1
        notes.append(f"The last {len(rows[first - 1]) - width} name(s) have no column.")
    if names is None:
        n_title = first
        in_comment = _names_in_comment(comments, width)
        if in_comment is not None and first == 0:
            names = in_comment
            notes.append("The names of the columns stand in a comment line.")
    if any(units):
        notes.append("Units stand in a row below the names.")
    if n_title:
        shown = " ".join(" ".join(rows[0]).split())
        shown = shown if len(shown) <= _MOST_SHOWN else shown[: _MOST_SHOWN - 1] + "…"
        notes.append(f'{n_title} line(s) above the table were skipped ("{shown}").')
    if names is None:
        notes.append("The first row holds numbers, so it was read as data and the columns named.")
    return Names(names, units, first, tuple(notes))


def _names(cells: list[str], below: Sequence[list[str]], width: int) -> tuple[str, ...]:
    """The names as written; R gives none to the row names, which come first."""
    if len(cells) == width - 1 and below and all(len(row) == width for row in below):
        return ("row", *_padded(cells, width - 1))
    return tuple(_padded(cells, width))


def _padded(cells: list[str], width: int) -> list[str]:
    return [" ".join(cell.split()) for cell in (cells + [""] * width)[:width]]


def numeric_columns(rows: Sequence[list[str]], width: int) -> list[bool]:
    """Columns whose cells, below the first few rows, are mostly numbers."""
    lower = rows[min(len(rows) // 3, 20) :]
    result = []
    for position in range(width):
        cells = [row[position] for row in lower if position < len(row)]
        held = [cell for cell in cells if not is_missing(cell)]
        result.append(bool(held) and sum(map(is_numeric, held)) >= 0.5 * len(held))
    return result


def _first_data_row(rows: Sequence[list[str]], width: int, numeric: list[bool]) -> int:
    if not any(numeric):
        return next(
            (i + 1 for i, cells in enumerate(rows) if _filled(cells) >= max(1, width - 1)), 1
        )
    kinds = [_is_data(cells, numeric) for cells in rows]
    if not any(kinds):
        return len(rows)
    first = next(
        (i for i, here in enumerate(kinds) if here and _goes_on(kinds, i)), kinds.index(True)
    )
    # Rows without any value may come first; Orange leaves the last of its three header rows empty.
    while (
        first
        and _is_empty(rows[first - 1], width)
        and not (first > 1 and _is_units(rows[first - 2]))
    ):
        first -= 1
    return first + 1 if first == 0 and _is_row_of_numbers(rows, numeric) else first


def _goes_on(kinds: list[bool | None], position: int) -> bool:
    """Below "Serial; 1234" comes "Operator; Smith", below a row of data another one."""
    below = [kind for kind in kinds[position + 1 : position + 8] if kind is not None]
    return not below or below[0] or sum(below[:5]) >= 4


def _is_data(cells: list[str], numeric: list[bool]) -> bool | None:
    """Whether numbers stand where numbers belong; None when nothing does."""
    held = [c for c, n in zip(cells, numeric, strict=False) if n and not is_missing(c)]
    return sum(map(is_numeric, held)) >= 0.5 * len(held) if held else None


def _is_empty(cells: list[str], width: int) -> bool:
    return len(cells) == width > 1 and all(map(is_missing, cells))


def _is_row_of_numbers(rows: Sequence[list[str]], numeric: list[bool]) -> bool:
    """Whether the first row names its columns by numbers, such as "region, 2019, 2020".

    They are whole, of one step, and the columns below hold other numbers.
    """
    first = [parts_of(c) for c, n in zip(rows[0], numeric, strict=False) if n]
    bodies = [parts.body for parts in first if parts is not None and not parts.unit]
    if len(bodies) < 2 or len(bodies) != sum(numeric) or not all(b.isdecimal() for b in bodies):
        return False
    numbers = [int(body) for body in bodies]
    steps = {b - a for a, b in itertools.pairwise(numbers)}
    if len(steps) != 1 or 0 in steps:
        return False
    has_text = any(cell.strip() and not is_numeric(cell) for cell in rows[0])
    if steps != {1} and has_text and len(bodies) < 3:
        return False  # "plot 0, 28, 65": two numbers always have one step
    below = [row for row in rows[1:] if len(row) == len(rows[0])]
    known = {c.strip() for row in below for c, n in zip(row, numeric, strict=False) if n}
    return len(below) >= 2 and not known & set(bodies)


def _filled(cells: list[str]) -> int:
    return max((i + 1 for i, cell in enumerate(cells) if cell.strip()), default=0)


def _may_be_names(cells: list[str], width: int) -> bool:
    """As wide as the table, or one short of it: R names no column for its row names."""
    return max(1, width - 1) <= len(cells) and _filled(cells) <= max(width, 1)


def _are_too_many_names(cells: list[str], width: int) -> bool:
    given = [cell.strip() for cell in cells]
    return len(cells) > width > 1 and all(given) and len(set(given)) == len(given)


def _is_title(cells: list[str]) -> bool:
    return sum(bool(cell.strip()) for cell in cells) < 0.5 * len(cells)


def _is_units(cells: list[str]) -> bool:
    held = [" ".join(cell.split()) for cell in cells if cell.strip()]
    if not held:
        return True
    known = [c for c in held if _is_unit(c)]
    return len(known) >= 0.6 * len(held) and not any(is_numeric(c) or is_moment(c) for c in held)


def _is_unit(text: str) -> bool:
    return text.lower() in _UNIT_WORDS | _TYPE_WORDS or _UNIT.fullmatch(text) is not None


def _unit_text(cell: str) -> str:
    text = cell.strip()
    if text.lower() in _TYPE_WORDS - _UNIT_WORDS or text.lower() in {
        "c",
        "d",
        "s",
        "n",
        "-",
        "--",
        "none",
    }:
        return ""
    return text[1:-1].strip(" -") if text[:1] in "[(" and text[-1:] in "])" else text


def _names_in_comment(comments: Sequence[str], width: int) -> tuple[str, ...] | None:
    for line in reversed(comments):
        for delimiter in (",", ";", "\t", "|", None):
            cells = line.lstrip("# \t").split(delimiter)
            if len(cells) == width and width > 1 and not any(map(is_numeric, cells)):
                return tuple(" ".join(cell.split()) for cell in cells)
    return None
