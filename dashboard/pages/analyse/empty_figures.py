"""The graphs before anything is known: axes and nothing else, so that the page does not jump."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.figures.bic import bic_figure
from dashboard.figures.style import TEMPLATES


def empty_figures() -> dict[str, go.Figure]:
    """By the parameter names of :func:`dashboard.pages.analyse.layout.analyse`."""
    return {
        "bic_figure": bic_figure([], None),
        "panels_figure": _blank(),
        "selected_figure": _blank(),
        "correlation": _blank(),
    }


def _blank() -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        template=TEMPLATES["light"],
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis_visible=False,
        yaxis_visible=False,
    )
    return figure
