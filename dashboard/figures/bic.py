"""The model selection chart: a criterion over K, one line per covariance type.

Traces come in a fixed order, which the browser relies on when it updates them in place:

- for each of the six types, in the order of `COVARIANCE_TYPES` (i = 0..5), whether or not the job
  has it: `3 i` lower edge of the band, `3 i + 1` upper edge (filled down to the lower one),
  `3 i + 2` the line with markers; empty `x` where there is nothing;
- `18` the star on the recommended clustering.

Edges have `y` only. The line has `x` the K that have results, `y` the mean over the experiments,
`customdata` one `[low, high, n, n_experiments, note]` per point, and `marker.symbol` one symbol per
point: the type's own, or `UNRELIABLE_SYMBOL` where no fit is eligible. `meta` of all three is the
covariance type. The y axis is left to autorange (which covers bands and star, with room for the
markers), so that no curve is ever clipped, neither while results stream in nor at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from dashboard.analysis.records import CRITERIA
from dashboard.figures.plain_text import number
from dashboard.figures.style import (
    BAND_OPACITY,
    INK,
    LINE_STYLES,
    TEMPLATES,
    Theme,
    theme_of,
    with_opacity,
)
from kmeans_core import COVARIANCE_TYPES

if TYPE_CHECKING:
    from dashboard.analysis.records import CellRecord, RecommendationRecord

STAR_TRACE = 3 * len(COVARIANCE_TYPES)
UNRELIABLE_SYMBOL = "x-thin-open"
PADDING = 0.08


def bic_figure(
    cells: Sequence[CellRecord],
    recommended: RecommendationRecord | None,
    criterion: str = "bic",
    dark: bool = False,
    *,
    k_range: tuple[int, int] | None = None,
    zoom_buttons: bool = False,
) -> go.Figure:
    """Mean and central 95 % range of the experiments over K, per type; star on the best.

    `cells`: any order, `model` is not needed. `k_range`: first and last K of the axis (default:
    those of the cells). `zoom_buttons` adds "All" and "Top" buttons for a chart on its own.
    """
    theme = theme_of(dark)
    by_type: dict[str, list[CellRecord]] = {name: [] for name in COVARIANCE_TYPES}
    for cell in sorted(cells, key=lambda cell: cell["k"]):
        if cell["scores"][criterion]["mean"] is not None:
            by_type[cell["type"]].append(cell)
    figure = go.Figure()
    for name in COVARIANCE_TYPES:
        figure.add_traces(_type_traces(name, by_type[name], criterion, theme))
    figure.add_trace(_star(recommended, criterion, theme))
    figure.update_layout(**_layout(criterion, theme, k_range or _k_range(cells)))
    if zoom_buttons:
        figure.update_layout(updatemenus=[_zoom_buttons(cells, criterion, theme)])
    return figure


def top_range(cells: Iterable[CellRecord], criterion: str) -> tuple[float, float] | None:
    """y-range (low, high) that shows the best K of every type and everything above; None if empty.

    With a spherical K = 1 far below the rest, this is where models compete; curves leave it at the
    bottom, which is why it is offered and never the default.
    """
    peaks: dict[str, float] = {}
    highest = []
    for cell in cells:
        score = cell["scores"][criterion]
        if score["mean"] is None:
            continue
        peaks[cell["type"]] = max(peaks.get(cell["type"], -float("inf")), score["mean"])
        highest += [value for value in (score["high"], score["best"]) if value is not None]
    if not peaks:
        return None
    low, high = min(peaks.values()), max([*highest, *peaks.values()])
    pad = PADDING * (high - low) or max(1.0, abs(high) * 0.01)
    return low - pad, high + pad


def hover_template(covariance_type: str, criterion: str) -> str:
    """Hover text of a line, filled by plotly from `x`, `y` and `customdata`."""
    name = CRITERIA[criterion]
    return (
        f"<b>{covariance_type}, K = %{{x}}</b><br>"
        f"mean {name} %{{y:,.1f}} (higher is better)<br>"
        "95 % of experiments: %{customdata[0]:,.1f} to %{customdata[1]:,.1f}<br>"
        "%{customdata[2]} of %{customdata[3]} experiments%{customdata[4]}<extra></extra>"
    )


def point_note(cell: CellRecord) -> str:
    """What hover adds about eligibility; empty when every experiment is eligible."""
    if not cell["n"] or cell["n_eligible_experiments"] == cell["n"]:
        return ""
    if not cell["n_eligible_experiments"]:
        return "<br>no fit has enough members in every cluster"
    return f"<br>{cell['n_eligible_experiments']} of them eligible; the others do not count"


def _type_traces(
    name: str, cells: list[CellRecord], criterion: str, theme: Theme
) -> list[go.Scatter]:
    style = LINE_STYLES[name]
    colour = style.colour(theme)
    scores = [cell["scores"][criterion] for cell in cells]
    ks = [cell["k"] for cell in cells]
    shared: dict[str, Any] = {"x": ks, "legendgroup": name, "meta": name}
    edge: dict[str, Any] = {
        **shared,
        "mode": "lines",
        "line": {"width": 0, "color": colour},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    lower = go.Scatter(y=[score["low"] for score in scores], **edge)
    upper = go.Scatter(
        y=[score["high"] for score in scores],
        fill="tonexty",
        fillcolor=with_opacity(colour, BAND_OPACITY),
        **edge,
    )
    line = go.Scatter(
        **shared,
        y=[score["mean"] for score in scores],
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": style.dash},
        marker={
            "color": colour,
            "size": 8,
            "line": {"width": 2, "color": colour},
            "symbol": [style.symbol if cell["eligible"] else UNRELIABLE_SYMBOL for cell in cells],
        },
        customdata=[
            [score["low"], score["high"], cell["n"], cell["n_experiments"], point_note(cell)]
            for score, cell in zip(scores, cells, strict=True)
        ],
        hovertemplate=hover_template(name, criterion),
        showlegend=bool(cells),
    )
    return [lower, upper, line]


def _star(recommended: RecommendationRecord | None, criterion: str, theme: Theme) -> go.Scatter:
    ink = INK[theme]
    known = recommended is not None
    label = ""
    if recommended is not None:
        label = (
            f"<b>Recommended: {recommended['type']}, K = {recommended['k']}</b><br>"
            f"{CRITERIA[criterion]} {number(recommended['score'], 1)} (higher is better)"
        )
    return go.Scatter(
        x=[recommended["k"]] if recommended is not None else [],
        y=[recommended["score"]] if recommended is not None else [],
        name="recommended",
        mode="markers",
        marker={
            "symbol": "star",
            "size": 18,
            "color": ink.star,
            "line": {"color": ink.background, "width": 1.5},
        },
        text=[label] if known else [],
        hovertemplate="%{text}<extra></extra>",
        showlegend=known,
        cliponaxis=False,
    )


def _layout(criterion: str, theme: Theme, k_range: tuple[int, int]) -> dict[str, Any]:
    first, last = k_range
    return {
        "template": TEMPLATES[theme],
        "margin": {"l": 72, "r": 16, "t": 16, "b": 48},
        "hovermode": "closest",
        "uirevision": "bic",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": {
            "title": {"text": "number of clusters K"},
            "tickmode": "linear",
            "tick0": first if last - first <= 20 else 0,
            "dtick": 1 if last - first <= 20 else 5,
            "tickformat": "d",
            "range": [first - 0.4, last + 0.4],
        },
        "yaxis": {
            "title": {"text": f"{CRITERIA[criterion]} (higher is better)"},
            "tickformat": ",",
            "autorange": True,
            "exponentformat": "none",
        },
    }


def _k_range(cells: Sequence[CellRecord]) -> tuple[int, int]:
    ks = [cell["k"] for cell in cells]
    return (min(ks), max(ks)) if ks else (1, 10)


def _zoom_buttons(cells: Sequence[CellRecord], criterion: str, theme: Theme) -> dict[str, Any]:
    top = top_range(cells, criterion)
    everything = {"label": "All", "method": "relayout", "args": [{"yaxis.autorange": True}]}
    buttons = [everything]
    if top is not None:
        buttons.append(
            {
                "label": "Top",
                "method": "relayout",
                "args": [{"yaxis.range": list(top), "yaxis.autorange": False}],
            }
        )
    return {
        "type": "buttons",
        "direction": "right",
        "x": 1,
        "xanchor": "right",
        # Beside the axis title: above the plot the legend needs the width.
        "y": -0.07,
        "yanchor": "top",
        "buttons": buttons,
        # Plotly paints the active button nearly white, whatever the theme.
        "showactive": False,
        "bgcolor": INK[theme].background,
        "bordercolor": INK[theme].muted,
        "font": {"size": 12, "color": INK[theme].text},
    }
