"""The comparison: one clustering per covariance type, six panels with shared axes.

Traces, panel after panel in the order of `COVARIANCE_TYPES`, for a panel with K clusters: K point
traces, K ellipses (95 % of a normal distribution, marginal in the two drawn columns), then the
numbered centres. A panel without result has no trace and says so. Axes span the data (all drawn
rows), so they stay the same for every K and no point is cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.analysis.records import CRITERIA
from dashboard.figures.clusters import (
    cluster_centres,
    cluster_histogram,
    cluster_outlines,
    cluster_points,
    data_range,
    title_of,
)
from dashboard.figures.plain_text import number
from dashboard.figures.style import INK, TEMPLATES, Theme, theme_of
from kmeans_core import COVARIANCE_TYPES

if TYPE_CHECKING:
    from dashboard.analysis.records import CellRecord
    from dashboard.analysis.sample import ShownRows

N_COLUMNS = 3
ROWS_TITLE = "rows"


def panels_figure(
    points: ShownRows,
    cells: Sequence[CellRecord],
    k: int,
    x: str,
    y: str | None,
    colours: Mapping[str, Sequence[int]],
    *,
    criterion: str = "bic",
    ellipses: bool = True,
    dark: bool = False,
) -> go.Figure:
    """Six panels at `k` clusters over the columns `x` and `y` (`y` None: histograms of `x`).

    `cells`: any; the ones with `k` clusters and a model are drawn. `colours`: palette slots by
    `type|k`. The panel with the highest score at this K is marked, among eligible fits if any.
    """
    theme = theme_of(dark)
    drawn = {c["type"]: c for c in cells if c["k"] == k and c["model"] is not None}
    best = best_type(list(drawn.values()), criterion)
    titles = [
        panel_title(name, drawn.get(name), criterion, name == best) for name in COVARIANCE_TYPES
    ]
    n_rows = -(-len(COVARIANCE_TYPES) // N_COLUMNS)
    figure = make_subplots(
        rows=n_rows,
        cols=N_COLUMNS,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=titles,
        horizontal_spacing=0.02,
        vertical_spacing=0.1,
    )
    for i, name in enumerate(COVARIANCE_TYPES):
        place = {"row": i // N_COLUMNS + 1, "col": i % N_COLUMNS + 1}
        cell = drawn.get(name)
        if cell is None:
            _say_empty(figure, k, place, theme)
            continue
        slots = colours[f"{name}|{k}"]
        traces = panel_traces(points, cell, x, y, slots, theme, ellipses=ellipses)
        figure.add_traces(
            traces, rows=[place["row"]] * len(traces), cols=[place["col"]] * len(traces)
        )
    _finish(figure, points, x, y, n_rows, theme)
    return figure


def panel_traces(
    points: ShownRows,
    cell: CellRecord,
    x: str,
    y: str | None,
    slots: Sequence[int],
    theme: Theme,
    *,
    ellipses: bool = True,
) -> list[go.Scattergl | go.Scatter | go.Bar]:
    """All traces of one clustering in one plot; `cell` has a model."""
    model = cell["model"]
    assert model is not None
    if y is None:
        return list(cluster_histogram(points, model, x, slots, theme))
    outlines = cluster_outlines(points, model, x, y, slots, theme) if ellipses else []
    centres = cluster_centres(points, model, x, y, slots, theme)
    return [*cluster_points(points, model, x, y, slots, theme), *outlines, centres]


def vertical_range(
    points: ShownRows, y: str | None, traces: Sequence[go.Scatter | go.Bar]
) -> tuple[float, float]:
    """Range of the vertical axis: of the column `y`, or of the histograms among `traces`.

    Autorange fails for stacked bars on matched axes, so the tallest stack is found here.
    """
    if y is not None:
        return data_range(points.column(y))
    stacks: dict[str | None, np.ndarray] = {}
    highest = 1.0
    for trace in traces:
        heights = np.asarray(trace.y, dtype=np.float64)
        if isinstance(trace, go.Bar):
            stacks[trace.xaxis] = stacks.get(trace.xaxis, 0.0) + heights
        elif heights.size:
            highest = max(highest, float(heights.max()))
    highest = max([highest, *(float(stack.max()) for stack in stacks.values())])
    return 0.0, highest * 1.05


def best_type(cells: Sequence[CellRecord], criterion: str) -> str | None:
    """The type with the highest score of its shown fit; eligible fits first. None without cells."""
    ranked = [c for c in cells if c["scores"][criterion]["best"] is not None]
    if not ranked:
        return None
    return max(
        ranked, key=lambda c: (c["eligible"], c["scores"][criterion]["best"] or -float("inf"))
    )["type"]


def panel_title(name: str, cell: CellRecord | None, criterion: str, best: bool) -> str:
    """`full-untied · BIC −6,770`, the best one bold with a star, unreliable ones marked."""
    if cell is None:
        return name
    score = number(cell["scores"][criterion]["best"])
    title = f"{name} · {CRITERIA[criterion]} {score}"
    if not cell["eligible"]:
        title += " (not eligible)"
    return f"<b>★ {title}</b>" if best else title


def _say_empty(figure: go.Figure, k: int, place: dict[str, int], theme: Theme) -> None:
    # An invisible trace creates the panel's axes, to which the text refers.
    figure.add_trace(go.Scatter(x=[], y=[], hoverinfo="skip", showlegend=False), **place)
    figure.add_annotation(
        text=f"no result for K = {k}",
        x=0.5,
        y=0.5,
        xref="x domain",
        yref="y domain",
        showarrow=False,
        font={"color": INK[theme].muted},
        **place,
    )


def _finish(
    figure: go.Figure, points: ShownRows, x: str, y: str | None, n_rows: int, theme: Theme
) -> None:
    figure.update_layout(
        template=TEMPLATES[theme],
        margin={"l": 64, "r": 16, "t": 36, "b": 56},
        uirevision="panels",
        hovermode="closest",
        barmode="stack",
        bargap=0,
        dragmode="zoom",
    )
    figure.update_annotations(font_size=13, selector={"showarrow": False})
    figure.update_xaxes(range=list(data_range(points.column(x))))
    figure.update_xaxes(title_text=title_of(points, x), row=n_rows)
    figure.update_yaxes(range=list(vertical_range(points, y, list(figure.data))))
    figure.update_yaxes(title_text=ROWS_TITLE if y is None else title_of(points, y), col=1)
    if points.n_shown < points.n_rows:
        figure.add_annotation(
            text=f"{points.n_shown:,} of {points.n_rows:,} points drawn",
            xref="paper",
            yref="paper",
            x=1,
            y=0,
            yshift=-52,
            xanchor="right",
            yanchor="bottom",
            showarrow=False,
            font={"size": 11, "color": INK[theme].muted},
        )
