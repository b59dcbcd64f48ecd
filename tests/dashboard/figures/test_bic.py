"""The model selection chart: its fixed traces and what is in them."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from dashboard.figures import LINE_STYLES, bic_figure, top_range
from dashboard.figures.bic import STAR_TRACE, UNRELIABLE_SYMBOL
from dashboard.figures.style import INK
from kmeans_core import COVARIANCE_TYPES

RECOMMENDED = {"type": "diag-tied", "k": 3, "score": -1234.56}


def test_traces_come_in_the_documented_order(make_cell):
    figure = bic_figure([make_cell("diag-tied")], RECOMMENDED)
    assert len(figure.data) == 3 * 6 + 1
    for i, name in enumerate(COVARIANCE_TYPES):
        lower, upper, line = figure.data[3 * i : 3 * i + 3]
        assert [trace.meta for trace in (lower, upper, line)] == [name] * 3
        assert [trace.legendgroup for trace in (lower, upper, line)] == [name] * 3
        assert (lower.fill, upper.fill, line.name) == (None, "tonexty", name)
        assert (lower.hoverinfo, upper.hoverinfo) == ("skip", "skip")
    assert figure.data[STAR_TRACE].marker.symbol == "star"


def test_values_are_the_records_sorted_by_k(make_cell):
    cells = [
        make_cell("diag-tied", k, mean, 1.5) for k, mean in ((3, -9.0), (1, -20.0), (2, -12.0))
    ]
    lower, upper, line = bic_figure(cells, None).data[3:6]
    assert line.x == (1, 2, 3)
    assert line.y == (-20.0, -12.0, -9.0)
    assert lower.y == (-21.5, -13.5, -10.5)
    assert upper.y == (-18.5, -10.5, -7.5)
    assert lower.x == upper.x == line.x
    assert tuple(line.customdata[0]) == (-21.5, -18.5, 10, 10, "")


def test_the_criterion_is_the_one_asked_for(make_cell):
    cell = make_cell("full-tied")
    cell["scores"]["icl"] = {"mean": -7.0, "low": -8.0, "high": -6.0, "best": -6.5}
    figure = bic_figure([cell], None, "icl")
    assert figure.data[2].y == (-7.0,)
    assert figure.layout.yaxis.title.text == "ICL (higher is better)"
    assert "mean ICL" in figure.data[2].hovertemplate


def test_the_star_is_on_the_recommended_fit(make_cell):
    star = bic_figure([make_cell("diag-tied", 3)], RECOMMENDED).data[STAR_TRACE]
    assert (star.x, star.y) == ((3,), (-1234.56,))
    assert star.text == ("<b>Recommended: diag-tied, K = 3</b><br>BIC −1,234.6 (higher is better)",)
    assert bic_figure([], None).data[STAR_TRACE].x == ()


def test_types_differ_by_dash_and_symbol(make_cell):
    figure = bic_figure([make_cell(name) for name in COVARIANCE_TYPES], None)
    for i, name in enumerate(COVARIANCE_TYPES):
        line = figure.data[3 * i + 2]
        assert line.line.dash == LINE_STYLES[name].dash
        assert line.marker.symbol == (LINE_STYLES[name].symbol,)
        assert line.showlegend


def test_cells_without_an_eligible_fit_are_marked_and_said(make_cell):
    cells = [
        make_cell("full-tied", 1, n=8, n_eligible_experiments=5),
        make_cell("full-tied", 2, n=4, eligible=False, n_eligible_experiments=0),
    ]
    line = bic_figure(cells, None).data[2]
    assert line.marker.symbol == ("circle", UNRELIABLE_SYMBOL)
    assert tuple(line.customdata[0])[2:] == (
        8,
        10,
        "<br>5 of them eligible; the others do not count",
    )
    assert line.customdata[1][4] == "<br>no fit has enough members in every cluster"


def test_cells_without_a_score_are_left_out(make_cell):
    line = bic_figure([make_cell("full-tied", 1, None), make_cell("full-tied", 2)], None).data[2]
    assert line.x == (2,)


def test_no_curve_is_clipped_and_ticks_are_integers(make_cell):
    cells = [make_cell("full-tied", k, -(10.0**k)) for k in (1, 2, 3, 4)]
    axis = bic_figure(cells, None).layout
    assert axis.yaxis.autorange is True
    assert axis.yaxis.range is None
    assert (axis.xaxis.tickmode, axis.xaxis.dtick, axis.xaxis.tick0) == ("linear", 1, 1)
    assert axis.xaxis.range == (0.6, 4.4)
    wide = bic_figure([], None, k_range=(1, 60)).layout.xaxis
    assert (wide.dtick, wide.tick0, wide.range) == (5, 0, (0.6, 60.4))


def test_the_top_range_has_the_best_of_every_type(make_cell):
    cells = [
        make_cell("full-tied", 1, -500.0, 0.0),
        make_cell("full-tied", 2, -100.0, 4.0),
        make_cell("diag-tied", 2, -150.0, 1.0),
    ]
    low, high = top_range(cells, "bic")
    assert low == pytest.approx(-150 - 0.08 * 54)
    assert high == pytest.approx(-96 + 0.08 * 54)
    assert top_range([], "bic") is None
    one = top_range([make_cell("full-tied", 1, -500.0, 0.0)], "bic")
    assert one == (-505.0, -495.0)


def test_zoom_buttons_are_only_on_request(make_cell):
    cells = [make_cell("full-tied", 1), make_cell("full-tied", 2, -50.0)]
    assert bic_figure(cells, None).layout.updatemenus == ()
    (menu,) = bic_figure(cells, None, zoom_buttons=True).layout.updatemenus
    assert [button.label for button in menu.buttons] == ["All", "Top"]
    assert menu.buttons[0].args[0] == {"yaxis.autorange": True}


def test_dark_uses_the_dark_colours(make_cell):
    figure = bic_figure([make_cell("full-tied")], RECOMMENDED, dark=True)
    assert figure.layout.template.layout.paper_bgcolor == INK["dark"].background
    assert figure.data[2].line.color == LINE_STYLES["full-tied"].dark
    assert figure.data[STAR_TRACE].marker.color == INK["dark"].star


def test_zoom_survives_updates_and_json_is_plain(make_cell):
    figure = bic_figure([make_cell()], RECOMMENDED)
    assert figure.layout.uirevision == "bic"
    again = go.Figure(figure.to_plotly_json())
    assert again.data[3 * 3 + 2].y == (-100.0,)
