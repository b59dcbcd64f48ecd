"""The help drawer: what the scores and types mean, how to read the page, which keys work."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.pages.parts import ids
from dashboard.pages.parts.icons import glyph
from kmeans_core import COVARIANCE_TYPES, CovarianceType

SCORES = [
    (
        "BIC",
        "log-likelihood − ½ · parameters · ln(rows). The default: it finds the right number of "
        "clusters when there are enough rows.",
    ),
    (
        "ICL",
        "BIC computed from the classification likelihood: it prefers clusters that do not overlap.",
    ),
    ("AIC", "log-likelihood − parameters. It charges least and tends to more clusters."),
]
STEPS = [
    "Each line is one covariance type. Its points are the mean over the experiments, the band "
    "around it holds 95 % of them. Higher is better for all three scores.",
    "The star marks the recommended clustering. Click any point of a line to see that clustering.",
    "The six panels show the same rows for the same K under each type. A cluster keeps its colour "
    "from panel to panel and from K to K.",
    "A difference of more than 5 between two scores is very strong evidence, 3 to 5 strong, 1 to 3 "
    "positive; below 1 the two models cannot be told apart (Kass and Raftery, 1995, halved because "
    "the scores here are not multiplied by two).",
    "Low agreement means that the experiments disagree about who belongs together: add restarts, "
    "or prefer fewer clusters.",
]
KEYS = [
    ("Tab", "next control"),
    ("← →", "step a slider"),
    ("Home  End", "first or last value of a slider"),
    ("Space", "switch a type or a switch on or off"),
    ("Enter", "press a button, open a menu"),
    ("Esc", "close a menu or this page"),
]


def manual() -> dmc.Drawer:
    """The drawer itself, closed."""
    return dmc.Drawer(
        dmc.Stack(
            [
                _part("How to read the page", [html.Ol([html.Li(step) for step in STEPS])]),
                _part("The scores", [_pair(dmc.Text(name, fw=600), text) for name, text in SCORES]),
                _part(
                    "The six covariance types",
                    [
                        _pair(
                            html.Span([glyph(name), html.Span(name)], className="type-title"),
                            CovarianceType.of(name).sentence,
                        )
                        for name in COVARIANCE_TYPES
                    ],
                ),
                _part("Keyboard", [_pair(dmc.Kbd(key), text) for key, text in KEYS]),
            ],
            gap="lg",
        ),
        id=ids.HELP,
        title=dmc.Title("How many groups are in my data?", order=2, fz=20),
        position="right",
        size="lg",
        opened=False,
        padding="lg",
        className="manual",
    )


def _part(title: str, children: list[Any]) -> html.Section:
    return html.Section([html.H3(title, className="section-title"), *children])


def _pair(term: Any, text: str) -> html.Div:
    return html.Div([html.Div(term, className="term"), html.Div(text)], className="pair")
