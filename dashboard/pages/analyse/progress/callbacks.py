"""Callbacks of the progress card: cancel the job in view, or go on with what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, no_update

from dashboard.datasets import DatasetError
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import problem, unknown_job
from dashboard.pages.parts.exchange import NO_JOB, ShownJob, job_in, opened_again
from dashboard.planning.spec import SpecError
from dashboard.planning.spending import raised_cap

if TYPE_CHECKING:
    from dashboard.services import Services


class Progress:
    """The buttons Cancel, Rerun failed, and Raise the cap and continue."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: Dash) -> None:
        """Connect the methods to the components."""
        app.callback(
            Output(ids.LIVE_JOB, "data", allow_duplicate=True),
            Input(ids.CANCEL, "n_clicks"),
            State(ids.LIVE_JOB, "data"),
            prevent_initial_call=True,
        )(self.cancel)
        app.callback(
            Output(ids.LIVE_JOB, "data", allow_duplicate=True),
            Output(ids.JOB_PROBLEM, "children", allow_duplicate=True),
            Input(ids.RERUN, "n_clicks"),
            State(ids.LIVE_JOB, "data"),
            prevent_initial_call=True,
        )(self.rerun)
        app.callback(
            output={
                "job": Output(ids.LIVE_JOB, "data", allow_duplicate=True),
                "problem": Output(ids.JOB_PROBLEM, "children", allow_duplicate=True),
                "cap": Output(ids.SPENDING_CAP, "value"),
            },
            inputs={
                "_clicks": Input(ids.RAISE, "n_clicks"),
                "shown": State(ids.LIVE_JOB, "data"),
            },
            prevent_initial_call=True,
        )(self.raise_cap)

    def cancel(self, _clicks: int, shown: ShownJob) -> Any:
        """Stop the job in view; polling shows the rest."""
        job = job_in(shown)
        if job is not None:
            self._services.jobs.cancel(job["job_id"])
        return no_update

    def rerun(self, _clicks: int, shown: ShownJob) -> tuple[Any, Any]:
        """Run the failed tasks of the job in view once more."""
        job = job_in(shown)
        if job is None:
            return no_update, no_update
        try:
            record = self._services.jobs.rerun_failed(job["job_id"])
        except (DatasetError, SpecError) as error:
            return no_update, problem("Cannot rerun the failed tasks", error.message)
        if record is None:
            return NO_JOB, unknown_job(job["job_id"])
        return opened_again(job, record.state), None

    def raise_cap(self, _clicks: int, shown: ShownJob) -> dict[str, Any]:
        """Continue the job in view with twice its cap, which the sidebar then shows as well."""
        answer: dict[str, Any] = dict.fromkeys(("job", "problem", "cap"), no_update)
        job = job_in(shown)
        if job is None:
            return answer
        record = self._services.store.job(job["job_id"])
        if record is None:
            return answer | {"problem": unknown_job(job["job_id"])}
        cap_usd = raised_cap(record.spending_cap_usd, record.spent.usd)
        try:
            record = self._services.jobs.submit(record.spec, spending_cap_usd=cap_usd)
        except (DatasetError, SpecError) as error:
            return answer | {"problem": problem("Cannot continue this job", error.message)}
        return {"job": opened_again(job, record.state), "problem": None, "cap": cap_usd}
