"""Which job the Analyse page shows: the one that the address names, or the default one."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from dash import Dash, Input, Output, State, no_update, set_props

from dashboard.datasets import DatasetError
from dashboard.pages.analyse.sidebar import controls
from dashboard.pages.analyse.sidebar.running import with_started
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import nothing_started, problem, unknown_job, without_dataset
from dashboard.pages.parts.exchange import FOLLOW, NO_JOB, Selection, ShownJob, job_in, live_job
from dashboard.pages.parts.page import Site
from dashboard.planning.default_job import default_spec
from dashboard.planning.spec import JobSpec, SpecError
from dashboard.stores.base import JobRecord


class Address:
    """Opens what a link, a reload or a first visit asks for."""

    def __init__(self, site: Site) -> None:
        self._site, self._services = site, site.services

    def register(self, app: Dash) -> None:
        """Connect the method to the components."""
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

    def open(
        self,
        pathname: str | None,
        search: str | None,
        shown: ShownJob,
        started: list[str] | None,
    ) -> dict[str, Any]:
        """The job that the address names, or the default job on a first visit."""
        nothing = _unchanged()
        if self._site.page_at(pathname).name != "analyse":
            return nothing
        query = parse_qs((search or "").lstrip("?"))
        wanted = query.get("job", [""])[0]
        in_view = job_in(shown)
        if not wanted:
            return self._open_default(started) if in_view is None else nothing
        if in_view is not None and in_view["job_id"] == wanted:
            return nothing
        record = self._services.store.job(wanted)
        if record is None:
            return _no_job(unknown_job(wanted))
        try:
            return self._opened(record, _asked_selection(query, record.analysis))
        except DatasetError:
            return _no_job(without_dataset(record.dataset_name))

    def _open_default(self, started: list[str] | None) -> dict[str, Any]:
        try:
            spec = default_spec(self._services.catalogue)
            if self._services.costs_money:
                known = self._services.store.job(spec.job_id)
                return _no_job(nothing_started()) if known is None else self._opened(known, FOLLOW)
            record = self._services.jobs.submit(spec)
            return self._opened(record, FOLLOW) | {"started": with_started(started, record.job_id)}
        except (DatasetError, SpecError) as error:
            return _no_job(problem("Cannot start the first analysis", error.message))

    def _opened(self, record: JobRecord, selection: Selection) -> dict[str, Any]:
        catalogue = self._services.catalogue
        dataset = catalogue.get(record.spec.dataset_id)
        values = controls.spec_values(record.analysis) | controls.slider_ends(record.analysis)
        values |= {
            ids.SHOWN_DATASET: record.spec.dataset_id,
            ids.DATASET + ".data": controls.dataset_choices(catalogue.datasets()),
            ids.DATASET_DESCRIPTION: dataset.description,
            ids.COLUMNS + ".data": controls.column_choices(dataset),
            ids.COLUMNS_NOTE: controls.columns_note(dataset, record.analysis.columns),
        }
        return {
            "job": live_job(record, dataset),
            "selection": selection,
            "problem": None,
            "started": no_update,
            "controls": values,
        }


def _asked_selection(query: dict[str, list[str]], spec: JobSpec) -> Selection:
    chosen, k = query.get("type", [""])[0], query.get("k", [""])[0]
    known = chosen in spec.covariance_types and k.isdecimal() and len(k) < 6
    if known and spec.k_min <= int(k) <= spec.k_max:
        return {"type": chosen, "k": int(k), "follow": False}
    return FOLLOW


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
