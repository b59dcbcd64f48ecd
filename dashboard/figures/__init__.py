"""Figures: pure functions from plain records to plotly figures. They know nothing of Dash."""

from __future__ import annotations

from dashboard.figures.style import LINE_STYLES, PALETTE, style_json

__all__ = ["LINE_STYLES", "PALETTE", "style_json"]
