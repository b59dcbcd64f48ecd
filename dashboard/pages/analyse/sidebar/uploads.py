"""Callbacks around a new table: its preview, then the choice to analyse it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, html, no_update

from dashboard.datasets import Dataset, DatasetError, Preview
from dashboard.pages.analyse.sidebar import controls
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import problem
from dashboard.pages.parts.exchange import UploadedTable

if TYPE_CHECKING:
    from dashboard.services import Services

PREVIEW_ROWS = 8
MOST_PREVIEW_COLUMNS = 40


def preview_dialog() -> dmc.Modal:
    """The first rows of a table, with the button that analyses it."""
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


class Uploads:
    """The callbacks; the upload itself is a plain route, see `routes.py`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: Dash) -> None:
        """Connect the methods to the components."""
        app.callback(
            output={
                "opened": Output(ids.PREVIEW, "opened"),
                "body": Output(ids.PREVIEW_BODY, "children"),
                "previewed": Output(ids.PREVIEWED, "data"),
                "use_style": Output(ids.PREVIEW_USE, "style"),
                "choices": Output(ids.DATASET, "data", allow_duplicate=True),
                "message": Output(ids.DROP_MESSAGE, "children"),
            },
            inputs={
                "uploaded": Input(ids.UPLOADED, "data"),
                "_clicks": Input(ids.PREVIEW_OPEN, "n_clicks"),
                "dataset_id": State(ids.DATASET, "value"),
            },
            prevent_initial_call=True,
        )(self.preview)
        app.callback(
            Output(ids.PREVIEW, "opened", allow_duplicate=True),
            Output(ids.DATASET, "value", allow_duplicate=True),
            Input(ids.PREVIEW_USE, "n_clicks"),
            Input(ids.PREVIEW_CLOSE, "n_clicks"),
            State(ids.PREVIEWED, "data"),
            prevent_initial_call=True,
        )(self.close)

    def preview(
        self, uploaded: UploadedTable | None, _clicks: int, dataset_id: str
    ) -> dict[str, Any]:
        """The first rows of the new table, or of the one in use."""
        fresh = ctx.triggered_id == ids.UPLOADED
        if fresh and uploaded:
            dataset_id = uploaded["dataset_id"]
        catalogue = self._services.catalogue
        try:
            dataset = catalogue.get(dataset_id)
            body = preview_body(dataset, catalogue.preview(dataset_id, PREVIEW_ROWS))
        except DatasetError as error:
            body = [problem(None, error.message)]
            fresh = False
        return {
            "opened": True,
            "body": body,
            "previewed": dataset_id,
            "use_style": {} if fresh else {"display": "none"},
            "choices": controls.dataset_choices(catalogue.datasets()) if fresh else no_update,
            "message": None,
        }

    def close(self, _use: int, _close: int, previewed: str | None) -> tuple[bool, Any]:
        """Close the preview; the dataset changes when that was asked for."""
        use = ctx.triggered_id == ids.PREVIEW_USE and previewed
        return False, previewed if use else no_update


def preview_body(dataset: Dataset, preview: Preview) -> list[Any]:
    """Name, size, how the file was read, the first rows, and every column that is left out."""
    numeric = f"{len(dataset.columns):,} numeric column{'' if len(dataset.columns) == 1 else 's'}"
    others = f", {len(dataset.other_columns):,} other" if dataset.other_columns else ""
    left_out = controls.columns_note(dataset, dataset.default_columns)
    chosen = ", ".join(dataset.default_columns)
    return [
        dmc.Text(dataset.name, fw=600, size="lg", className="wrap"),
        dmc.Text(f"{dataset.n_rows:,} rows, {numeric}{others}", c="dimmed", size="sm", mb="xs"),
        *(dmc.Text(note, size="sm", className="wrap") for note in dataset.notes),
        preview_table(preview),
        dmc.Text(
            ["Columns to cluster: ", html.B(chosen or "none selected")],
            size="sm",
            mt="sm",
            className="wrap",
        ),
        html.Div(left_out, className="columns-note", style={"marginTop": "6px"}),
    ]


def preview_table(preview: Preview) -> dmc.TableScrollContainer:
    """The rows as text; React escapes every cell, so that nothing in a file becomes HTML."""
    shown = preview.headers[:MOST_PREVIEW_COLUMNS]
    more = len(preview.headers) - len(shown)
    head = [dmc.TableTh(name, className="preview-cell") for name in shown]
    if more:
        head.append(dmc.TableTh(f"and {more:,} more"))
    body = [
        dmc.TableTr(
            [dmc.TableTd(value, className="preview-cell") for value in row[:MOST_PREVIEW_COLUMNS]]
        )
        for row in preview.rows
    ]
    return dmc.TableScrollContainer(
        dmc.Table(
            [dmc.TableThead(dmc.TableTr(head)), dmc.TableTbody(body)],
            withTableBorder=True,
            striped="odd",
            tabularNums=True,
            fz="sm",
            mt="sm",
        ),
        minWidth=300,
    )
