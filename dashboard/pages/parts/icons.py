"""Icons and ellipse glyphs, drawn by `assets/page.css` as masks: no font, no foreign host."""

from __future__ import annotations

from dash import html

from dashboard.pages.parts.aria import aria


def icon(name: str) -> html.Span:
    """A 16 px icon in the colour of the text around it; invisible to screen readers."""
    return html.Span(className=f"icon icon-{name}", **aria(hidden="true"))


def glyph(covariance_type: str) -> html.Span:
    """Three small ellipses that show what the covariance type allows."""
    return html.Span(className=f"glyph glyph-{covariance_type}", **aria(hidden="true"))
