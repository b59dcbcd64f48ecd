"""The grid of the page's long tables: one way to sort, turn pages and say that there is nothing."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag


def grid(
    id: str,
    columns: list[dict[str, Any]],
    *,
    empty: str,
    page_rows: int,
    min_width_px: int,
    column_options: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> dag.AgGrid:
    """A grid without rows yet; `empty` is what it says then.

    `column_options` and `options` add to AG Grid's own for every column and for the grid.
    """
    return dag.AgGrid(
        id=id,
        columnDefs=columns,
        rowData=[],
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "flex": 1,
            "minWidth": min_width_px,
            **(column_options or {}),
        },
        dashGridOptions={
            "pagination": True,
            "paginationPageSize": page_rows,
            "animateRows": False,
            "localeText": {"noRowsToShow": empty},
            **(options or {}),
        },
        style={"height": "460px"},
    )


def text_column(field: str, title: str, tip: str, width_px: int) -> dict[str, Any]:
    """A column definition whose cells are shown as they are, at least `width_px` wide."""
    return {
        "field": field,
        "headerName": title,
        "headerTooltip": tip,
        "cellDataType": "text",
        "minWidth": width_px,
    }


def number_column(
    field: str, title: str, tip: str, width_px: int | None = None, *, decimals: int | None = None
) -> dict[str, Any]:
    """A column definition for numbers, with `decimals` and a dash for none, or as they are."""
    column: dict[str, Any] = {
        "field": field,
        "headerName": title,
        "headerTooltip": tip,
        "type": "rightAligned",
    }
    if width_px is not None:
        column["minWidth"] = width_px
    if decimals is not None:
        text = f"params.value == null ? '–' : d3.format(',.{decimals}f')(params.value)"
        column["valueFormatter"] = {"function": text}
    return column
