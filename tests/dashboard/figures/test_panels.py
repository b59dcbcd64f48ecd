"""The six panels: traces in their places, exact points, outlines, centres, titles, axes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.stats import chi2

from dashboard.figures import panels_figure
from dashboard.figures.ellipse import SQUARED_RADIUS_95, ellipse
from dashboard.figures.panels import best_type, panel_title
from dashboard.figures.style import cluster_colour
from kmeans_core import COVARIANCE_TYPES

SLOTS = {f"{name}|2": [4, 1] for name in COVARIANCE_TYPES}


@pytest.fixture
def figure(points, make_cell):
    cells = [make_cell("full-untied", 2, -100.0), make_cell("diag-tied", 2, -120.0)]
    cells.append(make_cell("diag-tied", 1))
    return panels_figure(points, cells, 2, "EC1", "EC2", SLOTS)


def in_panel(figure: go.Figure, name: str) -> list:
    i = COVARIANCE_TYPES.index(name)
    axis = "x" if i == 0 else f"x{i + 1}"
    return [trace for trace in figure.data if trace.xaxis == axis]


def test_each_panel_has_points_then_outlines_then_centres(figure):
    first, second, *rest = in_panel(figure, "full-untied")
    assert (list(first.x), list(first.y)) == ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
    assert (list(second.x), list(second.y)) == ([5.0, 6.0], [50.0, 40.0])
    assert [trace.mode for trace in rest] == ["lines", "lines", "markers+text"]
    assert all(isinstance(trace, go.Scattergl) for trace in (first, second, *rest))
    centres = rest[-1]
    assert (list(centres.x), list(centres.y)) == ([2.0, 5.5], [20.0, 45.0])
    assert list(centres.text) == ["1", "2"]


def test_colours_are_the_palette_slots(figure):
    traces = in_panel(figure, "diag-tied")
    assert [trace.marker.color for trace in traces[:2]] == [cluster_colour(4), cluster_colour(1)]
    assert [trace.line.color for trace in traces[2:4]] == [cluster_colour(4), cluster_colour(1)]
    assert list(traces[4].marker.line.color) == [cluster_colour(4), cluster_colour(1)]


def test_hover_names_the_row_as_people_count(figure):
    first = in_panel(figure, "full-untied")[0]
    assert list(first.customdata) == [1, 4, 6]
    assert first.hovertemplate == (
        "<b>cluster 1</b> · row %{customdata}<br>EC1 %{x}<br>EC2 %{y}<extra></extra>"
    )


def test_titles_name_the_type_and_score_and_mark_the_best(figure):
    titles = [note.text for note in figure.layout.annotations[:6]]
    assert titles == [
        "full-tied",
        "diag-tied · BIC −118",
        "spher-tied",
        "<b>★ full-untied · BIC −98</b>",
        "diag-untied",
        "spher-untied",
    ]
    said = [note.text for note in figure.layout.annotations[6:]]
    assert said == ["no result for K = 2"] * 4


def test_an_ineligible_fit_is_marked_and_never_the_best(make_cell):
    good = make_cell("full-tied", mean=-300.0)
    bad = make_cell("diag-tied", mean=-10.0, eligible=False)
    assert best_type([bad, good], "bic") == "full-tied"
    assert best_type([bad], "bic") == "diag-tied"
    assert best_type([], "bic") is None
    assert panel_title("diag-tied", bad, "bic", False) == "diag-tied · BIC −8 (not eligible)"


def test_axes_are_shared_named_and_show_every_point(figure, points):
    for name in ("xaxis", "xaxis4", "xaxis6"):
        low, high = figure.layout[name].range
        assert low < points.values[:, 0].min()
        assert high > points.values[:, 0].max()
    low, high = figure.layout.yaxis5.range
    assert (low, high) == (pytest.approx(8.0), pytest.approx(52.0))
    # Plotly lets all follow the one at the bottom left, which follows nobody.
    matched = [figure.layout[name].matches for name in ("xaxis", "xaxis2", "xaxis6")]
    assert (matched, figure.layout.xaxis4.matches) == (["x4"] * 3, None)
    assert figure.layout.xaxis4.title.text == "EC1 (mS/m)"
    assert figure.layout.yaxis.title.text == "EC2"
    assert figure.layout.xaxis.title.text is None


def test_axes_do_not_change_with_k(points, make_cell):
    one = panels_figure(points, [make_cell("diag-tied", 1)], 1, "EC1", "EC2", {"diag-tied|1": [0]})
    none = panels_figure(points, [], 3, "EC1", "EC2", {})
    assert one.layout.xaxis.range == none.layout.xaxis.range


def test_ellipses_can_be_left_out(points, make_cell):
    figure = panels_figure(points, [make_cell()], 2, "EC1", "EC2", SLOTS, ellipses=False)
    assert [trace.mode for trace in in_panel(figure, "full-untied")] == [
        "markers",
        "markers",
        "markers+text",
    ]


def test_swapped_axes_swap_everything(points, make_cell):
    traces = in_panel(panels_figure(points, [make_cell()], 2, "EC2", "EC1", SLOTS), "full-untied")
    assert list(traces[0].x) == [10.0, 20.0, 30.0]
    assert list(traces[-1].x) == [20.0, 45.0]
    assert max(traces[2].x) - 20.0 == pytest.approx(4 * np.sqrt(SQUARED_RADIUS_95), rel=1e-2)


def test_outlines_hold_95_percent():
    assert pytest.approx(chi2(2).ppf(0.95)) == SQUARED_RADIUS_95
    covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
    x, y = ellipse((2.0, -1.0), covariance)
    offsets = np.column_stack([x - 2.0, y + 1.0])
    squared = np.einsum("ij,jk,ik->i", offsets, np.linalg.inv(covariance), offsets)
    assert np.allclose(squared, SQUARED_RADIUS_95)
    assert (x[0], y[0]) == (pytest.approx(x[-1]), pytest.approx(y[-1]))


def test_a_flat_cluster_has_a_flat_outline():
    x, y = ellipse((0.0, 0.0), np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert np.isfinite([x, y]).all()
    assert np.allclose(x, y, atol=1e-6)


def test_one_column_becomes_stacked_histograms(points, make_cell):
    figure = panels_figure(points, [make_cell()], 2, "EC1", None, SLOTS)
    bars = [t for t in in_panel(figure, "full-untied") if isinstance(t, go.Bar)]
    curves = [t for t in in_panel(figure, "full-untied") if isinstance(t, go.Scatter)]
    assert [int(sum(bar.y)) for bar in bars] == [3, 2]
    assert list(bars[0].x) == list(bars[1].x)
    width = bars[0].width
    area = np.trapezoid(curves[1].y, curves[1].x)
    # Cluster 2 is normal(5.5, sd 2); the drawn part reaches from 1 to 6.
    assert area == pytest.approx(0.4 * 5 * width * (0.59871 - 0.01222), rel=1e-3)
    assert figure.layout.yaxis.title.text == "rows"
    assert figure.layout.yaxis.range[0] == 0
    assert figure.layout.yaxis.range[1] >= 1
    assert figure.layout.barmode == "stack"


def test_a_sample_says_so(points, make_cell):
    from dataclasses import replace

    many = replace(points, n_rows=1_200_000)
    figure = panels_figure(many, [make_cell()], 2, "EC1", "EC2", SLOTS)
    assert figure.layout.annotations[-1].text == "5 of 1,200,000 points drawn"


def test_column_names_are_not_markup(points, make_cell):
    from dataclasses import replace

    named = replace(points, columns=("<b>%{x}</b>", "=1+1"))
    figure = panels_figure(named, [make_cell()], 2, "<b>%{x}</b>", "=1+1", SLOTS)
    assert figure.layout.xaxis4.title.text == "&lt;b&gt;%&#123;x}&lt;/b&gt; (mS/m)"
    hover = in_panel(figure, "full-untied")[0].hovertemplate
    assert "<br>&lt;b&gt;%&#123;x}&lt;/b&gt; %{x}<br>=1+1 %{y}" in hover
