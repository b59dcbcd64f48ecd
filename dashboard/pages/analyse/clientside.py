"""The callbacks of the Analyse page that run in the browser: which function answers what.

`live.js` follows the job and writes to the page by itself; `controls.js` does the rest.
"""

from __future__ import annotations

from dash import Dash, Input, Output, State

from dashboard.pages.parts import ids
from dashboard.pages.parts.clientside import Effect, connect, connect_effects

EFFECTS = (
    # A job was opened or started: forget the old one, draw what is known, poll while it runs.
    Effect(
        "follow",
        (Input(ids.LIVE_JOB, "data"),),
        (State(ids.STYLE, "data"), State(ids.SELECTION, "data")),
    ),
    # Redraw the curves and the recommendation card for another criterion.
    Effect("show_criterion", (Input(ids.CRITERION, "value"),)),
    # "all" or "top": how much of the score axis the curves show.
    Effect("show_score_range", (Input(ids.SCORE_RANGE, "value"),)),
    # A click on a point of the curves selects that clustering.
    Effect("pick_point", (Input(ids.BIC_GRAPH, "clickData"),), at_start=False),
    # x, y, ellipses: redraw the panels. The K slider is no input: live.js follows its element,
    # since a step through a callback costs several times as much as the six panels.
    Effect(
        "show_axes",
        (Input(ids.X_AXIS, "value"), Input(ids.Y_AXIS, "value"), Input(ids.ELLIPSES, "checked")),
    ),
    Effect("play", (Input(ids.PLAY, "n_clicks"),), at_start=False),
    Effect("show_recommended", (Input(ids.REC_SHOW, "n_clicks"),), at_start=False),
    # Somebody else (a link, the Fits grid) changed the selection.
    Effect("show_selection", (Input(ids.SELECTION, "data"),)),
    # "light" or "dark", as the page is drawn.
    Effect("show_theme", (Input(ids.SCHEME, "data"),)),
    # The address bar names the job and the clustering in view.
    Effect(
        "mirror_url",
        (Input(ids.LIVE_JOB, "data"), Input(ids.SELECTION, "data"), Input(ids.URL, "pathname")),
    ),
    Effect(
        "export_chart",
        (
            Input(ids.EXPORT_BIC_PNG, "n_clicks"),
            Input(ids.EXPORT_BIC_SVG, "n_clicks"),
            Input(ids.EXPORT_PANELS_PNG, "n_clicks"),
            Input(ids.EXPORT_PANELS_SVG, "n_clicks"),
            Input(ids.EXPORT_SELECTED_PNG, "n_clicks"),
            Input(ids.EXPORT_SELECTED_SVG, "n_clicks"),
        ),
        (State(ids.LIVE_JOB, "data"), State(ids.SELECTION, "data")),
    ),
)

EXPORTS = {
    ids.EXPORT_LABELS_CSV: "labels.csv",
    ids.EXPORT_LABELS_PARQUET: "labels.parquet",
    ids.EXPORT_FITS_CSV: "fits.csv",
    ids.EXPORT_MODELS_JSON: "models.json",
    ids.EXPORT_BIC_HTML: "bic.html",
    ids.EXPORT_PANELS_HTML: "panels.html",
    ids.EXPORT_SELECTED_HTML: "selected.html",
}
"""Links of the export menu, by id: the file that the server makes."""


def register(app: Dash) -> None:
    """Connect every function of the scripts to its components."""
    connect_effects(app, EFFECTS)
    _register_sidebar(app)
    _register_results(app)


def _register_sidebar(app: Dash) -> None:
    connect(
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
        State(ids.STYLE, "data"),
    )
    connect(
        app,
        "offer_removal",
        Output(ids.DATASET_DELETE, "style"),
        Input(ids.DATASET, "value"),
        Input(ids.DATASET, "data"),
        State(ids.STYLE, "data"),
    )
    connect(
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
        State(ids.STYLE, "data"),
    )


def _register_results(app: Dash) -> None:
    connect(
        app,
        "select_fit",
        Output(ids.SELECTION, "data", allow_duplicate=True),
        Input(ids.FITS_GRID, "selectedRows"),
    )
    connect(
        app,
        "export_links",
        [Output(item, "href") for item in EXPORTS],
        Input(ids.LIVE_JOB, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.CRITERION, "value"),
        Input(ids.X_AXIS, "value"),
        Input(ids.Y_AXIS, "value"),
        Input(ids.SCHEME, "data"),
        State(ids.STYLE, "data"),
    )
