"""Column names: made unique, given where missing, and split from their units."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_WITH_UNIT = re.compile(
    r"^(?P<name>.*\S)(?:\s+\((?P<round>[^()]{1,20})\)|\s*\[(?P<square>[^][]{1,20})\])$"
)
"""As in "EC1 (mS/m)" and "EC1[mS/m]". Parentheses need a space before them, because f(x) is a name,
and something other than digits within, because "Income (2019)" and "a (2)" are names too."""


@dataclass(frozen=True, slots=True)
class Headers:
    """`sources` are the unique headers as written, `names` and `units` what they split into.

    `notes` are sentences about names that had to be changed.
    """

    sources: tuple[str, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    notes: tuple[str, ...]


def read_headers(written: list[str], units: Sequence[str] = ()) -> Headers:
    """Headers of a table in column order; empty ones become "column 3", the second "a" "a (2)".

    `units` stand in a row of their own, "" where there is none; a unit in the header goes before.
    """
    plain = [" ".join(text.split()) for text in written]
    given = [text or f"column {i}" for i, text in enumerate(plain, start=1)]
    sources = _unique(given)
    notes = []
    repeated = [name for name, count in Counter(given).items() if count > 1]
    if repeated:
        listed = ", ".join(f'"{name}"' for name in repeated[:5])
        notes.append(
            f"Column names appear more than once ({listed}); "
            f'they are numbered, as in "{repeated[0]} (2)".'
        )
    split = [_split_unit(text) for text in given]
    headers_of: dict[str, set[str]] = {}
    for (name, _), text in zip(split, given, strict=True):
        headers_of.setdefault(name, set()).add(text)
    # "EC (mS/m)" beside "EC (dS/m)" differ by their unit alone: then it stays in the name.
    pairs = [
        (name, unit) if len(headers_of[name]) == 1 else (text, "")
        for (name, unit), text in zip(split, given, strict=True)
    ]
    names = _unique([name for name, _ in pairs])
    apart = itertools.chain(units, itertools.repeat(""))
    all_units = tuple(unit or below for (_, unit), below in zip(pairs, apart, strict=False))
    return Headers(tuple(sources), tuple(names), all_units, tuple(notes))


def _split_unit(text: str) -> tuple[str, str]:
    found = _WITH_UNIT.match(text)
    if found is None:
        return text, ""
    unit = (found["round"] or found["square"]).strip()
    if not unit or unit.replace("-", "").isdigit():
        return text, ""
    return found["name"], unit


def _unique(names: list[str]) -> list[str]:
    """Second and later occurrences get " (2)", " (3)", never a name that is already there."""
    taken = set(names)
    seen: set[str] = set()
    result = []
    for name in names:
        chosen, number = name, 2
        while chosen in seen or (chosen != name and chosen in taken):
            chosen, number = f"{name} ({number})", number + 1
        seen.add(chosen)
        result.append(chosen)
    return result
