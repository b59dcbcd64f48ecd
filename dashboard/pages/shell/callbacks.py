"""Callbacks of the frame: which page is shown, light or dark, the help drawer, the badge."""

from __future__ import annotations

from dash import Dash, Input, Output, State

from dashboard.pages.parts import ids
from dashboard.pages.parts.clientside import Effect, connect, connect_effects
from dashboard.pages.parts.page import Site
from dashboard.pages.shell.backend_state import BackendState

EFFECTS = (Effect("grid_theme", (Input(ids.SCHEME, "data"),)),)


def register(app: Dash, site: Site) -> None:
    """Connect the frame's components, among them a link and a container for every page."""
    pages = site.pages
    connect_effects(app, EFFECTS)
    # The toggle tells when it is pressed, but not what "auto" has come to: the script looks.
    connect(
        app,
        "read_scheme",
        Output(ids.SCHEME, "data"),
        Input(ids.THEME, "computedColorScheme"),
    )
    connect(app, "open_help", Output(ids.HELP, "opened"), Input(ids.HELP_OPEN, "n_clicks"))
    connect(
        app,
        "show_page",
        [
            *(Output(ids.page(page.name), "hidden") for page in pages),
            *(Output(ids.nav(page.name), "className") for page in pages),
            *(Output(ids.sidebar(page.name), "hidden") for page in pages),
            Output(ids.SHELL, "navbar"),
            Output(ids.BURGER, "opened"),
        ],
        Input(ids.URL, "pathname"),
        Input(ids.BURGER, "opened"),
        State(ids.STYLE, "data"),
    )
    BackendState(site.services).register(app)
