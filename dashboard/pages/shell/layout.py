"""The frame of the site: theme, top bar, and every page with its sidebar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.figures.style import FONT_FAMILY
from dashboard.pages.parts import ids
from dashboard.pages.parts.aria import aria
from dashboard.pages.parts.clientside import sinks
from dashboard.pages.parts.explain import explained
from dashboard.pages.parts.icons import icon
from dashboard.pages.parts.page import Page, PageFacts, PageLayout, Site
from dashboard.pages.shell.backend_state import backend_badge, backend_poll
from dashboard.pages.shell.callbacks import EFFECTS
from dashboard.pages.shell.manual import manual

NAVBAR = {"width": 320, "breakpoint": 1000}
"""Width of the sidebar in pixels, and of the window below which it hides behind the burger."""

HEADER_HEIGHT = 56

THEME: dict[str, Any] = {
    "primaryColor": "blue",
    "defaultRadius": "sm",
    "fontFamily": FONT_FAMILY,
    "headings": {"fontWeight": "650"},
    "cursorType": "pointer",
}


def shell(site: Site, style: dict[str, Any]) -> dmc.MantineProvider:
    """Everything that is served at every address: all pages, of which the browser shows one.

    `style` is what the scripts draw with; they get component ids and the pages beside it.
    """
    made = {page.name: page.module.layout(site) for page in site.pages}
    first = site.pages[0].name
    return dmc.MantineProvider(
        [
            dcc.Location(id=ids.URL, refresh=False),
            dcc.Store(id=ids.STYLE, data=style | _browser_table(site, made)),
            dcc.Store(id=ids.SCHEME),
            *sinks(EFFECTS),
            dmc.NotificationContainer(id=ids.NOTIFICATIONS, position="bottom-right"),
            html.A("Skip to the results", href="#main", className="skip-link"),
            dmc.AppShell(
                [
                    dmc.AppShellHeader(_top_bar(site), px="md"),
                    dmc.AppShellNavbar(_sidebars(made, first), **aria(label="Settings")),
                    dmc.AppShellMain(
                        [
                            html.Div(page.main, id=ids.page(name), hidden=name != first)
                            for name, page in made.items()
                        ],
                        id="main",
                    ),
                ],
                id=ids.SHELL,
                header={"height": HEADER_HEIGHT},
                navbar=NAVBAR | {"collapsed": {"mobile": True, "desktop": False}},
                padding="md",
                transitionDuration=150,
            ),
            backend_poll(),
            manual(),
            *(component for page in made.values() for component in page.beside),
        ],
        id=ids.MANTINE,
        theme=THEME,
        defaultColorScheme="auto",
    )


def _browser_table(site: Site, made: Mapping[str, PageLayout]) -> dict[str, Any]:
    pages: list[PageFacts] = [
        {
            "name": page.name,
            "path": page.path,
            "label": page.label,
            "sidebar": made[page.name].sidebar is not None,
        }
        for page in site.pages
    ]
    table: dict[str, Any] = {"ids": ids.as_dict(), "pages": pages, "navbar": NAVBAR}
    for page_layout in made.values():
        table |= page_layout.for_scripts
    return table


def _sidebars(made: Mapping[str, PageLayout], first: str) -> list[html.Div]:
    return [
        html.Div(
            list(page.sidebar or ()),
            id=ids.sidebar(name),
            className="page-sidebar",
            hidden=name != first,
        )
        for name, page in made.items()
    ]


def _top_bar(site: Site) -> dmc.Group:
    return dmc.Group([_brand(), _tools(site)], h="100%", justify="space-between", wrap="nowrap")


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


def _navigation(pages: Sequence[Page]) -> html.Nav:
    return html.Nav(
        [
            dcc.Link(
                page.label,
                id=ids.nav(page.name),
                href=page.path,
                className="nav active" if page is pages[0] else "nav",
            )
            for page in pages
        ],
        className="navs",
        **aria(label="Pages"),
    )


def _tools(site: Site) -> dmc.Group:
    return dmc.Group(
        [
            _navigation(site.pages),
            backend_badge(site.services.backend.label),
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
