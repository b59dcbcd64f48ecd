"""The white boxes of the page and the graphs in them."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.pages.parts import ids
from dashboard.pages.parts.aria import aria

GRAPH_CONFIG: Any = {
    "displaylogo": False,
    "showSendToCloud": False,
    "responsive": True,
    "displayModeBar": "hover",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Options of plotly.js; typed Any because Dash's own type does not know all of them."""


def card(*children: Any, label: str, className: str = "card") -> html.Section:
    """One white box of the page, announced to screen readers by its label."""
    box = dmc.Paper(list(children), withBorder=True, radius="md", p="md", shadow="xs", h="100%")
    return html.Section(box, className=className, **aria(label=label))


def graph(graph_id: str, figure: Any, label: str, height: str | None) -> html.Div:
    """A Plotly graph in a box of known height, so that the page does not jump while it loads.

    Without `height` the style sheet decides, by the class `box-<graph_id>`.
    """
    return html.Div(
        dcc.Graph(
            id=graph_id,
            figure=figure,
            config=GRAPH_CONFIG,
            style={"height": "100%"},
            # The panels' size is set by panels_layout.js, to the pixel.
            responsive=graph_id != ids.PANELS_GRAPH,
            clear_on_unhover=True,
        ),
        className=f"graph-box box-{graph_id}",
        style={"height": height} if height else {},
        role="figure",
        **aria(label=label),
    )
