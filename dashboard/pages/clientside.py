"""The callbacks that run in the browser: which function of ``assets/`` answers which component.

All functions live in ``window.dash_clientside.centaurus``. The ones listed under *live* write to
the page with ``dash_clientside.set_props`` and return nothing that matters: their one output is the
sink, a store which only exists because Dash wants an output.
"""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State

from dashboard.pages.parts import ids

NAMESPACE = "centaurus"


def sink(name: str) -> str:
    """Id of the empty store that takes the unused output of a clientside callback."""
    return f"sink-{name}"


LIVE_CALLBACKS: dict[str, tuple[list[Input], list[State]]] = {
    # a job was opened or started: forget the old one, draw what is known, poll while it runs
    "follow": (
        [Input(ids.LIVE_JOB, "data")],
        [State(ids.STYLE, "data"), State(ids.SELECTION, "data")],
    ),
    # redraw the curves and the recommendation card for another criterion
    "show_criterion": ([Input(ids.CRITERION, "value")], []),
    # "all" or "top": how much of the score axis the curves show
    "show_score_range": ([Input(ids.SCORE_RANGE, "value")], []),
    # a click on a point of the curves selects that clustering
    "pick_point": ([Input(ids.BIC_GRAPH, "clickData")], []),
    # x, y, ellipses: redraw the panels. The K slider is no input: live.js follows its element,
    # since a step through a callback costs several times as much as the six panels.
    "show_axes": (
        [
            Input(ids.X_AXIS, "value"),
            Input(ids.Y_AXIS, "value"),
            Input(ids.ELLIPSES, "checked"),
        ],
        [],
    ),
    "play": ([Input(ids.PLAY, "n_clicks")], []),
    "show_recommended": ([Input(ids.REC_SHOW, "n_clicks")], []),
    # somebody else (a link, the Fits grid) changed the selection
    "show_selection": ([Input(ids.SELECTION, "data")], []),
    # "light" or "dark", as the page is drawn
    "show_theme": ([Input(ids.SCHEME, "data")], []),
}


# Functions of controls.js whose only effect is outside Dash (the address bar, the grid's theme).
PAGE_CALLBACKS: dict[str, tuple[list[Input], list[State]]] = {
    "mirror_url": (
        [
            Input(ids.LIVE_JOB, "data"),
            Input(ids.SELECTION, "data"),
            Input(ids.URL, "pathname"),
        ],
        [],
    ),
    "grid_theme": ([Input(ids.SCHEME, "data")], []),
    "export_chart": (
        [
            Input(ids.EXPORT_BIC_PNG, "n_clicks"),
            Input(ids.EXPORT_BIC_SVG, "n_clicks"),
            Input(ids.EXPORT_PANELS_PNG, "n_clicks"),
            Input(ids.EXPORT_PANELS_SVG, "n_clicks"),
            Input(ids.EXPORT_SELECTED_PNG, "n_clicks"),
            Input(ids.EXPORT_SELECTED_SVG, "n_clicks"),
        ],
        [State(ids.LIVE_JOB, "data"), State(ids.SELECTION, "data")],
    ),
}

EXPORT_LINKS = {
    ids.EXPORT_LABELS_CSV: "labels.csv",
    ids.EXPORT_LABELS_PARQUET: "labels.parquet",
    ids.EXPORT_FITS_CSV: "fits.csv",
    ids.EXPORT_MODELS_JSON: "models.json",
    ids.EXPORT_BIC_HTML: "bic.html",
    ids.EXPORT_PANELS_HTML: "panels.html",
    ids.EXPORT_SELECTED_HTML: "selected.html",
}


def register(app: Dash) -> None:
    """Connect every function of the scripts to its components."""
    _register_live(app)
    for name, (inputs, states) in PAGE_CALLBACKS.items():
        _call(app, name, Output(sink(name), "data"), *inputs, *states)
    # The toggle tells when it is pressed, but not what "auto" has come to: the script looks.
    _call(
        app,
        "read_scheme",
        Output(ids.SCHEME, "data"),
        Input(ids.THEME, "computedColorScheme"),
    )
    _call(
        app,
        "gather",
        Output(ids.SETTINGS, "data"),
        Input(ids.DATASET, "value"),
        Input(ids.COLUMNS, "value"),
        Input(ids.STANDARDISE, "checked"),
        Input(ids.K_RANGE, "value"),
        Input(ids.TYPES, "value"),
        Input(ids.EXPERIMENTS, "value"),
        Input(ids.RESTARTS, "value"),
        Input(ids.MIN_MEMBERS, "value"),
        Input(ids.SEED, "value"),
        Input(ids.DISTANCE, "value"),
        Input(ids.MAX_ITER, "value"),
        Input(ids.REG_COVAR, "value"),
        Input(ids.RUN, "n_clicks"),
        Input(ids.LIVE, "checked"),
        Input(ids.SPENDING_CAP, "value"),
    )
    _register_sidebar(app)
    _register_navigation(app)


def _register_sidebar(app: Dash) -> None:
    _call(
        app,
        "offer_removal",
        Output(ids.DATASET_DELETE, "style"),
        Input(ids.DATASET, "value"),
        Input(ids.DATASET, "data"),
    )
    _call(
        app,
        "describe_controls",
        [
            Output(text_id, "children")
            for text_id in (
                ids.K_RANGE_TEXT,
                ids.TYPES_TEXT,
                ids.EXPERIMENTS_TEXT,
                ids.RESTARTS_TEXT,
            )
        ],
        Input(ids.K_RANGE, "value"),
        Input(ids.TYPES, "value"),
        Input(ids.EXPERIMENTS, "value"),
        Input(ids.RESTARTS, "value"),
    )


def _register_navigation(app: Dash) -> None:
    _call(
        app,
        "show_page",
        [
            Output(ids.PAGE_ANALYSE, "hidden"),
            Output(ids.PAGE_JOBS, "hidden"),
            Output(ids.NAV_ANALYSE, "className"),
            Output(ids.NAV_JOBS, "className"),
            Output(ids.SHELL, "navbar"),
            Output(ids.BURGER, "opened"),
        ],
        Input(ids.URL, "pathname"),
        Input(ids.BURGER, "opened"),
    )
    _call(
        app,
        "select_fit",
        Output(ids.SELECTION, "data", allow_duplicate=True),
        Input(ids.FITS_GRID, "selectedRows"),
    )
    _call(app, "open_help", Output(ids.HELP, "opened"), Input(ids.HELP_OPEN, "n_clicks"))
    _call(
        app,
        "export_links",
        [Output(item, "href") for item in EXPORT_LINKS],
        Input(ids.LIVE_JOB, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.CRITERION, "value"),
        Input(ids.X_AXIS, "value"),
        Input(ids.Y_AXIS, "value"),
        Input(ids.SCHEME, "data"),
    )


def _call(app: Dash, name: str, outputs: Any, *arguments: Any) -> None:
    duplicate = getattr(outputs, "allow_duplicate", False)
    app.clientside_callback(
        ClientsideFunction(NAMESPACE, name), outputs, *arguments, prevent_initial_call=duplicate
    )


def _register_live(app: Dash) -> None:
    for name, (inputs, states) in LIVE_CALLBACKS.items():
        app.clientside_callback(
            ClientsideFunction(NAMESPACE, name),
            Output(sink(name), "data"),
            *inputs,
            *states,
            prevent_initial_call=name in {"pick_point", "play", "show_recommended"},
        )
