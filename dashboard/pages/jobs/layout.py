"""The frame of the Jobs page; its callbacks fill the table."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.pages.jobs import ids
from dashboard.pages.parts.card import card
from dashboard.pages.parts.page import PageLayout, Site


def layout(_site: Site) -> PageLayout:
    """The table's frame, its polling interval and the question before a deletion."""
    main = html.Div(
        [
            card(
                dmc.Group(
                    [
                        dmc.Title("Jobs", order=1, className="card-title"),
                        dmc.Text("", id=ids.NOTE, size="sm", c="dimmed"),
                    ],
                    gap="md",
                    mb="sm",
                ),
                html.Div(dmc.Skeleton(h=200), id=ids.TABLE),
                label="Jobs",
            ),
            dcc.Interval(id=ids.POLL, interval=1000, disabled=True),
            dcc.Store(id=ids.ASKED),
            dcc.Store(id=ids.SHAPE),
            _confirm(),
        ]
    )
    return PageLayout(main)


def _confirm() -> dmc.Modal:
    return dmc.Modal(
        [
            dmc.Text("", id=ids.CONFIRM_TEXT, mb="md"),
            dmc.Group(
                [
                    dmc.Button("Keep it", id=ids.CONFIRM_NO, variant="default", n_clicks=0),
                    dmc.Button("Delete", id=ids.CONFIRM_YES, color="red", n_clicks=0),
                ],
                justify="flex-end",
            ),
        ],
        id=ids.CONFIRM,
        title="Delete this job?",
        opened=False,
        centered=True,
    )
