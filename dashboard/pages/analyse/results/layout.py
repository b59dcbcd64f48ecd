"""The answers: curves, recommendation, and the six panels."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.analysis.records import CRITERIA
from dashboard.pages.parts import ids
from dashboard.pages.parts.aria import aria
from dashboard.pages.parts.card import card, graph
from dashboard.pages.parts.explain import explained
from dashboard.pages.parts.icons import icon

SCORE_RANGES = {"all": "All", "top": "Top"}
TOP_SAYS = (
    "All shows every score. Top shows the best K of each type and what is above it, where models "
    "compete."
)


def curves_card(figure: Any) -> html.Section:
    """The criterion over K, one line per covariance type."""
    return card(
        dmc.Group(
            [
                dmc.Title("Which model fits best?", order=2, className="card-title"),
                dmc.Group(
                    [
                        _choice(ids.SCORE_RANGE, "Range of the score axis", SCORE_RANGES, TOP_SAYS),
                        _choice(ids.CRITERION, "Criterion", CRITERIA, "criterion"),
                    ],
                    gap="xs",
                ),
            ],
            justify="space-between",
        ),
        graph(ids.BIC_GRAPH, figure, "Score over the number of clusters, one line per type", None),
        label="Which model fits best?",
        className="card curves-card",
    )


def _choice(control_id: str, label: str, names: dict[str, str], about: str) -> dmc.Tooltip:
    """A row of small buttons, the first of which is chosen."""
    control = dmc.SegmentedControl(
        id=control_id,
        data=[{"value": value, "label": name} for value, name in names.items()],
        value=next(iter(names)),
        size="xs",
        **aria(label=label),
    )
    return explained(control, about, "bottom", block=False)


def recommended_card() -> html.Section:
    """The recommended clustering and how much to believe it."""
    return card(
        html.H2("Recommended", className="section-title"),
        dmc.Text("…", id=ids.REC_TITLE, fz=26, fw=700, lh=1.25),
        dmc.Text("", id=ids.REC_SCORE, c="dimmed", size="sm", className="tabular"),
        dmc.Divider(my="sm"),
        dmc.Text("Evidence over the next best", fw=600, size="sm"),
        dmc.Text("", id=ids.REC_EVIDENCE, size="sm"),
        dmc.Text("Agreement of experiments", fw=600, size="sm", mt="sm", mb=4),
        explained(
            html.Div(
                [
                    dmc.Progress(
                        id=ids.REC_AGREEMENT_BAR,
                        value=0,
                        color="teal",
                        size="md",
                        **aria(label="Agreement of experiments"),
                    ),
                    dmc.Text("–", id=ids.REC_AGREEMENT, size="sm", c="dimmed", className="tabular"),
                ]
            ),
            "agreement",
            "left",
        ),
        dmc.Text("Cluster sizes", fw=600, size="sm", mt="sm", mb=4),
        html.Div(id=ids.REC_SIZES, className="sizes"),
        html.Div(id=ids.REC_WARNINGS, className="warnings"),
        explained(
            dmc.Button(
                "Show this clustering",
                id=ids.REC_SHOW,
                variant="light",
                fullWidth=True,
                mt="sm",
                size="xs",
                n_clicks=0,
            ),
            "rec_show",
            "left",
        ),
        label="Recommended clustering",
        className="card recommended-card",
    )


def panels_card(figure: Any) -> html.Section:
    """The same rows under all six covariance types, with the K slider."""
    return card(
        _panels_head(),
        _k_row(),
        graph(
            ids.PANELS_GRAPH,
            figure,
            "Six scatterplots of the same rows, coloured by cluster, one per covariance type",
            None,
        ),
        label="Compare covariance types",
        className="card panels-card",
    )


def _panels_head() -> dmc.Group:
    return dmc.Group(
        [
            dmc.Group(
                [
                    dmc.Title("Compare covariance types", order=2, className="card-title"),
                    dmc.Text("", id=ids.PANELS_NOTE, size="xs", c="dimmed"),
                ],
                gap="sm",
            ),
            dmc.Group(
                [
                    _axis_choice(ids.X_AXIS, "x"),
                    _axis_choice(ids.Y_AXIS, "y"),
                    explained(
                        dmc.Switch(id=ids.ELLIPSES, label="Ellipses", checked=True, size="sm"),
                        "ellipses",
                        "top",
                        block=False,
                    ),
                ],
                gap="md",
            ),
        ],
        justify="space-between",
    )


def _k_row() -> html.Div:
    return html.Div(
        [
            html.Span(["K = ", html.Span("–", id=ids.K_VALUE)], className="k-label"),
            html.Div(
                explained(
                    dmc.Slider(
                        id=ids.K_SLIDER,
                        min=1,
                        max=10,
                        step=1,
                        value=1,
                        updatemode="drag",
                        label=None,
                        thumbLabel="Number of clusters shown",
                        marks=[{"value": k, "label": str(k)} for k in range(1, 11)],
                    ),
                    "k_slider",
                    "top",
                ),
                className="grow",
            ),
            explained(
                dmc.Button(
                    "Play",
                    id=ids.PLAY,
                    variant="light",
                    size="xs",
                    w=88,
                    n_clicks=0,
                    leftSection=icon("play"),
                ),
                "play",
                "top",
                block=False,
            ),
        ],
        className="k-row",
    )


def _axis_choice(select_id: str, axis: str) -> dmc.Group:
    return dmc.Group(
        [
            html.Label(axis, htmlFor=select_id, className="axis-label"),
            explained(
                dmc.Select(
                    id=select_id,
                    data=[],
                    allowDeselect=False,
                    size="xs",
                    w=132,
                    **aria(label=f"Column on the {axis} axis"),
                ),
                "axis",
                "top",
                block=False,
            ),
        ],
        gap=6,
        wrap="nowrap",
    )
