"""Heat maps of correlations: values, numbers, names that are not markup, names that coincide."""

from __future__ import annotations

import numpy as np

from dashboard.figures import correlation_figure
from dashboard.figures.style import DIVERGING

OVERALL = np.array([[1.0, -0.256], [-0.256, 1.0]])
WITHIN = np.array([[1.0, np.nan], [np.nan, np.nan]])


def test_both_matrices_with_their_numbers():
    figure = correlation_figure(["a", "<b>"], OVERALL, WITHIN)
    overall, within = figure.data
    assert [list(row) for row in overall.z] == [[1.0, -0.256], [-0.256, 1.0]]
    assert [list(row) for row in overall.text] == [["1.00", "−0.26"], ["−0.26", "1.00"]]
    assert [list(row) for row in within.z] == [[1.0, None], [None, None]]
    assert within.text[1][1] == "–"
    assert list(overall.x) == ["a", "&lt;b&gt;"]
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["over all rows", "within clusters (pooled)"]


def test_the_scale_is_fixed_and_symmetric():
    scale = correlation_figure(["a", "b"], OVERALL, OVERALL, dark=True).layout.coloraxis
    assert (scale.cmin, scale.cmax) == (-1, 1)
    assert scale.colorscale == DIVERGING["dark"]


def test_numbers_only_where_they_fit():
    names = [f"c{i}" for i in range(15)]
    crowded = correlation_figure(names, np.eye(15), np.eye(15)).data[0]
    assert crowded.texttemplate == ""
    assert crowded.hovertemplate == "%{y} and %{x}: %{text}<extra></extra>"


def test_names_that_coincide_when_shortened_stay_apart():
    names = ["a very long column name, part 1", "a very long column name, part 2"]
    labels = list(correlation_figure(names, OVERALL, OVERALL).data[0].x)
    assert len(set(labels)) == 2
