"""Callbacks around deleting an uploaded dataset: the question first, then the deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, no_update

from dashboard.datasets import DatasetError
from dashboard.pages.analyse.sidebar import controls
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import notification

if TYPE_CHECKING:
    from dashboard.services import Services
    from dashboard.stores.base import JobRecord


def removal_dialog() -> dmc.Modal:
    """The question before a deletion."""
    return dmc.Modal(
        [
            dmc.Text("", id=ids.REMOVAL_TEXT, mb="md", className="wrap"),
            dmc.Group(
                [
                    dmc.Button("Keep it", id=ids.REMOVAL_NO, variant="default", n_clicks=0),
                    dmc.Button("Delete", id=ids.REMOVAL_YES, color="red", n_clicks=0),
                ],
                justify="flex-end",
            ),
        ],
        id=ids.REMOVAL,
        title="Delete this dataset?",
        opened=False,
        centered=True,
    )


class DatasetRemoval:
    """The button beside the dataset, shown for uploads only (`offer_removal` in controls.js)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: Dash) -> None:
        """Connect the methods to the components."""
        app.callback(
            output={
                "opened": Output(ids.REMOVAL, "opened"),
                "question": Output(ids.REMOVAL_TEXT, "children"),
                "asked": Output(ids.REMOVAL_ASKED, "data"),
            },
            inputs={
                "_clicks": Input(ids.DATASET_DELETE, "n_clicks"),
                "dataset_id": State(ids.DATASET, "value"),
            },
            prevent_initial_call=True,
        )(self.ask)
        app.callback(
            output={
                "opened": Output(ids.REMOVAL, "opened", allow_duplicate=True),
                "choices": Output(ids.DATASET, "data", allow_duplicate=True),
                "chosen": Output(ids.DATASET, "value", allow_duplicate=True),
                "notify": Output(ids.NOTIFICATIONS, "sendNotifications", allow_duplicate=True),
            },
            inputs={
                "_yes": Input(ids.REMOVAL_YES, "n_clicks"),
                "_no": Input(ids.REMOVAL_NO, "n_clicks"),
                "asked": State(ids.REMOVAL_ASKED, "data"),
            },
            prevent_initial_call=True,
        )(self.settle)

    def ask(self, _clicks: int, dataset_id: str) -> dict[str, Any]:
        """Open the question about the dataset in use."""
        try:
            dataset = self._services.catalogue.get(dataset_id)
        except DatasetError as error:
            return {"opened": True, "question": error.message, "asked": dataset_id}
        jobs = self._jobs(dataset_id)
        running = any(not job.finished for job in jobs)
        question = (
            f"“{dataset.name}” with {dataset.n_rows:,} rows will be removed from this installation."
        )
        if jobs:
            one = len(jobs) == 1
            question += (
                f" {len(jobs):,} job{'' if one else 's'} of it "
                f"{'stays' if one else 'stay'} listed, but can only be opened after the same "
                "table has been uploaded again."
            )
        if running:
            question += " What still runs will be stopped."
        return {"opened": True, "question": question, "asked": dataset_id}

    def settle(self, _yes: int, _no: int, asked: str | None) -> dict[str, Any]:
        """The answer to the question: delete and go on with the first dataset, or keep."""
        answer: dict[str, Any] = dict.fromkeys(("choices", "chosen", "notify"), no_update)
        answer["opened"] = False
        if ctx.triggered_id != ids.REMOVAL_YES or not asked:
            return answer
        catalogue = self._services.catalogue
        try:
            if catalogue.get(asked).origin == "upload":
                self._stop_jobs(asked)
            catalogue.delete(asked)
        except DatasetError as error:
            answer["notify"] = [notification("The dataset could not be deleted", error.message)]
        datasets = catalogue.datasets()
        return answer | {
            "choices": controls.dataset_choices(datasets),
            "chosen": datasets[0].dataset_id,
        }

    def _jobs(self, dataset_id: str) -> list[JobRecord]:
        jobs = self._services.store.jobs()
        return [job for job in jobs if job.spec.dataset_id == dataset_id]

    def _stop_jobs(self, dataset_id: str) -> None:
        for job in self._jobs(dataset_id):
            if not job.finished:
                self._services.jobs.cancel(job.job_id)
