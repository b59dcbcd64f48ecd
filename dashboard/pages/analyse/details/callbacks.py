"""Callbacks of the tabs below the panels: what the server draws for the clustering in view."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, no_update

from dashboard.analysis import JobView
from dashboard.analysis.correlations import overall_correlation, within_correlation
from dashboard.analysis.updates import cell_record
from dashboard.datasets import DatasetError
from dashboard.figures import correlation_figure, selected_figure
from dashboard.figures.plain_text import number
from dashboard.figures.selected import MAX_COLUMNS
from dashboard.figures.style import Theme, theme_of
from dashboard.pages.analyse.details.contents import clusters_table, empty_note, fit_rows
from dashboard.pages.analyse.details.task_table import task_rows, tasks_note
from dashboard.pages.parts import ids
from dashboard.pages.parts.exchange import LiveStatus, Selection, ShownJob, chosen, job_in
from dashboard.services.views import UnknownJobError, ViewRegistry

if TYPE_CHECKING:
    from dashboard.services import Services


MOST_LIVE_ROWS = 5_000
"""Rows that are sent while the job runs; more, every second, would slow the page down."""


class Tabs:
    """Each method fills one tab, and only while that tab is open."""

    def __init__(self, services: Services, views: ViewRegistry) -> None:
        self._services = services
        self._views = views

    def register(self, app: Dash) -> None:
        """Connect the methods to the components."""
        shared = {
            "tab": Input(ids.TABS, "value"),
            "status": Input(ids.LIVE_STATUS, "data"),
            "job": State(ids.LIVE_JOB, "data"),
        }
        themed = shared | {"scheme": Input(ids.SCHEME, "data")}
        app.callback(
            output={
                "figure": Output(ids.SELECTED_GRAPH, "figure"),
                "title": Output(ids.SELECTED_TITLE, "children"),
                "table": Output(ids.CLUSTERS_TABLE, "children"),
                "drawn": Output(ids.DRAWN, "data"),
                "row": Output(ids.SELECTED_ROW, "className"),
            },
            inputs=themed
            | {"selection": Input(ids.SELECTION, "data"), "drawn": State(ids.DRAWN, "data")},
            prevent_initial_call=True,
        )(self.selected)
        app.callback(
            output={
                "rows": Output(ids.FITS_GRID, "rowData"),
                "note": Output(ids.FITS_NOTE, "children"),
            },
            inputs=shared,
            prevent_initial_call=True,
        )(self.fits)
        app.callback(
            output={
                "rows": Output(ids.TASKS_GRID, "rowData"),
                "note": Output(ids.TASKS_NOTE, "children"),
            },
            inputs=shared,
            prevent_initial_call=True,
        )(self.tasks)
        app.callback(
            Output(ids.CORRELATION_GRAPH, "figure"),
            inputs=themed | {"selection": Input(ids.SELECTION, "data")},
            prevent_initial_call=True,
        )(self.correlation)

    def selected(
        self,
        tab: str,
        status: LiveStatus | None,
        job: ShownJob,
        scheme: str | None,
        selection: Selection | None,
        drawn: str | None,
    ) -> dict[str, Any]:
        """Scatter matrix and table of the selected clustering."""
        nothing = dict.fromkeys(("figure", "title", "table", "drawn", "row"), no_update)
        view = self._view(job, status)
        key = chosen(selection)
        if tab != "selected" or view is None or key is None:
            return nothing
        theme: Theme = theme_of(scheme == "dark")
        title = f"{key[0]}, K = {key[1]}"
        with view.lock:
            cell = view.cells.get(key)
            record = None if cell is None else cell_record(view, cell)
            slots = view.colours().get(key, [])
            points = view.shown
        if record is None or record["model"] is None:
            note = empty_note("No fit of this clustering yet: it appears here when it is finished.")
            return nothing | {"title": title, "table": note, "drawn": None}
        new = f"{view.spec.job_id} {title} {record['model']['version']} {slots} {theme}"
        if new == drawn:
            return nothing
        name, score = "BIC", record["scores"]["bic"]["best"]
        told = f" · {name} {number(score, 1)} (higher is better)" if score is not None else ""
        if len(points.columns) > MAX_COLUMNS:
            told += f" · first {MAX_COLUMNS} of {len(points.columns)} columns drawn"
        figure = selected_figure(points, record, slots, dark=theme == "dark")
        # The heading above the graph says the same, and assistive technology can read it.
        figure.update_layout(title=None, margin_t=16)
        return {
            "figure": figure,
            "title": title + told,
            "table": clusters_table(record["model"], points.columns, points.units, slots, theme),
            "drawn": new,
            # A wide table goes below the figure instead of beside it.
            "row": "selected-row" if len(points.columns) <= 3 else "selected-row stacked",
        }

    def fits(self, tab: str, status: LiveStatus | None, job: ShownJob) -> dict[str, Any]:
        """One row per experiment."""
        view = self._view(job, status)
        if tab != "fits" or view is None:
            return {"rows": no_update, "note": no_update}
        cells = view.cells.values()
        running = status is not None and status["state"] in ("queued", "running")
        n_known = sum(cell.n for cell in cells)
        if running and n_known > MOST_LIVE_ROWS:
            return {
                "rows": no_update,
                "note": f"{n_known:,} experiments so far; the table is filled when the job ends.",
            }
        rows = fit_rows(cells)
        asked = len(view.spec.covariance_types) * len(view.spec.k_values) * view.spec.n_experiments
        return {
            "rows": rows,
            "note": f"{len(rows):,} of {asked:,} experiments, each the best of "
            f"{view.spec.n_restarts} restarts. All scores: higher is better.",
        }

    def tasks(self, tab: str, status: LiveStatus | None, job: ShownJob) -> dict[str, Any]:
        """One row per task that has ended."""
        view = self._view(job, status)
        if tab != "tasks" or view is None:
            return {"rows": no_update, "note": no_update}
        record = self._services.store.job(view.spec.job_id)
        if record is None:
            return {"rows": no_update, "note": no_update}
        runs = view.task_runs()
        if not record.finished and len(runs) > MOST_LIVE_ROWS:
            note = f"{len(runs):,} tasks so far; the table is filled when the job ends."
            return {"rows": no_update, "note": note}
        rows = task_rows(runs, record, time.time(), billed=self._services.costs_money)
        return {"rows": rows, "note": tasks_note(rows, record.n_tasks)}

    def correlation(
        self,
        tab: str,
        status: LiveStatus | None,
        job: ShownJob,
        scheme: str | None,
        selection: Selection | None,
    ) -> Any:
        """Heatmaps of the chosen columns: over all rows, and within the selected clusters."""
        view = self._view(job, status)
        key = chosen(selection)
        if tab != "correlation" or view is None or key is None:
            return no_update
        with view.lock:
            cell = view.cells.get(key)
            model = None if cell is None else cell_record(view, cell)["model"]
            points = view.shown
        if model is None:
            return no_update
        return correlation_figure(
            points.columns,
            overall_correlation(points),
            within_correlation(points, model),
            within_title=f"within the clusters of {key[0]}, K = {key[1]}",
            dark=scheme == "dark",
        )

    def _view(self, shown: ShownJob, status: LiveStatus | None) -> JobView | None:
        job = job_in(shown)
        if job is None or status is None or status["job_id"] != job["job_id"]:
            return None
        try:
            return self._views.view(job["job_id"])
        except (UnknownJobError, DatasetError):  # deleted elsewhere; live.js says so
            return None
