"""The tabs below the panels: selected clustering, fits, tasks, correlation."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.pages.analyse.details.task_table import tasks_panel
from dashboard.pages.parts import ids
from dashboard.pages.parts.card import card, graph
from dashboard.pages.parts.grid import grid, number_column, text_column


def details_card(selected: Any, correlation: Any) -> html.Section:
    """The card with the tabs; `selected` and `correlation` are their first figures."""
    return card(
        dmc.Tabs(
            [
                dmc.TabsList(
                    [
                        dmc.TabsTab("Selected clustering", value="selected"),
                        dmc.TabsTab("Fits", value="fits"),
                        dmc.TabsTab("Tasks", value="tasks"),
                        dmc.TabsTab("Correlation", value="correlation"),
                    ]
                ),
                dmc.TabsPanel(_selected(selected), value="selected", pt="md"),
                dmc.TabsPanel(_fits(), value="fits", pt="md"),
                dmc.TabsPanel(tasks_panel(), value="tasks", pt="md"),
                dmc.TabsPanel(
                    [
                        dmc.Text(
                            "Pearson correlation of the chosen columns over the rows that were "
                            "used. Strongly correlated columns are where full covariances matter.",
                            size="sm",
                            c="dimmed",
                        ),
                        graph(
                            ids.CORRELATION_GRAPH,
                            correlation,
                            "Correlation of the chosen columns",
                            "420px",
                        ),
                    ],
                    value="correlation",
                    pt="md",
                ),
            ],
            id=ids.TABS,
            value="selected",
            # The grid and the heatmap are built when their tab is opened, not before the curves.
            keepMounted=False,
        ),
        label="Details",
    )


def _selected(figure: Any) -> list[Any]:
    return [
        dmc.Text("", id=ids.SELECTED_TITLE, fw=600, mb="xs"),
        html.Div(
            [
                graph(
                    ids.SELECTED_GRAPH,
                    figure,
                    "The selected clustering, every pair of columns",
                    "520px",
                ),
                html.Div(id=ids.CLUSTERS_TABLE, className="clusters-table"),
            ],
            id=ids.SELECTED_ROW,
            className="selected-row",
        ),
    ]


def _fits() -> list[Any]:
    return [
        dmc.Text("", id=ids.FITS_NOTE, size="sm", c="dimmed", mb="xs"),
        grid(
            ids.FITS_GRID,
            fit_columns(),
            empty="No fits yet: they appear here as they finish.",
            page_rows=50,
            min_width_px=92,
            column_options={
                "filter": True,
                "floatingFilter": True,
                "suppressHeaderFilterButton": True,
                "suppressFloatingFilterButton": True,
            },
            options={
                "rowSelection": {
                    "mode": "singleRow",
                    "checkboxes": False,
                    "enableClickSelection": True,
                },
            },
        ),
    ]


def fit_columns() -> list[dict[str, Any]]:
    """Column definitions of the Fits grid; every score says that higher is better."""

    def whole(field: str, title: str, tip: str, width: int = 92) -> dict[str, Any]:
        return number_column(field, title, tip, width) | {"filter": "agNumberColumnFilter"}

    def score(field: str, title: str) -> dict[str, Any]:
        tip = f"{title}: higher is better"
        return number_column(field, title, tip, 104, decimals=1) | {
            "filter": "agNumberColumnFilter"
        }

    return [
        text_column("type", "Type", "Covariance type", 118),
        whole("k", "K", "Number of clusters", 66),
        whole("experiment", "Experiment", "Number of the repetition", 104),
        {**score("bic", "BIC"), "sort": "desc"},
        score("icl", "ICL"),
        score("aic", "AIC"),
        score("log_likelihood", "Log-lik."),
        whole("n_iter", "Iterations", "Rounds until it settled"),
        text_column("converged", "Converged", "Whether the fit settled", 104),
        text_column("eligible", "Eligible", "Whether the smallest cluster has enough members", 92),
        {
            **text_column("sizes", "Cluster sizes", "Rows per cluster, largest first", 150),
            "flex": 2,
            "sortable": False,
            "tooltipField": "sizes",
        },
    ]
