"""Figures: pure functions from plain records to plotly figures. They know nothing of Dash."""

from __future__ import annotations

from dashboard.figures.bic import bic_figure, top_range
from dashboard.figures.correlation import correlation_figure
from dashboard.figures.panels import panels_figure
from dashboard.figures.selected import centres_table, selected_figure
from dashboard.figures.style import LINE_STYLES, PALETTE, style_json

__all__ = [
    "LINE_STYLES",
    "PALETTE",
    "bic_figure",
    "centres_table",
    "correlation_figure",
    "panels_figure",
    "selected_figure",
    "style_json",
    "top_range",
]
