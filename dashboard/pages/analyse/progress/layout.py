"""The progress card with its Export menu."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.pages.parts import ids
from dashboard.pages.parts.aria import aria
from dashboard.pages.parts.card import card
from dashboard.pages.parts.explain import explained
from dashboard.pages.parts.icons import icon


def progress_card() -> html.Section:
    """State, counts, times and costs of the job in view, and what can be done with it."""
    return card(
        dmc.Group(
            [_state(), dmc.Group([_raise(), _cancel(), _rerun(), export_menu()], gap="xs")],
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


def _state() -> dmc.Group:
    badge = dmc.Badge("starting", id=ids.PROGRESS_STATE, variant="light", color="gray", size="lg")
    return dmc.Group(
        [
            html.Span(badge, role="status"),
            dmc.Text("", id=ids.PROGRESS_FITS, fw=600, className="tabular"),
            dmc.Text("", id=ids.PROGRESS_DETAIL, c="dimmed", className="tabular"),
        ],
        gap="sm",
        className="grow",
    )


def _cancel() -> html.Div:
    return explained(_button("Cancel", ids.CANCEL), "cancel", "bottom", block=False)


def _rerun() -> html.Div:
    return explained(_button("Rerun failed", ids.RERUN), "rerun", "bottom", block=False)


def _raise() -> html.Div:
    button = dmc.Button(
        "Raise the cap and continue",
        id=ids.RAISE,
        size="sm",
        n_clicks=0,
        style={"display": "none"},
    )
    return explained(button, "raise", "bottom", block=False)


def _button(text: str, button_id: str) -> dmc.Button:
    return dmc.Button(text, id=button_id, variant="default", disabled=True, size="sm", n_clicks=0)


def export_menu() -> dmc.Popover:
    """Everything that can be taken along: pictures from the browser, files from the server."""
    button = dmc.Button(
        "Export", id=ids.EXPORT, variant="light", size="sm", rightSection=icon("chevron")
    )
    columns = html.Div(
        [html.Div([*_tables(), *_selected()]), html.Div([*_curves(), *_panels()])],
        className="export-columns",
    )
    return dmc.Popover(
        [dmc.PopoverTarget(button), dmc.PopoverDropdown(columns)],
        position="bottom-end",
        shadow="md",
        # Mounted, so that the links are right before it opens. The entries are plain elements:
        # Dash's renderer compares every dmc.MenuItem with the whole layout at each change, which
        # takes a seventh of a first visit.
        keepMounted=True,
        trapFocus=True,
        returnFocus=True,
        withinPortal=True,
    )


def _tables() -> list[Any]:
    return [
        _heading("Tables"),
        _file(ids.EXPORT_LABELS_CSV, "Rows with clusters, CSV"),
        _file(ids.EXPORT_LABELS_PARQUET, "Rows with clusters, Parquet"),
        _file(ids.EXPORT_FITS_CSV, "All fits, CSV"),
        _file(ids.EXPORT_MODELS_JSON, "Settings and models, JSON"),
    ]


def _selected() -> list[Any]:
    return _chart(
        "Selected clustering",
        ids.EXPORT_SELECTED_PNG,
        ids.EXPORT_SELECTED_SVG,
        ids.EXPORT_SELECTED_HTML,
    )


def _curves() -> list[Any]:
    return _chart("Curves", ids.EXPORT_BIC_PNG, ids.EXPORT_BIC_SVG, ids.EXPORT_BIC_HTML)


def _panels() -> list[Any]:
    return _chart(
        "Six panels", ids.EXPORT_PANELS_PNG, ids.EXPORT_PANELS_SVG, ids.EXPORT_PANELS_HTML
    )


def _chart(title: str, png: str, svg: str, html_id: str) -> list[Any]:
    return [
        _heading(title),
        html.Button("PNG picture", id=png, n_clicks=0, className="export-entry"),
        html.Button("SVG drawing", id=svg, n_clicks=0, className="export-entry"),
        _file(html_id, "Interactive HTML, self-contained"),
    ]


def _heading(text: str) -> html.Div:
    return html.Div(text, className="export-heading")


def _file(entry_id: str, text: str) -> html.A:
    return html.A(text, id=entry_id, href="#", target="_blank", className="export-entry")
