"""The main area of the Analyse page: progress, curves, recommendation, panels, tabs."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.page import ids
from dashboard.page.aria import aria
from dashboard.page.explain import explained
from dashboard.page.icons import icon

# Typed Any: Dash's own type for it does not know every option of plotly.js.
GRAPH_CONFIG: Any = {
    "displaylogo": False,
    "showSendToCloud": False,
    "responsive": True,
    "displayModeBar": "hover",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}


def card(*children: Any, label: str, className: str = "card") -> html.Section:
    """One white box of the page, announced to screen readers by its label."""
    box = dmc.Paper(list(children), withBorder=True, radius="md", p="md", shadow="xs", h="100%")
    return html.Section(box, className=className, **aria(label=label))


def analyse(
    bic_figure: Any, panels_figure: Any, selected_figure: Any, correlation: Any
) -> dmc.Stack:
    """The figures are the empty first states; the live engine and the callbacks fill them."""
    return dmc.Stack(
        [
            html.Div(id=ids.JOB_PROBLEM, role="alert"),
            _progress(),
            html.Div([_curves(bic_figure), _recommended()], className="answer-row"),
            _panels(panels_figure),
            _tabs(selected_figure, correlation),
        ],
        gap="md",
    )


def graph(graph_id: str, figure: Any, label: str, height: str | None) -> html.Div:
    """A Plotly graph in a box of known height, so that the page does not jump while it loads.

    Without ``height`` the style sheet decides, by the class ``box-<graph_id>``.
    """
    return html.Div(
        dcc.Graph(
            id=graph_id,
            figure=figure,
            config=GRAPH_CONFIG,
            style={"height": "100%"},
            # The panels' size is set by panels_layout.js, to the pixel.
            responsive=graph_id != ids.PANELS_GRAPH,
            clear_on_unhover=True,
        ),
        className=f"graph-box box-{graph_id}",
        style={"height": height} if height else {},
        role="figure",
        **aria(label=label),
    )


def _progress() -> html.Section:
    return card(
        dmc.Group(
            [
                dmc.Group(
                    [
                        html.Span(
                            dmc.Badge(
                                "starting",
                                id=ids.PROGRESS_STATE,
                                variant="light",
                                color="gray",
                                size="lg",
                            ),
                            role="status",
                        ),
                        dmc.Text("", id=ids.PROGRESS_FITS, fw=600, className="tabular"),
                        dmc.Text("", id=ids.PROGRESS_DETAIL, c="dimmed", className="tabular"),
                    ],
                    gap="sm",
                    className="grow",
                ),
                dmc.Group(
                    [
                        explained(
                            dmc.Button(
                                "Cancel",
                                id=ids.CANCEL,
                                variant="default",
                                disabled=True,
                                size="sm",
                                n_clicks=0,
                            ),
                            "cancel",
                            "bottom",
                            block=False,
                        ),
                        explained(
                            dmc.Button(
                                "Rerun failed",
                                id=ids.RERUN,
                                variant="default",
                                disabled=True,
                                size="sm",
                                n_clicks=0,
                            ),
                            "rerun",
                            "bottom",
                            block=False,
                        ),
                        _export(),
                    ],
                    gap="xs",
                ),
            ],
            justify="space-between",
            mb="sm",
        ),
        dmc.Progress(
            id=ids.PROGRESS_BAR,
            value=0,
            size="md",
            radius="xl",
            transitionDuration=200,
            **aria(label="Fits finished"),
        ),
        html.Div(id=ids.PROGRESS_ERRORS),
        label="Progress",
    )


def _export() -> dmc.Menu:
    def item(item_id: str, text: str, **options: Any) -> dmc.MenuItem:
        return dmc.MenuItem(text, id=item_id, **options)

    def link(item_id: str, text: str) -> dmc.MenuItem:
        return item(item_id, text, href="#", target="_blank", refresh=True)

    def chart(title: str, png: str, svg: str, html_id: str) -> list[Any]:
        return [
            dmc.MenuLabel(title),
            item(png, "PNG picture", n_clicks=0),
            item(svg, "SVG drawing", n_clicks=0),
            link(html_id, "Interactive HTML, self-contained"),
        ]

    return dmc.Menu(
        [
            dmc.MenuTarget(
                dmc.Button(
                    "Export",
                    id=ids.EXPORT,
                    variant="light",
                    size="sm",
                    rightSection=icon("chevron"),
                )
            ),
            dmc.MenuDropdown(
                html.Div(
                    [
                        html.Div(
                            [
                                dmc.MenuLabel("Tables"),
                                link(ids.EXPORT_LABELS_CSV, "Rows with clusters, CSV"),
                                link(ids.EXPORT_LABELS_PARQUET, "Rows with clusters, Parquet"),
                                link(ids.EXPORT_FITS_CSV, "All fits, CSV"),
                                link(ids.EXPORT_MODELS_JSON, "Settings and models, JSON"),
                                *chart(
                                    "Selected clustering",
                                    ids.EXPORT_SELECTED_PNG,
                                    ids.EXPORT_SELECTED_SVG,
                                    ids.EXPORT_SELECTED_HTML,
                                ),
                            ]
                        ),
                        html.Div(
                            [
                                *chart(
                                    "Curves",
                                    ids.EXPORT_BIC_PNG,
                                    ids.EXPORT_BIC_SVG,
                                    ids.EXPORT_BIC_HTML,
                                ),
                                *chart(
                                    "Six panels",
                                    ids.EXPORT_PANELS_PNG,
                                    ids.EXPORT_PANELS_SVG,
                                    ids.EXPORT_PANELS_HTML,
                                ),
                            ]
                        ),
                    ],
                    className="export-columns",
                )
            ),
        ],
        position="bottom-end",
        shadow="md",
        keepMounted=True,
        withinPortal=True,
    )


def _curves(figure: Any) -> html.Section:
    return card(
        dmc.Group(
            [
                dmc.Title("Which model fits best?", order=2, className="card-title"),
                explained(
                    dmc.SegmentedControl(
                        id=ids.CRITERION,
                        data=[
                            {"value": "bic", "label": "BIC"},
                            {"value": "icl", "label": "ICL"},
                            {"value": "aic", "label": "AIC"},
                        ],
                        value="bic",
                        size="xs",
                        **aria(label="Criterion"),
                    ),
                    "criterion",
                    "bottom",
                    block=False,
                ),
            ],
            justify="space-between",
        ),
        graph(ids.BIC_GRAPH, figure, "Score over the number of clusters, one line per type", None),
        label="Which model fits best?",
        className="card curves-card",
    )


def _recommended() -> html.Section:
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


def _panels(figure: Any) -> html.Section:
    return card(
        dmc.Group(
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
        ),
        html.Div(
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
        ),
        graph(
            ids.PANELS_GRAPH,
            figure,
            "Six scatterplots of the same rows, coloured by cluster, one per covariance type",
            None,
        ),
        label="Compare covariance types",
        className="card panels-card",
    )


def _tabs(selected: Any, correlation: Any) -> html.Section:
    return card(
        dmc.Tabs(
            [
                dmc.TabsList(
                    [
                        dmc.TabsTab("Selected clustering", value="selected"),
                        dmc.TabsTab("Fits", value="fits"),
                        dmc.TabsTab("Correlation", value="correlation"),
                    ]
                ),
                dmc.TabsPanel(_selected(selected), value="selected", pt="md"),
                dmc.TabsPanel(_fits(), value="fits", pt="md"),
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
        dag.AgGrid(
            id=ids.FITS_GRID,
            columnDefs=fit_columns(),
            rowData=[],
            defaultColDef={
                "sortable": True,
                "resizable": True,
                "flex": 1,
                "minWidth": 92,
                "filter": True,
                "floatingFilter": True,
                "suppressHeaderFilterButton": True,
                "suppressFloatingFilterButton": True,
            },
            dashGridOptions={
                "pagination": True,
                "paginationPageSize": 50,
                "animateRows": False,
                "localeText": {"noRowsToShow": "No fits yet: they appear here as they finish."},
                "rowSelection": {
                    "mode": "singleRow",
                    "checkboxes": False,
                    "enableClickSelection": True,
                },
            },
            style={"height": "460px"},
        ),
    ]


def fit_columns() -> list[dict[str, Any]]:
    """Column definitions of the Fits grid; every score says that higher is better."""

    def whole(field: str, title: str, tip: str, width: int = 92) -> dict[str, Any]:
        return {
            "field": field,
            "headerName": title,
            "headerTooltip": tip,
            "type": "rightAligned",
            "filter": "agNumberColumnFilter",
            "minWidth": width,
        }

    def score(field: str, title: str) -> dict[str, Any]:
        return {
            **whole(field, title, f"{title}: higher is better", 104),
            "valueFormatter": {
                "function": "params.value == null ? '–' : d3.format(',.1f')(params.value)"
            },
        }

    def text(field: str, title: str, tip: str, width: int = 104) -> dict[str, Any]:
        return {
            "field": field,
            "headerName": title,
            "headerTooltip": tip,
            "cellDataType": "text",
            "minWidth": width,
        }

    return [
        text("type", "Type", "Covariance type", 118),
        whole("k", "K", "Number of clusters", 66),
        whole("experiment", "Experiment", "Number of the repetition", 104),
        {**score("bic", "BIC"), "sort": "desc"},
        score("icl", "ICL"),
        score("aic", "AIC"),
        score("log_likelihood", "Log-lik."),
        whole("n_iter", "Iterations", "Rounds until it settled"),
        text("converged", "Converged", "Whether the fit settled"),
        text("eligible", "Eligible", "Whether the smallest cluster has enough members", 92),
        {
            **text("sizes", "Cluster sizes", "Rows per cluster, largest first", 150),
            "flex": 2,
            "sortable": False,
            "tooltipField": "sizes",
        },
    ]
