"""From the sidebar to a job: what the settings would take, and starting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, no_update

from dashboard.datasets import Dataset, DatasetError
from dashboard.pages.analyse.sidebar import controls
from dashboard.pages.analyse.sidebar.cap import chosen_cap
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import problem
from dashboard.pages.parts.exchange import (
    FOLLOW,
    LiveJob,
    NoJob,
    Selection,
    ShownJob,
    SidebarSettings,
    chosen,
    job_in,
    live_job,
)
from dashboard.planning.spec import JobSpec, SpecError

if TYPE_CHECKING:
    from dashboard.services import Services

MOST_STARTED = 20
"""Jobs that a tab remembers to have started."""


class Running:
    """Thin callbacks over the job service and the catalogue."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: Dash) -> None:
        """Connect the methods to the components."""
        app.callback(
            output={
                "job": Output(ids.LIVE_JOB, "data", allow_duplicate=True),
                "selection": Output(ids.SELECTION, "data", allow_duplicate=True),
                "problem": Output(ids.JOB_PROBLEM, "children", allow_duplicate=True),
                "error": Output(ids.SETTINGS_ERROR, "children"),
                "estimate": Output(ids.ESTIMATE, "children"),
                "rows": Output(ids.ROWS_LINE, "children"),
                "note": Output(ids.COLUMNS_NOTE, "children", allow_duplicate=True),
                "run_disabled": Output(ids.RUN, "disabled"),
                "started": Output(ids.STARTED, "data", allow_duplicate=True),
            },
            inputs={
                "settings": Input(ids.SETTINGS, "data"),
                "shown": State(ids.LIVE_JOB, "data"),
                "selection": State(ids.SELECTION, "data"),
                "shown_dataset": State(ids.SHOWN_DATASET, "data"),
                "started": State(ids.STARTED, "data"),
            },
            prevent_initial_call=True,
        )(self.consider)
        app.callback(
            output=_dataset_outputs(),
            inputs={
                "dataset_id": Input(ids.DATASET, "value"),
                "shown_dataset": State(ids.SHOWN_DATASET, "data"),
                "k_range": State(ids.K_RANGE, "value"),
            },
            prevent_initial_call=True,
        )(self.choose_dataset)

    def choose_dataset(
        self, dataset_id: str, shown_dataset: str | None, k_range: list[int]
    ) -> dict[str, Any]:
        """Columns of the dataset that a person chose; nothing when a job was opened with it."""
        nothing: dict[str, Any] = dict.fromkeys(_dataset_outputs(), no_update)
        if not dataset_id or dataset_id == shown_dataset:
            return nothing
        try:
            dataset = self._services.catalogue.get(dataset_id)
        except DatasetError as error:  # deleted in another tab
            choices = controls.dataset_choices(self._services.catalogue.datasets())
            return nothing | {"message": problem(None, error.message), "datasets": choices}
        return nothing | {
            "shown": dataset_id,
            "description": dataset.description,
            "choices": controls.column_choices(dataset),
            "columns": list(dataset.default_columns),
            "note": controls.columns_note(dataset, dataset.default_columns),
            "k_range": controls.capped_k_range(k_range, dataset.n_rows),
            "message": None,
        }

    def consider(
        self,
        settings: SidebarSettings | None,
        shown: ShownJob,
        selection: Selection | None,
        shown_dataset: str | None,
        started: list[str] | None,
    ) -> dict[str, Any]:
        """What the settings would cost; started when Run was pressed, or by itself when live."""
        answer: dict[str, Any] = dict.fromkeys(
            ("job", "selection", "problem", "estimate", "rows", "note", "started"), no_update
        ) | {"error": None, "run_disabled": False}
        if not settings or settings["spec"]["dataset_id"] != shown_dataset:
            # The dataset has just changed, and its columns follow in a moment.
            return answer
        try:
            spec = JobSpec.from_dict(settings["spec"])
            cap_usd = None
            if self._services.costs_money:
                cap_usd = chosen_cap(settings["cap_usd"])
            quote = self._services.jobs.quote(spec)
            dataset = quote.dataset
            answer |= {
                "estimate": quote.sentence(cap_usd),
                "rows": controls.rows_line(dataset.n_rows, quote.n_rows),
                "note": controls.columns_note(dataset, spec.columns),
            }
            # Before the address was read nothing may start: it can name another job.
            if shown is not None and self._wanted(settings, spec, shown):
                answer |= self._start(spec, dataset, shown, selection, cap_usd)
                answer["started"] = self._superseded(spec.job_id, shown["job_id"], started)
        except (DatasetError, SpecError) as error:
            answer |= {"error": problem(None, error.message), "run_disabled": True}
            answer |= {"estimate": "Nothing to run yet"}
        return answer

    def _wanted(self, settings: SidebarSettings, spec: JobSpec, shown: LiveJob | NoJob) -> bool:
        if settings["run"] or self._services.costs_money:
            return settings["run"]
        if shown["job_id"] is None and settings["first"]:
            # The address named a job that is not there: its sentence stays until somebody acts.
            return False
        return settings["live"] and spec.job_id != shown["job_id"]

    def _start(
        self,
        spec: JobSpec,
        dataset: Dataset,
        shown: LiveJob | NoJob,
        selection: Selection | None,
        cap_usd: float | None,
    ) -> dict[str, Any]:
        record = self._services.jobs.submit(spec, spending_cap_usd=cap_usd)
        keep = _keeps(selection, spec, shown)
        return {
            "job": live_job(record, dataset),
            "selection": no_update if keep else FOLLOW,
            "problem": None,
        }

    def _superseded(self, job_id: str, former: str | None, started: list[str] | None) -> list[str]:
        """Cancel the job that was in view, if this tab started it: nobody looks at it any more.

        What it finished is remembered for the next one. Jobs of others go on.
        """
        if former and former != job_id and former in (started or []):
            self._services.jobs.cancel(former)
        return with_started(started, job_id)


def with_started(started: list[str] | None, job_id: str) -> list[str]:
    """The jobs that this tab has started, newest last."""
    others = [other for other in started or [] if other != job_id]
    return [*others, job_id][-MOST_STARTED:]


def _keeps(selection: Selection | None, spec: JobSpec, shown: LiveJob | NoJob) -> bool:
    """Whether a person's choice of clustering still makes sense in the new job."""
    former, choice = job_in(shown), chosen(selection)
    if selection is None or selection["follow"] or former is None or choice is None:
        return False
    covariance_type, k = choice
    return (
        former["dataset_id"] == spec.dataset_id
        and covariance_type in spec.covariance_types
        and spec.k_min <= k <= spec.k_max
    )


def _dataset_outputs() -> dict[str, Output]:
    return {
        "shown": Output(ids.SHOWN_DATASET, "data", allow_duplicate=True),
        "description": Output(ids.DATASET_DESCRIPTION, "children", allow_duplicate=True),
        "choices": Output(ids.COLUMNS, "data", allow_duplicate=True),
        "columns": Output(ids.COLUMNS, "value", allow_duplicate=True),
        "note": Output(ids.COLUMNS_NOTE, "children", allow_duplicate=True),
        "k_range": Output(ids.K_RANGE, "value", allow_duplicate=True),
        "message": Output(ids.DROP_MESSAGE, "children", allow_duplicate=True),
        "datasets": Output(ids.DATASET, "data", allow_duplicate=True),
    }
