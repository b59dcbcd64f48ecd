"""Charts as single files: they carry plotly.js and fetch nothing."""

from __future__ import annotations

import re

import plotly.graph_objects as go

from dashboard.exports import bic_html, figure_html
from dashboard.figures.style import TEMPLATES


def test_a_page_is_self_contained_and_its_title_is_escaped():
    page = figure_html(
        go.Figure(layout={"template": TEMPLATES["dark"]}), "<script>alert(1)</script>"
    )
    assert page.startswith("<!doctype html>")
    assert "<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>" in page
    assert "background: #242424" in page
    assert "Plotly.newPlot(" in page
    assert len(page) > 1_000_000
    assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=", page) == []


def test_data_cannot_close_the_script_element():
    figure = go.Figure(go.Scatter(x=[1], y=[1], text=["</script><script>alert(1)</script>"]))
    body = figure_html(figure)
    assert "</script><script>alert(1)" not in body


def test_the_bic_page_holds_the_curves(view):
    page = bic_html(view)
    best = view.cells["full-tied", 2].best.bic
    assert f"{best!r}" in page
    assert "BIC (higher is better)" in page
    assert "<title>Centaurus: BIC over the number of clusters</title>" in page
