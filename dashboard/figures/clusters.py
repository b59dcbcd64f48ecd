"""How one clustering is drawn in one plot: points, outlines and numbered centres of each cluster.

Shared by the six panels and the view of a single clustering, so that both look the same. All of it
is WebGL: plotly puts SVG traces below the WebGL canvas, where points would hide the centres. Every
number refers to data units. Clusters are numbered from 1, the largest, as in tables and exports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.analysis.records import decode_labels
from dashboard.figures.ellipse import ellipse
from dashboard.figures.plain_text import MAX_NAME_LENGTH, axis_title, plain
from dashboard.figures.style import INK, Theme, cluster_colour, with_opacity

if TYPE_CHECKING:
    from dashboard.analysis.records import ModelRecord
    from dashboard.analysis.sample import ShownRows

RANGE_PADDING = 0.05
N_BINS = 50


def point_size(n_shown: int) -> float:
    """Marker diameter in pixels: smaller for more points, so that structure stays visible."""
    return float(np.clip(9.0 - 1.6 * np.log10(max(n_shown, 1)), 2.5, 7.0))


def data_range(values: np.ndarray) -> tuple[float, float]:
    """Axis range that shows every value of a column (n,), with room at both ends."""
    if values.size == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    pad = RANGE_PADDING * (high - low) or max(abs(high) * RANGE_PADDING, 0.5)
    return low - pad, high + pad


def title_of(points: ShownRows, name: str, limit: int = MAX_NAME_LENGTH) -> str:
    """Axis title of a column with its unit, safe for plotly."""
    return axis_title(name, points.units[points.columns.index(name)], limit)


def cluster_points(
    points: ShownRows, model: ModelRecord, x: str, y: str, slots: Sequence[int], theme: Theme
) -> list[go.Scattergl]:
    """One WebGL trace per cluster, the largest first; empty ones keep their place."""
    labels = decode_labels(model)
    first, second = points.column(x), points.column(y)
    traces = []
    for j, cluster in enumerate(model["clusters"]):
        chosen = np.flatnonzero(labels == j)
        traces.append(
            go.Scattergl(
                x=first[chosen],
                y=second[chosen],
                # Row numbers as people count them: the first row below the header is 1.
                customdata=points.rows[chosen] + 1,
                mode="markers",
                name=cluster_name(j, cluster["size"]),
                legendgroup=f"cluster {j + 1}",
                showlegend=False,
                marker={
                    "size": point_size(points.n_shown),
                    "color": cluster_colour(slots[j], theme),
                    "opacity": 0.65,
                },
                hovertemplate=(
                    f"<b>cluster {j + 1}</b> · row %{{customdata}}<br>"
                    f"{plain(x)} %{{x}}<br>{plain(y)} %{{y}}<extra></extra>"
                ),
            )
        )
    return traces


def cluster_name(j: int, size: int) -> str:
    """`cluster 1 (2,085 rows)`; `j` counts from 0."""
    return f"cluster {j + 1} ({size:,} {'row' if size == 1 else 'rows'})"


def cluster_outlines(
    points: ShownRows, model: ModelRecord, x: str, y: str, slots: Sequence[int], theme: Theme
) -> list[go.Scattergl]:
    """One 95 % ellipse per cluster: the marginal of its normal distribution in (x, y)."""
    at = [points.columns.index(x), points.columns.index(y)]
    traces = []
    for j, cluster in enumerate(model["clusters"]):
        covariance = np.asarray(cluster["covariance"])[np.ix_(at, at)]
        mean = (cluster["mean"][at[0]], cluster["mean"][at[1]])
        outline_x, outline_y = ellipse(mean, covariance)
        traces.append(
            go.Scattergl(
                x=outline_x,
                y=outline_y,
                mode="lines",
                line={"color": cluster_colour(slots[j], theme), "width": 2},
                legendgroup=f"cluster {j + 1}",
                showlegend=False,
                hoverinfo="skip",
            )
        )
    return traces


def cluster_centres(
    points: ShownRows, model: ModelRecord, x: str, y: str, slots: Sequence[int], theme: Theme
) -> go.Scattergl:
    """The centres, each a disc in the background's colour with the cluster's number in it."""
    first, second = points.columns.index(x), points.columns.index(y)
    clusters = model["clusters"]
    return go.Scattergl(
        x=[cluster["mean"][first] for cluster in clusters],
        y=[cluster["mean"][second] for cluster in clusters],
        mode="markers+text",
        text=[str(j + 1) for j in range(len(clusters))],
        textfont={"size": 11, "color": INK[theme].text, "weight": "bold"},
        marker=centre_marker(slots[: len(clusters)], theme),
        customdata=[cluster_name(j, cluster["size"]) for j, cluster in enumerate(clusters)],
        hovertemplate=(
            f"<b>centre of %{{customdata}}</b><br>{plain(x)} %{{x:,.4~g}}<br>"
            f"{plain(y)} %{{y:,.4~g}}<extra></extra>"
        ),
        showlegend=False,
    )


def centre_marker(slots: Sequence[int], theme: Theme) -> dict[str, Any]:
    """Marker of numbered centres: disc in the background's colour, rim in the cluster's."""
    return {
        "size": 18,
        "symbol": "circle",
        "color": with_opacity(INK[theme].background, 0.85),
        "line": {"width": 2, "color": [cluster_colour(slot, theme) for slot in slots]},
    }


def cluster_histogram(
    points: ShownRows, model: ModelRecord, x: str, slots: Sequence[int], theme: Theme
) -> list[go.Bar | go.Scatter]:
    """For a single column: rows per bin, stacked by cluster, and each cluster's normal density.

    All traces of a column use the same bins; the curves are scaled to rows per bin.
    """
    values, labels = points.column(x), decode_labels(model)
    edges = np.histogram_bin_edges(values, bins=N_BINS)
    width = float(edges[1] - edges[0])
    at = points.columns.index(x)
    bars: list[go.Bar] = []
    curves: list[go.Scatter] = []
    grid = np.linspace(edges[0], edges[-1], 200)
    for j, cluster in enumerate(model["clusters"]):
        colour = cluster_colour(slots[j], theme)
        bars.append(
            go.Bar(
                x=(edges[:-1] + edges[1:]) / 2,
                y=np.histogram(values[labels == j], bins=edges)[0],
                width=width,
                name=cluster_name(j, cluster["size"]),
                marker={"color": with_opacity(colour, 0.6), "line": {"width": 0}},
                hovertemplate=(
                    f"<b>cluster {j + 1}</b><br>%{{y:,}} rows near %{{x:.4~g}}<extra></extra>"
                ),
                showlegend=False,
            )
        )
        variance = float(np.asarray(cluster["covariance"])[at, at])
        density = _normal_density(grid, cluster["mean"][at], variance)
        curves.append(
            go.Scatter(
                x=grid,
                y=density * cluster["weight"] * points.n_shown * width,
                mode="lines",
                line={"color": colour, "width": 2},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    return [*bars, *curves]


def _normal_density(x: NDArray[np.float64], mean: float, variance: float) -> NDArray[np.float64]:
    variance = max(variance, np.finfo(np.float64).tiny)
    heights: NDArray[np.float64] = np.exp(-0.5 * (x - mean) ** 2 / variance)
    heights /= np.sqrt(2 * np.pi * variance)
    return heights
