"""Callbacks of the Jobs page."""

from __future__ import annotations

import time
from typing import Any, TypedDict

from dash import ALL, Dash, Input, Output, State, ctx, no_update, set_props

from dashboard.datasets import DatasetError
from dashboard.pages.jobs import ids as own
from dashboard.pages.jobs.contents import (
    ACTIVE,
    MOST_ROWS,
    jobs_note,
    jobs_table,
    moving_cells,
    shape,
)
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import notification
from dashboard.pages.parts.exchange import NO_JOB, ShownJob, job_in, opened_again
from dashboard.pages.parts.page import Site
from dashboard.planning.spec import SpecError
from dashboard.planning.spending import raised_cap


def register(app: Dash, site: Site) -> None:
    """Connect the page's components."""
    JobsPage(site).register(app)


class Asked(TypedDict):
    """In the store `ASKED`: the job whose deletion was asked about, None when that is settled.

    `at` (Unix time) changes with everything that was done, and has the table drawn again.
    """

    job: str | None
    at: float


class JobsPage:
    """Lists, cancels, reruns and deletes jobs through the job service."""

    def __init__(self, site: Site) -> None:
        self._site, self._services = site, site.services

    def register(self, app: Dash) -> None:
        """Connect the methods to the components."""
        app.callback(
            output={
                "table": Output(own.TABLE, "children"),
                "note": Output(own.NOTE, "children"),
                "shape": Output(own.SHAPE, "data"),
                "resting": Output(own.POLL, "disabled"),
            },
            inputs={
                "pathname": Input(ids.URL, "pathname"),
                "_tick": Input(own.POLL, "n_intervals"),
                "_acted": Input(own.ASKED, "data"),
                "drawn": State(own.SHAPE, "data"),
            },
        )(self.refresh)
        app.callback(
            output={
                "asked": Output(own.ASKED, "data"),
                "confirm": Output(own.CONFIRM, "opened"),
                "question": Output(own.CONFIRM_TEXT, "children"),
                "notify": Output(ids.NOTIFICATIONS, "sendNotifications"),
                "shown": Output(ids.LIVE_JOB, "data", allow_duplicate=True),
            },
            inputs={
                "clicks": Input({"part": "job-action", "action": ALL, "job": ALL}, "n_clicks"),
                "shown": State(ids.LIVE_JOB, "data"),
            },
            prevent_initial_call=True,
        )(self.act)
        app.callback(
            output={
                "confirm": Output(own.CONFIRM, "opened", allow_duplicate=True),
                "asked": Output(own.ASKED, "data", allow_duplicate=True),
                "shown": Output(ids.LIVE_JOB, "data", allow_duplicate=True),
            },
            inputs={
                "_yes": Input(own.CONFIRM_YES, "n_clicks"),
                "_no": Input(own.CONFIRM_NO, "n_clicks"),
                "asked": State(own.ASKED, "data"),
                "shown": State(ids.LIVE_JOB, "data"),
            },
            prevent_initial_call=True,
        )(self.settle)

    def refresh(
        self, pathname: str | None, _tick: int | None, _acted: Any, drawn: list[Any] | None
    ) -> dict[str, Any]:
        """The table as it is now; it refreshes by itself while the page is open."""
        nothing = {"table": no_update, "note": no_update, "shape": no_update, "resting": True}
        if self._site.page_at(pathname).name != "jobs":
            return nothing
        records, now = self._services.store.jobs(), time.time()
        # Not resting with nothing running either: another process may start a job at any moment.
        answer = nothing | {"note": jobs_note(records), "resting": False}
        now_drawn = shape(records)
        if now_drawn != drawn:
            return answer | {"table": jobs_table(records, now), "shape": now_drawn}
        for record in records[:MOST_ROWS]:
            if record.state in ACTIVE:
                for what, text in moving_cells(record, now).items():
                    set_props(own.job_cell(what, record.job_id), {"children": text})
        return answer

    def act(self, clicks: list[int | None], shown: ShownJob) -> dict[str, Any]:
        """One button of the table was pressed; a deletion is asked about first."""
        answer: dict[str, Any] = dict.fromkeys(
            ("asked", "confirm", "question", "notify", "shown"), no_update
        )
        pressed = ctx.triggered_id
        # Dash also calls when the table is drawn anew, with nothing pressed.
        if not isinstance(pressed, dict) or not ctx.triggered[0]["value"] or not any(clicks):
            return answer
        job_id, action = pressed["job"], pressed["action"]
        record = self._services.store.job(job_id)
        if record is None:
            return answer | {"asked": _done()}
        if action == "delete":
            running = " It is still running and will be stopped." if record.state in ACTIVE else ""
            return answer | {
                "asked": Asked(job=job_id, at=time.time()),
                "confirm": True,
                "question": f"The job on {record.dataset_name} with {record.n_units:,} fits and "
                f"its results will be removed from this installation.{running} The dataset stays.",
            }
        try:
            if action == "cancel":
                self._services.jobs.cancel(job_id)
            elif action == "rerun":
                self._services.jobs.rerun_failed(job_id)
            else:
                cap_usd = record.spending_cap_usd
                if record.capped:
                    cap_usd = raised_cap(cap_usd, record.spent.usd)
                self._services.jobs.submit(record.spec, spending_cap_usd=cap_usd)
        except (DatasetError, SpecError) as error:
            answer["notify"] = [notification("This job cannot run", error.message)]
        in_view = job_in(shown)
        if in_view is not None and in_view["job_id"] == job_id:
            # The Analyse page follows this job and has to look again.
            answer["shown"] = opened_again(in_view)
        return answer | {"asked": _done()}

    def settle(self, _yes: int, _no: int, asked: Asked | None, shown: ShownJob) -> dict[str, Any]:
        """The answer to the question: delete, or keep."""
        answer = {"confirm": False, "asked": no_update, "shown": no_update}
        if ctx.triggered_id != own.CONFIRM_YES or asked is None or asked["job"] is None:
            return answer
        self._services.jobs.delete(asked["job"])
        in_view = job_in(shown)
        if in_view is not None and in_view["job_id"] == asked["job"]:
            # The Analyse page must not go on asking for a job that is gone.
            answer["shown"] = NO_JOB
        return answer | {"asked": _done()}


def _done() -> Asked:
    return {"job": None, "at": time.time()}
