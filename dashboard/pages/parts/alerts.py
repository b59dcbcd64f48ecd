"""Sentences above the results that say what is wrong and what to do."""

from __future__ import annotations

import time
from typing import Any

import dash_mantine_components as dmc
from dash import dcc


def problem(title: str | None, message: str) -> dmc.Alert:
    """A sentence that says what is wrong and what to do."""
    return dmc.Alert(message, title=title, color="red", variant="light", p="sm")


def nothing_started() -> dmc.Alert:
    """A first visit where fits cost money: nothing is wrong, and nothing runs."""
    return dmc.Alert(
        "Fits on AWS cost money, so nothing starts by itself. Choose the settings and press Run; "
        "the line above the button says what that will cost.",
        title="Nothing has been computed yet",
        color="blue",
        variant="light",
    )


def unknown_job(job_id: str) -> dmc.Alert:
    """The job of a link is not in this installation."""
    return dmc.Alert(
        [
            f"Expected the address to name a job of this installation, but there is none called "
            f"“{job_id[:64]}”. It may have been deleted. ",
            dcc.Link("See all jobs", href="/jobs"),
            " or ",
            dcc.Link("start the first analysis", href="/", refresh=True),
            ".",
        ],
        title="This job does not exist",
        color="red",
        variant="light",
    )


def without_dataset(name: str) -> dmc.Alert:
    """The job is there, its table is not."""
    return dmc.Alert(
        [
            f"The dataset of this job, “{name}”, was deleted from this installation. Upload the "
            "same table again and the job can be opened as before, or choose another dataset. ",
            dcc.Link("See all jobs", href="/jobs"),
            ".",
        ],
        title="Cannot show this job",
        color="red",
        variant="light",
    )


def notification(title: str, message: str, colour: str = "red") -> dict[str, Any]:
    """For `NotificationContainer.sendNotifications`."""
    return {
        "action": "show",
        "id": f"note-{time.time_ns()}",
        "title": title,
        "message": message,
        "color": colour,
        "autoClose": 8000,
    }
