"""Which columns to cluster when nobody has chosen, and a sentence for each that is left out."""

from __future__ import annotations

from dashboard.datasets.model.dataset import ColumnInfo, Role
from dashboard.datasets.reading.columns.coordinates import find_coordinates
from dashboard.datasets.reading.columns.nodata import code_of
from dashboard.datasets.reading.columns.roles import role_of
from dashboard.datasets.reading.columns.values import ColumnValues

MAX_SELECTED = 8
"""Above this a first clustering is slow, and hard to look at."""


def advise(columns: list[ColumnValues]) -> tuple[tuple[ColumnInfo, ...], tuple[str, ...]]:
    """Role, selection and reason of each column, and sentences about the selection as a whole."""
    coordinates = find_coordinates(columns)
    verdicts = []
    n_selected = 0
    n_beyond = 0
    for position, column in enumerate(columns):
        role, reason = role_of(
            column,
            coordinates.get(position),
            mapped=bool(coordinates),
            row_names=position == 0 and _has_no_name(columns),
        )
        if not reason and n_selected == MAX_SELECTED:
            n_beyond += 1
            reason = f"One of many: only the first {MAX_SELECTED} measurements are preselected."
        n_selected += not reason
        verdicts.append(_info(column, role, reason))
    notes = []
    if n_beyond:
        notes.append(
            f"{MAX_SELECTED} of {n_selected + n_beyond} measurement columns are preselected, "
            "the first ones; choose the columns that matter."
        )
    if columns and not n_selected:
        notes.append("No column is preselected; the reason stands beside each of them.")
    for column in columns:
        code = code_of(column)
        if code is not None:
            notes.append(
                f'"{column.name}" holds {code.value:g} in {code.n_rows:,} row(s), which often '
                "stands for a missing value; empty those cells to leave such rows out."
            )
    return tuple(verdicts), tuple(notes)


def _has_no_name(columns: list[ColumnValues]) -> bool:
    """Whether the first column alone has no name: R and pandas write row names this way."""
    names = [column.name for column in columns]
    return names[0] in _ROW_NAMES and not any(name.startswith("column ") for name in names[1:])


_ROW_NAMES = frozenset({"column 1", "row", "Unnamed: 0", "X", "..."})


def _info(column: ColumnValues, role: Role, reason: str) -> ColumnInfo:
    code = code_of(column)
    return ColumnInfo(
        name=column.name,
        unit=column.unit,
        n_missing=column.n_missing,
        n_infinite=column.n_infinite,
        n_distinct=column.n_distinct,
        minimum=column.minimum,
        maximum=column.maximum,
        mean=column.mean,
        std=column.std,
        role=role,
        selected=not reason,
        reason=reason,
        nodata=None if code is None else code.value,
    )
