"""What browser and server hand each other through the stores of the site, each shape once.

The ids of the stores are in `ids`. What the page polls beside them, the updates of a job, is in
`dashboard.analysis.records`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from dashboard.datasets import Dataset
    from dashboard.stores.base import JobRecord


class LiveJob(TypedDict):
    """The job in view, in `ids.LIVE_JOB`: what live.js needs to follow it.

    `opened_at` (Unix time) changes each time the job is opened, started or continued, which is when
    following it has to start again. `units` belong to `columns`; `n_rows` is that of the table.
    """

    job_id: str
    state: str
    columns: list[str]
    units: list[str]
    k_min: int
    k_max: int
    covariance_types: list[str]
    n_experiments: int
    n_rows: int
    dataset: str
    dataset_id: str
    opened_at: float


class NoJob(TypedDict):
    """The same store when there is nothing to follow: an unknown job, or a deleted one."""

    job_id: None


ShownJob = LiveJob | NoJob | None
"""The store's content, None before the address was read."""


class LiveStatus(TypedDict):
    """How far live.js is, in `ids.LIVE_STATUS`: the tabs ask the server when it changes.

    `cursor` counts what was received; `model_version` is that of the selected clustering.
    """

    job_id: str
    state: str
    cursor: int
    model_version: int | None


class Selection(TypedDict):
    """The clustering in view, in `ids.SELECTION`.

    `follow` is true until a person chooses one: then it is the recommended clustering, also when
    that changes. `type` and `k` are None while nothing is known.
    """

    type: str | None
    k: int | None
    follow: bool


class SidebarSettings(TypedDict):
    """The sidebar, in `ids.SETTINGS`: written by controls.js after 300 ms of rest, or on Run.

    `spec` is read by `JobSpec.from_dict`, which says what is wrong with it. `run`: Run was pressed;
    `live`: start by itself; `cap_usd`: the spending cap as it was typed; `first`: the page has just
    been opened, and nobody has touched anything yet.
    """

    spec: dict[str, Any]
    run: bool
    live: bool
    cap_usd: float | str | None
    first: bool


class UploadedTable(TypedDict):
    """The table that was just uploaded, in `ids.UPLOADED`; `at` makes a second upload a change."""

    dataset_id: str
    name: str
    n_rows: int
    columns: list[str]
    default_columns: list[str]
    notes: list[str]
    at: float


NO_JOB: NoJob = {"job_id": None}
FOLLOW: Selection = {"type": None, "k": None, "follow": True}


def live_job(record: JobRecord, dataset: Dataset) -> LiveJob:
    """The job of `record`, opened now."""
    spec = record.analysis
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
        "dataset_id": spec.dataset_id,
        "opened_at": time.time(),
    }


def job_in(shown: ShownJob) -> LiveJob | None:
    """The job in view, None when there is none."""
    return None if shown is None or shown["job_id"] is None else shown


def opened_again(job: LiveJob, state: str | None = None) -> LiveJob:
    """The same job, to be followed from now on; in another state if one is given."""
    return {**job, "opened_at": time.time(), "state": state or job["state"]}


def chosen(selection: Selection | None) -> tuple[str, int] | None:
    """(covariance type, K) of the clustering in view, None while there is none."""
    if selection is None or not selection["type"] or not selection["k"]:
        return None
    return selection["type"], int(selection["k"])
