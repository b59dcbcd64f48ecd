"""What one column holds: a measurement, or a reason why it is not one."""

from __future__ import annotations

from dashboard.datasets.model.dataset import Role
from dashboard.datasets.reading.columns.values import ColumnValues
from dashboard.datasets.reading.columns.words import (
    CLASS,
    CODE,
    DURATIONS,
    HEIGHT,
    IDENTIFIER,
    TIME,
    names_an_id,
    words_of,
)
from dashboard.datasets.reading.numbers.word_set import word_set

_ID_ENDS = word_set(
    """
    id ids hid fid oid gid uid pid cid sid nr no num idx key
    """
)
_MAX_LABELS = 30
_ALWAYS_CLASSES = word_set(
    """
    class group cluster zone type category species block plot
    """
)
_FEW_WHOLE = 10
_FEW = 5
_MOSTLY = 0.5
_YEARS = word_set(
    """
    year yr jahr date start end begin from to born birth died founded built
    """
)
_EPOCH_S = (6e8, 2.5e9)
"""1989 to 2049 in seconds since 1970."""


def role_of(
    column: ColumnValues, coordinate: Role | None, *, mapped: bool, row_names: bool = False
) -> tuple[Role, str]:
    """Role of one column and why it is not preselected ("" when it is).

    `coordinate` is what it was found to be among all columns, `mapped` whether any is one,
    `row_names` whether it is a first column without a name in a table with names.
    """
    words = [word.rstrip("0123456789") or word for word in words_of(column.name)]
    if column.n_finite == 0:
        return "empty", "Holds no finite values."
    if column.n_distinct == 1:
        return "constant", f"Holds one value only ({column.minimum:g})."
    if coordinate is not None:
        kind = "in projected units" if coordinate == "coordinate" else coordinate
        return coordinate, f"Map coordinate ({kind}): says where, not what."
    if row_names and column.whole and column.n_distinct == column.n_finite == column.n_rows:
        return "identifier", "Has no name and numbers the rows: an identifier."
    for role, reason in (
        ("identifier", _identifier(column, words)),
        ("time", _time(column, words)),
        ("identifier", _counter(column)),
        ("category", _category(column, words)),
    ):
        if reason:
            return role, reason  # type: ignore[return-value]
    # Elevation beside map coordinates is a property of the place: it varies smoothly over the
    # field, so zones found with it follow the terrain instead of what was measured there. In a
    # table without coordinates it is a measurement like any other.
    if mapped and HEIGHT & set(words):
        return "measurement", "Describes the terrain of the map; select it to include it."
    n_left_out = column.n_missing + column.n_infinite
    if n_left_out > _MOSTLY * column.n_rows:
        share = 100 * n_left_out / column.n_rows
        return (
            "measurement",
            f"Missing or infinite in {share:.0f} % of the rows, which would all be left out.",
        )
    return "measurement", column.doubt


def _identifier(column: ColumnValues, words: list[str]) -> str:
    if column.rounded:
        return "Holds whole numbers beyond 2^53, which lose digits here: probably identifiers."
    if not column.whole or column.minimum is None or column.maximum is None:
        return ""
    joined = "".join(words)
    if column.coded:
        return "Written with leading zeros: codes, not amounts."
    if (
        joined in CODE
        or (words and words[-1] in CODE)
        or (words and words[0] in CODE - {"code", "codes", "cap", "sic", "hs"})
    ):
        return "Looks like a code (by its name): its numbers are no amounts."
    last = words[-1] if words else ""
    if joined in IDENTIFIER or names_an_id(joined) or (len(words) > 1 and last in _ID_ENDS):
        return "Looks like an identifier (by its name)."
    return ""


def _counter(column: ColumnValues) -> str:
    # Few rows are consecutive numbers by chance, and a table sorted by a measured count has
    # steady whole numbers too: an identifier leaves few gaps.
    n = column.n_finite
    if not column.whole or n < 8 or column.n_distinct != n:
        return ""
    if column.span + 1 == n:
        return "Looks like an identifier: consecutive whole numbers, each once."
    if column.even_steps:
        return "Changes by the same step from row to row: a counter, not a measurement."
    if column.steady and column.span + 1 <= 4 * n:
        return "Looks like an identifier: whole numbers in order, each once."
    if (
        column.minimum is not None
        and column.minimum >= 1e9
        and column.span > 0
        and _same_length(column)
    ):
        return "Long whole numbers, each once: probably numbers of orders, phones or articles."
    return ""


def _same_length(column: ColumnValues) -> bool:
    return len(f"{column.minimum:.0f}") == len(f"{column.maximum:.0f}")


def _time(column: ColumnValues, words: list[str]) -> str:
    low, high = column.minimum or 0.0, column.maximum or 0.0
    named = bool(words) and all(word in TIME or word in DURATIONS for word in words)
    says_when = named and any(word in TIME for word in words)
    if column.whole and column.n_finite >= 8 and (column.steady or named):
        for unit, scale in (
            ("seconds", 1.0),
            ("milliseconds", 1e3),
            ("microseconds", 1e6),
            ("nanoseconds", 1e9),
        ):
            if _EPOCH_S[0] * scale <= low and high <= _EPOCH_S[1] * scale:
                return f"Moments in {unit} since 1970: says when, not what."
    if says_when or (named and column.steady and column.n_distinct > 2):
        return "Says when, not what (by its name)."
    if column.whole and low >= 1000 and high <= 2200 and words and words[-1] in _YEARS:
        return "Years: say when, not what."
    fine = not column.whole and column.n_distinct == column.n_finite >= 20
    if fine and column.even_steps:
        return "Changes by the same step from row to row: a time or a counter, not a measurement."
    return ""


def _category(column: ColumnValues, words: list[str]) -> str:
    n, n_distinct = column.n_finite, column.n_distinct
    if n_distinct == 2 and n >= 4:
        values = f"{column.minimum:g} and {column.maximum:g}"
        return f"Holds two values only ({values}): a flag, not a measurement."
    joined = "".join(words)
    named = joined in CLASS or (len(words) > 1 and (words[-1] in CLASS or words[0] in CLASS))
    if column.whole and named and n_distinct <= min(_MAX_LABELS, n / 2):
        return "Looks like a class number, not a measurement (by its name)."
    if column.whole and joined in _ALWAYS_CLASSES and n_distinct <= n / 2:
        return "Looks like the number of a group, not a measurement (by its name)."
    few = _FEW_WHOLE if column.whole else _FEW
    if n_distinct <= few and n >= 5 * n_distinct and n >= 20:
        return (
            f"Holds {n_distinct} different values only: a class, a grade or a setting rather than "
            "a measurement."
        )
    return ""
