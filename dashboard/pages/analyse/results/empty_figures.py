"""The graphs before anything is known: axes and nothing else, so that the page does not jump."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.figures.bic import bic_figure
from dashboard.figures.style import TEMPLATES


def no_curves() -> go.Figure:
    """The axes of the score curves."""
    return bic_figure([], None)


def blank() -> go.Figure:
    """Nothing, on the page's own background."""
    figure = go.Figure()
    figure.update_layout(
        template=TEMPLATES["light"],
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis_visible=False,
        yaxis_visible=False,
    )
    return figure
