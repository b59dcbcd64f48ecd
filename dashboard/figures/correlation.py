"""Correlations of the columns: over all rows, and within clusters, side by side.

The difference is the point: columns that are correlated overall only because clusters differ in
their means lose that correlation within clusters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures.plain_text import number, plain
from dashboard.figures.style import DIVERGING, TEMPLATES, theme_of

MAX_NUMBERED = 14


def correlation_figure(
    columns: Sequence[str],
    overall: np.ndarray,
    within: np.ndarray,
    *,
    within_title: str = "within clusters (pooled)",
    dark: bool = False,
) -> go.Figure:
    """Two heat maps of correlations (d, d) in [-1, 1]; NaN (a constant column) stays empty.

    Numbers are printed in the cells up to `MAX_NUMBERED` columns; hover always has them.
    """
    theme = theme_of(dark)
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        subplot_titles=["over all rows", plain(within_title, 80)],
        horizontal_spacing=0.06,
    )
    for position, matrix in enumerate((overall, within), start=1):
        figure.add_trace(_heatmap(columns, matrix), row=1, col=position)
    figure.update_layout(
        template=TEMPLATES[theme],
        margin={"l": 80, "r": 16, "t": 40, "b": 64},
        coloraxis={
            "cmin": -1,
            "cmax": 1,
            "colorscale": [list(stop) for stop in DIVERGING[theme]],
            "colorbar": {"title": {"text": "correlation"}, "thickness": 12, "tickvals": [-1, 0, 1]},
        },
        uirevision="correlation",
    )
    figure.update_xaxes(showgrid=False, type="category", constrain="domain")
    figure.update_yaxes(showgrid=False, type="category", autorange="reversed", constrain="domain")
    for position in (1, 2):
        suffix = "" if position == 1 else str(position)
        figure.update_yaxes(scaleanchor=f"x{suffix}", row=1, col=position)
    return figure


def _heatmap(columns: Sequence[str], matrix: np.ndarray) -> go.Heatmap:
    values = np.asarray(matrix, dtype=np.float64)
    numbered = len(columns) <= MAX_NUMBERED
    names = _distinct([plain(name, 24) for name in columns])
    return go.Heatmap(
        x=names,
        y=names,
        z=[[float(v) if np.isfinite(v) else None for v in row] for row in values],
        text=[[number(float(v), 2) for v in row] for row in values],
        texttemplate="%{text}" if numbered else "",
        textfont={"size": 12, "weight": 600},
        coloraxis="coloraxis",
        xgap=1,
        ygap=1,
        hovertemplate="%{y} and %{x}: %{text}<extra></extra>",
    )


def _distinct(names: list[str]) -> list[str]:
    # Shortened names can coincide, and a category axis would merge them into one.
    return [name if name not in names[:i] else f"{name} ({i + 1})" for i, name in enumerate(names)]
