"""Callbacks that decide which job the page shows: the address, the sidebar, Cancel and Rerun."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from dash import Dash, Input, Output, State, no_update, set_props

from dashboard.datasets import Dataset, DatasetError
from dashboard.pages.analyse import controls
from dashboard.pages.analyse.money import chosen_cap
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import nothing_started, problem, unknown_job, without_dataset
from dashboard.pages.parts.exchange import FOLLOW, NO_JOB
from dashboard.planning.default_job import default_spec
from dashboard.planning.spec import JobSpec, SpecError
from dashboard.stores.base import JobRecord

if TYPE_CHECKING:
    from dashboard.services import Services

_log = logging.getLogger(__name__)

MOST_STARTED = 20


class Opening:
    """The callbacks; thin methods over the job service and the catalogue."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: Dash) -> None:
        """Connect the methods to the components."""
        app.callback(
            output={
                "job": Output(ids.LIVE_JOB, "data"),
                "selection": Output(ids.SELECTION, "data"),
                "problem": Output(ids.JOB_PROBLEM, "children"),
                "started": Output(ids.STARTED, "data"),
                "controls": _control_outputs(),
            },
            inputs={
                "pathname": Input(ids.URL, "pathname"),
                "search": Input(ids.URL, "search"),
                "shown": State(ids.LIVE_JOB, "data"),
                "started": State(ids.STARTED, "data"),
            },
        )(self.open)
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
        self._register_choices(app)

    def _register_choices(self, app: Dash) -> None:
        app.callback(
            output=_dataset_outputs(),
            inputs={
                "dataset_id": Input(ids.DATASET, "value"),
                "shown_dataset": State(ids.SHOWN_DATASET, "data"),
                "k_range": State(ids.K_RANGE, "value"),
            },
            prevent_initial_call=True,
        )(self.choose_dataset)
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

    # -- the address --------------------------------------------------------------------------

    def open(
        self,
        pathname: str | None,
        search: str | None,
        shown: dict[str, Any] | None,
        started: list[str] | None,
    ) -> dict[str, Any]:
        """The job that the address names, or the default job on a first visit."""
        nothing = _unchanged()
        if (pathname or "/").rstrip("/").endswith("/jobs"):
            return nothing
        query = parse_qs((search or "").lstrip("?"))
        wanted = query.get("job", [""])[0]
        if not wanted:
            return nothing if shown and shown.get("job_id") else self._open_default(started)
        if shown and shown.get("job_id") == wanted:
            return nothing
        record = self._services.store.job(wanted)
        if record is None:
            return _no_job(unknown_job(wanted))
        try:
            return self._opened(record, _asked_selection(query, record.spec))
        except DatasetError:
            return _no_job(without_dataset(record.dataset_name))

    def _open_default(self, started: list[str] | None) -> dict[str, Any]:
        try:
            spec = default_spec(self._services.catalogue)
            if self._services.costs_money:
                known = self._services.store.job(spec.job_id)
                return _no_job(nothing_started()) if known is None else self._opened(known, FOLLOW)
            record = self._services.jobs.submit(spec)
            return self._opened(record, FOLLOW) | {"started": _with(started, record.job_id)}
        except (DatasetError, SpecError) as error:
            return _no_job(problem("Cannot start the first analysis", error.message))

    def _opened(self, record: JobRecord, selection: dict[str, Any]) -> dict[str, Any]:
        catalogue = self._services.catalogue
        dataset = catalogue.get(record.spec.dataset_id)
        values = controls.spec_values(record.spec) | controls.slider_ends(record.spec)
        values |= {
            ids.SHOWN_DATASET: record.spec.dataset_id,
            ids.DATASET + ".data": controls.dataset_choices(catalogue.datasets()),
            ids.DATASET_DESCRIPTION: dataset.description,
            ids.COLUMNS + ".data": controls.column_choices(dataset),
            ids.COLUMNS_NOTE: controls.columns_note(dataset, record.spec.columns),
        }
        return {
            "job": job_data(record, dataset),
            "selection": selection,
            "problem": None,
            "started": no_update,
            "controls": values,
        }

    # -- the sidebar --------------------------------------------------------------------------

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
        settings: dict[str, Any] | None,
        shown: dict[str, Any] | None,
        selection: dict[str, Any] | None,
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
                cap_usd = chosen_cap(settings.get("cap_usd"))
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
                answer["started"] = self._superseded(spec.job_id, shown.get("job_id"), started)
        except (DatasetError, SpecError) as error:
            answer |= {"error": problem(None, error.message), "run_disabled": True}
            answer |= {"estimate": "Nothing to run yet"}
        return answer

    def _wanted(self, settings: dict[str, Any], spec: JobSpec, shown: dict[str, Any]) -> bool:
        if settings.get("run") or self._services.costs_money:
            return bool(settings.get("run"))
        if not shown.get("job_id") and settings.get("first"):
            # The address named a job that is not there: its sentence stays until somebody acts.
            return False
        return bool(settings.get("live")) and spec.job_id != shown.get("job_id")

    def _start(
        self,
        spec: JobSpec,
        dataset: Dataset,
        shown: dict[str, Any],
        selection: dict[str, Any] | None,
        cap_usd: float | None,
    ) -> dict[str, Any]:
        record = self._services.jobs.submit(spec, spending_cap_usd=cap_usd)
        keep = _keeps(selection, spec, shown)
        return {
            "job": job_data(record, dataset),
            "selection": no_update if keep else FOLLOW,
            "problem": None,
        }

    def _superseded(self, job_id: str, former: str | None, started: list[str] | None) -> list[str]:
        """Cancel the job that was in view, if this tab started it: nobody looks at it any more.

        What it finished is remembered for the next one. Jobs of others go on.
        """
        if former and former != job_id and former in (started or []):
            self._services.jobs.cancel(former)
        return _with(started, job_id)

    # -- the progress card --------------------------------------------------------------------

    def cancel(self, _clicks: int, shown: dict[str, Any] | None) -> Any:
        """Stop the job in view; polling shows the rest."""
        if shown and shown.get("job_id"):
            self._services.jobs.cancel(shown["job_id"])
        return no_update

    def rerun(self, _clicks: int, shown: dict[str, Any] | None) -> tuple[Any, Any]:
        """Run the failed tasks of the job in view once more."""
        if not shown or not shown.get("job_id"):
            return no_update, no_update
        try:
            record = self._services.jobs.rerun_failed(shown["job_id"])
        except (DatasetError, SpecError) as error:
            return no_update, problem("Cannot rerun the failed tasks", error.message)
        if record is None:
            return NO_JOB, unknown_job(shown["job_id"])
        return shown | {"opened_at": time.time(), "state": record.state}, None


