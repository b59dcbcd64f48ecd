"""The frame of the page: theme, top bar, sidebar, the two pages and the stores."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.figures.style import FONT_FAMILY
from dashboard.pages.analyse.dataset_removal import removal_dialog
from dashboard.pages.backend_state import backend_badge, backend_poll
from dashboard.pages.clientside import LIVE_CALLBACKS, PAGE_CALLBACKS, sink
from dashboard.pages.jobs.contents import jobs_page
from dashboard.pages.manual import manual
from dashboard.pages.parts import ids
from dashboard.pages.parts.aria import aria
from dashboard.pages.parts.explain import explained
from dashboard.pages.parts.icons import icon

SIDEBAR_WIDTH = 320
HEADER_HEIGHT = 56

THEME: dict[str, Any] = {
    "primaryColor": "blue",
    "defaultRadius": "sm",
    "fontFamily": FONT_FAMILY,
    "headings": {"fontWeight": "650"},
    "cursorType": "pointer",
}


def page_layout(
    sidebar: Any, analyse: Any, style: dict[str, Any], dataset_id: str, backend_label: str
) -> dmc.MantineProvider:
    """Everything that is served at ``/`` and ``/jobs``; ``dataset_id``: the sidebar's dataset."""
    return dmc.MantineProvider(
        [
            dcc.Location(id=ids.URL, refresh=False),
            *_stores(style, dataset_id),
            dmc.NotificationContainer(id=ids.NOTIFICATIONS, position="bottom-right"),
            html.A("Skip to the results", href="#main", className="skip-link"),
            dmc.AppShell(
                [
                    dmc.AppShellHeader(_top_bar(backend_label), px="md"),
                    dmc.AppShellNavbar(sidebar, **aria(label="Settings")),
                    dmc.AppShellMain(
                        [
                            html.Div(analyse, id=ids.PAGE_ANALYSE),
                            html.Div(jobs_page(), id=ids.PAGE_JOBS, hidden=True),
                        ],
                        id="main",
                    ),
                ],
                id=ids.SHELL,
                header={"height": HEADER_HEIGHT},
                navbar={
                    "width": SIDEBAR_WIDTH,
                    "breakpoint": 1000,
                    "collapsed": {"mobile": True, "desktop": False},
                },
                padding="md",
                transitionDuration=150,
            ),
            backend_poll(),
            manual(),
            _preview(),
            removal_dialog(),
        ],
        id=ids.MANTINE,
        theme=THEME,
        defaultColorScheme="auto",
    )


def _stores(style: dict[str, Any], dataset_id: str) -> list[dcc.Store]:
    names = [*LIVE_CALLBACKS, *PAGE_CALLBACKS]
    return [
        dcc.Store(id=ids.STYLE, data=style),
        dcc.Store(id=ids.SHOWN_DATASET, data=dataset_id),
        dcc.Store(id=ids.STARTED, storage_type="session"),
        *(
            dcc.Store(id=store_id)
            for store_id in (
                ids.SCHEME,
                ids.LIVE_JOB,
                ids.LIVE_STATUS,
                ids.SELECTION,
                ids.SETTINGS,
                ids.DRAWN,
                ids.UPLOADED,
                ids.PREVIEWED,
                ids.REMOVAL_ASKED,
            )
        ),
        *(dcc.Store(id=sink(name)) for name in names),
    ]


def _top_bar(backend_label: str) -> dmc.Group:
    return dmc.Group(
        [_brand(), _tools(backend_label)], h="100%", justify="space-between", wrap="nowrap"
    )


def _brand() -> dmc.Group:
    return dmc.Group(
        [
            dmc.Burger(
                id=ids.BURGER,
                opened=False,
                size="sm",
                className="burger",
                **aria(label="Settings"),
            ),
            html.Span(className="logo", **aria(hidden="true")),
            dmc.Text("Centaurus", fw=700, fz=20, className="brand"),
            dmc.Text("how many groups are in my data?", c="dimmed", className="tagline"),
        ],
        gap="xs",
        wrap="nowrap",
    )


def _navigation() -> html.Nav:
    return html.Nav(
        [
            dcc.Link("Analyse", id=ids.NAV_ANALYSE, href="/", className="nav active"),
            dcc.Link("Jobs", id=ids.NAV_JOBS, href="/jobs", className="nav"),
        ],
        className="navs",
        **aria(label="Pages"),
    )


def _tools(backend_label: str) -> dmc.Group:
    return dmc.Group(
        [
            _navigation(),
            backend_badge(backend_label),
            explained(
                dmc.ColorSchemeToggle(
                    id=ids.THEME,
                    lightIcon=icon("sun"),
                    darkIcon=icon("moon"),
                    variant="default",
                    size="lg",
                    **aria(label="Light or dark"),
                ),
                "theme",
                "bottom",
                block=False,
            ),
            explained(
                dmc.ActionIcon(
                    "?",
                    id=ids.HELP_OPEN,
                    variant="default",
                    size="lg",
                    n_clicks=0,
                    **aria(label="Help"),
                ),
                "help",
                "bottom",
                block=False,
            ),
        ],
        gap="sm",
        wrap="nowrap",
    )


def _preview() -> dmc.Modal:
    return dmc.Modal(
        [
            html.Div(id=ids.PREVIEW_BODY),
            dmc.Group(
                [
                    dmc.Button("Close", id=ids.PREVIEW_CLOSE, variant="default", n_clicks=0),
                    dmc.Button("Analyse this table", id=ids.PREVIEW_USE, n_clicks=0),
                ],
                justify="flex-end",
                mt="md",
            ),
        ],
        id=ids.PREVIEW,
        title=dmc.Text("First rows", fw=600),
        opened=False,
        size="xl",
    )
