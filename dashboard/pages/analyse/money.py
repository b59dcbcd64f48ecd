"""What a job costs, as the page says it, and the cap beyond which it stops."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html, no_update

from dashboard.datasets import DatasetError
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import problem, unknown_job
from dashboard.pages.parts.explain import explained
from dashboard.planning.spec import SpecError
from dashboard.planning.spending import raised_cap

if TYPE_CHECKING:
    from dashboard.services import Services

MOST_CAP_USD = 100_000


def cap_control(cap_usd: float | None) -> html.Div:
    """The spending cap of the next job; hidden where jobs have no price (``cap_usd`` None)."""
    control = explained(
        dmc.NumberInput(
            id=ids.SPENDING_CAP,
            label="Spending cap (US dollars)",
            value="" if cap_usd is None else cap_usd,
            prefix="$",
            min=0,
            max=MOST_CAP_USD,
            step=0.5,
            decimalScale=4,
            size="sm",
            clampBehavior="blur",
        ),
        "spending_cap",
    )
    return html.Div(control, style={"display": "none"} if cap_usd is None else {})


def chosen_cap(value: Any) -> float:
    """The cap as somebody typed it. Raises SpecError when it is none."""
    try:
        cap_usd = float(value)
    except (TypeError, ValueError):
        cap_usd = math.nan
    if not 0 < cap_usd <= MOST_CAP_USD:
        raise SpecError(
            "bad_cap",
            f"Expected a spending cap of more than $0 and at most ${MOST_CAP_USD:,}, got "
            f"“{value if value not in (None, '') else 'nothing'}”. Type one beside Effort.",
        )
    return cap_usd


class CapRaise:
    """The button of a job that stopped at its cap: a higher cap, and on with what is missing."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: Dash) -> None:
        """Connect the method to the components."""
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

    def raise_cap(self, _clicks: int, shown: dict[str, Any] | None) -> dict[str, Any]:
        """Continue the job in view with twice its cap, which the sidebar then shows as well."""
        answer: dict[str, Any] = dict.fromkeys(("job", "problem", "cap"), no_update)
        job_id = (shown or {}).get("job_id")
        if not shown or not job_id:
            return answer
        record = self._services.store.job(job_id)
        if record is None:
            return answer | {"problem": unknown_job(job_id)}
        cap_usd = raised_cap(record.spending_cap_usd, record.usage.usd)
        try:
            record = self._services.jobs.submit(record.spec, spending_cap_usd=cap_usd)
        except (DatasetError, SpecError) as error:
            return answer | {"problem": problem("Cannot continue this job", error.message)}
        return {
            "job": shown | {"opened_at": time.time(), "state": record.state},
            "problem": None,
            "cap": cap_usd,
        }
