"""Charts as single HTML files that work without a network."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from dashboard.analysis.recommendation import recommend
from dashboard.analysis.updates import cell_records
from dashboard.figures.bic import bic_figure

if TYPE_CHECKING:
    from dashboard.analysis.view import JobView

PLOT_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    # The mode bar would offer to send the chart to a cloud service.
    "showSendToCloud": False,
    "plotlyServerURL": "",
}


def figure_html(figure: go.Figure, title: str = "Centaurus") -> str:
    """A self-contained page (about 5 MB: plotly.js is inside) that fills its window."""
    body: str = figure.to_html(
        full_html=False, include_plotlyjs=True, config=PLOT_CONFIG, default_height="96vh"
    )
    background = figure.layout.template.layout.paper_bgcolor or "#ffffff"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title>"
        f"<style>body {{ margin: 0; background: {background}; }}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def bic_html(view: JobView, criterion: str = "bic", dark: bool = False) -> str:
    """The model selection chart of a job as a self-contained page."""
    recommendation = recommend(view, criterion)
    figure = bic_figure(
        cell_records(view),
        None if recommendation is None else recommendation.to_json(),
        criterion,
        dark,
        k_range=(view.spec.k_min, view.spec.k_max),
        zoom_buttons=True,
    )
    return figure_html(figure, f"Centaurus: {criterion.upper()} over the number of clusters")
