"""One clustering in full: every pair of columns, and the table of its centres.

One column is drawn as a histogram, two as a scatter plot with 95 % ellipses, more as a scatter
matrix of at most `MAX_COLUMNS` columns (a matrix of more cannot be read).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from dashboard.analysis.records import decode_labels
from dashboard.figures.clusters import cluster_name, data_range, point_size, title_of
from dashboard.figures.panels import ROWS_TITLE, panel_title, panel_traces, vertical_range
from dashboard.figures.style import INK, TEMPLATES, Theme, cluster_colour, theme_of

if TYPE_CHECKING:
    from dashboard.analysis.records import CellRecord, ModelRecord
    from dashboard.analysis.sample import ShownRows

MAX_COLUMNS = 5
MAX_MATRIX_NAME = 18
"""Characters of a column's name that fit along one of five panels."""


def selected_figure(
    points: ShownRows,
    cell: CellRecord,
    slots: Sequence[int],
    *,
    columns: Sequence[str] | None = None,
    criterion: str = "bic",
    dark: bool = False,
) -> go.Figure:
    """The clustering of `cell` (which has a model) over `columns`, default the first five.

    `slots`: palette slot of each cluster. Raises ValueError when a column is not part of the job.
    """
    theme = theme_of(dark)
    names = list(columns or points.columns)[:MAX_COLUMNS]
    unknown = [name for name in names if name not in points.columns]
    if unknown:
        raise ValueError(
            f"Expected columns of the job ({', '.join(points.columns)}), got {unknown[0]!r}. "
            "Choose among the columns that were clustered."
        )
    model = cell["model"]
    if model is None:
        raise ValueError(
            f"Expected a fitted model for {cell['type']}, K = {cell['k']}, got none. "
            "Wait for its first experiment."
        )
    if len(names) > 2:
        figure = _matrix(points, model, names, slots, theme)
    else:
        y = names[1] if len(names) == 2 else None
        figure = go.Figure(panel_traces(points, cell, names[0], y, slots, theme))
        figure.update_xaxes(
            title_text=title_of(points, names[0]), range=list(data_range(points.column(names[0])))
        )
        figure.update_yaxes(title_text=title_of(points, y) if y else ROWS_TITLE)
        figure.update_yaxes(range=list(vertical_range(points, y, list(figure.data))))
    _finish(figure, points, cell, len(names), criterion, theme)
    return figure


def centres_table(cell: CellRecord, columns: Sequence[str]) -> list[dict[str, Any]]:
    """One row per cluster, largest first: number, size, share, and per column mean and sd.

    Keys: `cluster` (from 1), `size`, `share` (of all rows), `means` and `standard_deviations`,
    both {column: value} in data units. Empty without a model.
    """
    model = cell["model"]
    if model is None:
        return []
    n_rows = sum(cluster["size"] for cluster in model["clusters"])
    return [
        {
            "cluster": j + 1,
            "size": cluster["size"],
            "share": cluster["size"] / n_rows if n_rows else 0.0,
            "means": dict(zip(columns, cluster["mean"], strict=True)),
            "standard_deviations": {
                name: float(np.sqrt(max(cluster["covariance"][i][i], 0.0)))
                for i, name in enumerate(columns)
            },
        }
        for j, cluster in enumerate(model["clusters"])
    ]


def _matrix(
    points: ShownRows, model: ModelRecord, names: list[str], slots: Sequence[int], theme: Theme
) -> go.Figure:
    """Scatter matrix as one `splom` trace per cluster: one WebGL canvas for all panels."""
    labels = decode_labels(model)
    figure = go.Figure()
    for j, cluster in enumerate(model["clusters"]):
        chosen = np.flatnonzero(labels == j)
        figure.add_trace(
            go.Splom(
                dimensions=[
                    {
                        "label": title_of(points, name, MAX_MATRIX_NAME),
                        "values": points.column(name)[chosen],
                    }
                    for name in names
                ],
                customdata=points.rows[chosen] + 1,
                name=cluster_name(j, cluster["size"]),
                marker={
                    "color": cluster_colour(slots[j], theme),
                    "size": max(2.5, point_size(points.n_shown) - 1),
                    "opacity": 0.6,
                    "line": {"width": 0},
                },
                diagonal={"visible": False},
                showupperhalf=False,
                hovertemplate=(
                    f"<b>cluster {j + 1}</b> · row %{{customdata}}<br>"
                    "%{xaxis.title.text} %{x}<br>%{yaxis.title.text} %{y}<extra></extra>"
                ),
            )
        )
    # The empty upper half has room for the legend.
    figure.update_layout(legend={"x": 1, "xanchor": "right", "y": 1, "yanchor": "top"})
    for i, name in enumerate(names, start=1):
        span = list(data_range(points.column(name)))
        figure.update_layout({f"xaxis{i}": {"range": span}, f"yaxis{i}": {"range": span}})
    return figure


def _finish(
    figure: go.Figure,
    points: ShownRows,
    cell: CellRecord,
    n_drawn: int,
    criterion: str,
    theme: Theme,
) -> None:
    title = f"{panel_title(cell['type'], cell, criterion, False)}, K = {cell['k']}"
    figure.update_layout(
        template=TEMPLATES[theme],
        title={"text": title},
        margin={"l": 64, "r": 16, "t": 44, "b": 56},
        uirevision="selected",
        hovermode="closest",
        barmode="stack",
        bargap=0,
    )
    notes = []
    if n_drawn < len(points.columns):
        notes.append(f"{n_drawn} of {len(points.columns)} columns")
    if points.n_shown < points.n_rows:
        notes.append(f"{points.n_shown:,} of {points.n_rows:,} points drawn")
    if notes:
        font = {"size": 12, "color": INK[theme].muted}
        figure.update_layout(title_subtitle={"text": " · ".join(notes), "font": font}, margin_t=64)
