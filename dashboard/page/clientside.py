"""The callbacks that run in the browser: which function of ``assets/`` answers which component.

All functions live in ``window.dash_clientside.centaurus``. The ones listed under *live* write to the
page with ``dash_clientside.set_props`` and return nothing that matters: their one output is the
``data-tick`` sink, which only exists because Dash wants an output.
"""

from __future__ import annotations

from dash import ClientsideFunction, Dash, Input, Output, State

from dashboard.page import ids

NAMESPACE = "centaurus"


def sink(name: str) -> str:
    """Id of the empty store that takes the unused output of a clientside callback."""
    return f"sink-{name}"


LIVE_CALLBACKS: dict[str, tuple[list[Input], list[State]]] = {
    # a job was opened or started: forget the old one, draw what is known, poll while it runs
    "follow": ([Input(ids.LIVE_JOB, "data")], [State(ids.STYLE, "data"), State(ids.SELECTION, "data")]),
    # one tick of the polling interval (live.js enables and disables ids.POLL itself)
    "poll": ([Input(ids.POLL, "n_intervals")], []),
    # redraw the curves and the recommendation card for another criterion
    "show_criterion": ([Input(ids.CRITERION, "value")], []),
    # a click on a point of the curves selects that clustering
    "pick_point": ([Input(ids.BIC_GRAPH, "clickData")], []),
    # K slider, x, y, ellipses: redraw the panels; K and type are kept in SELECTION by live.js
    "show_k": ([Input(ids.K_SLIDER, "value")], []),
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
    # light or dark: ThemeToggle's computed scheme ("light" | "dark")
    "show_theme": ([Input(ids.THEME, "computedColorScheme")], []),
}


def register(app: Dash) -> None:
    """Connect every function of the live engine to its components."""
    for name, (inputs, states) in LIVE_CALLBACKS.items():
        app.clientside_callback(
            ClientsideFunction(NAMESPACE, name),
            Output(sink(name), "data"),
            *inputs,
            *states,
            prevent_initial_call=name in {"pick_point", "play", "show_recommended", "poll"},
        )