def job_data(record: JobRecord, dataset: Dataset) -> dict[str, Any]:
    """What the browser's engine needs to follow a job; see ``ids.LIVE_JOB``."""
    spec = record.spec
    return {
        "job_id": record.job_id,
        "state": record.state,
        "columns": list(spec.columns),
        "units": [dataset.column(name).unit for name in spec.columns],
        "k_min": spec.k_min,
        "k_max": spec.k_max,
        "covariance_types": list(spec.covariance_types),
        "n_experiments": spec.n_experiments,
        "n_rows": dataset.n_rows,
        "dataset": record.dataset_name,
        "dataset_id": record.spec.dataset_id,
        "opened_at": time.time(),
    }


def _with(started: list[str] | None, job_id: str) -> list[str]:
    """The jobs that this tab has started, newest last."""
    others = [other for other in started or [] if other != job_id]
    return [*others, job_id][-MOST_STARTED:]


def _asked_selection(query: dict[str, list[str]], spec: JobSpec) -> dict[str, Any]:
    chosen, k = query.get("type", [""])[0], query.get("k", [""])[0]
    known = chosen in spec.covariance_types and k.isdecimal() and len(k) < 6
    if known and spec.k_min <= int(k) <= spec.k_max:
        return {"type": chosen, "k": int(k), "follow": False}
    return FOLLOW


def _keeps(selection: dict[str, Any] | None, spec: JobSpec, shown: dict[str, Any]) -> bool:
    """Whether a person's choice of clustering still makes sense in the new job."""
    if not selection or selection.get("follow", True) or not selection.get("k"):
        return False
    return (
        shown.get("dataset_id") == spec.dataset_id
        and selection.get("type") in spec.covariance_types
        and spec.k_min <= selection["k"] <= spec.k_max
    )


def _control_outputs() -> dict[str, Output]:
    outputs = {name: Output(name, prop) for name, prop in controls.SPEC_CONTROLS.items()}
    return outputs | {
        **{slider + ".max": Output(slider, "max") for slider in controls.SLIDERS},
        ids.SHOWN_DATASET: Output(ids.SHOWN_DATASET, "data"),
        ids.DATASET + ".data": Output(ids.DATASET, "data"),
        ids.DATASET_DESCRIPTION: Output(ids.DATASET_DESCRIPTION, "children"),
        ids.COLUMNS + ".data": Output(ids.COLUMNS, "data"),
        ids.COLUMNS_NOTE: Output(ids.COLUMNS_NOTE, "children"),
    }


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


def _no_job(sentence: Any) -> dict[str, Any]:
    """Nothing to follow: the sentence says why."""
    set_props(ids.PROGRESS_STATE, {"children": "no job"})
    set_props(ids.REC_TITLE, {"children": "Nothing yet"})
    return _unchanged() | {"job": NO_JOB, "problem": sentence}


def _unchanged() -> dict[str, Any]:
    return {
        "job": no_update,
        "selection": no_update,
        "problem": no_update,
        "started": no_update,
        "controls": dict.fromkeys(_control_outputs(), no_update),
    }
