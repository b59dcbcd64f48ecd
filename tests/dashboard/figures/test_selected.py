"""One clustering in full, in one, two and more columns; the table of its centres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures import centres_table, selected_figure
from dashboard.figures.style import cluster_colour


@pytest.fixture
def wide(points):
    """Six columns: the two of `points` and four more."""
    extra = np.arange(20.0).reshape(5, 4)
    return replace(
        points,
        columns=("EC1", "EC2", "c", "d", "e", "f"),
        units=("mS/m", "", "m", "", "", ""),
        values=np.hstack([points.values, extra]),
    )


def test_two_columns_are_a_scatter_plot(points, make_cell):
    figure = selected_figure(points, make_cell(), [1, 0])
    first, second, *rest = figure.data
    assert (list(first.x), list(second.y)) == ([1.0, 2.0, 3.0], [50.0, 40.0])
    assert first.marker.color == cluster_colour(1)
    assert list(rest[-1].text) == ["1", "2"]
    assert figure.layout.xaxis.title.text == "EC1 (mS/m)"
    assert figure.layout.yaxis.title.text == "EC2"
    assert figure.layout.title.text == "full-untied · BIC −98, K = 2"


def test_more_columns_are_a_matrix_of_at_most_five(wide, make_cell):
    figure = selected_figure(wide, make_cell(), [1, 0])
    assert [type(trace) for trace in figure.data] == [go.Splom, go.Splom]
    first = figure.data[0]
    assert [d.label for d in first.dimensions] == ["EC1 (mS/m)", "EC2", "c (m)", "d", "e"]
    assert list(first.dimensions[2].values) == [0.0, 8.0, 16.0]
    assert list(first.customdata) == [1, 4, 6]
    assert first.name == "cluster 1 (3 rows)"
    assert figure.layout.title.subtitle.text == "5 of 6 columns"
    assert figure.layout.xaxis2.range[0] < 10 < 50 < figure.layout.xaxis2.range[1]


def test_columns_can_be_chosen(wide, make_cell):
    figure = selected_figure(wide, make_cell(), [0, 1], columns=["e", "c", "EC2"])
    assert [d.label for d in figure.data[0].dimensions] == ["e", "c (m)", "EC2"]
    single = selected_figure(wide, make_cell(), [0, 1], columns=["EC1"])
    assert [type(trace) for trace in single.data] == [go.Bar, go.Bar, go.Scatter, go.Scatter]
    assert single.layout.yaxis.title.text == "rows"


def test_wrong_requests_say_what_to_do(points, make_cell):
    with pytest.raises(ValueError, match=r"Expected columns of the job \(EC1, EC2\), got 'x'"):
        selected_figure(points, make_cell(), [0, 1], columns=["x"])
    with pytest.raises(ValueError, match="Wait for its first experiment"):
        selected_figure(points, make_cell(model=None), [0, 1])


def test_centres(make_cell):
    assert centres_table(make_cell(), ["EC1", "EC2"]) == [
        {
            "cluster": 1,
            "size": 3,
            "share": 0.6,
            "means": {"EC1": 2.0, "EC2": 20.0},
            "standard_deviations": {"EC1": 1.0, "EC2": 4.0},
        },
        {
            "cluster": 2,
            "size": 2,
            "share": 0.4,
            "means": {"EC1": 5.5, "EC2": 45.0},
            "standard_deviations": {"EC1": 2.0, "EC2": 3.0},
        },
    ]
    assert centres_table(make_cell(model=None), ["EC1", "EC2"]) == []
