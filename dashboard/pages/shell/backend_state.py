"""The badge of the top bar: where fits are computed, and how that place is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html

from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import problem
from dashboard.pages.parts.explain import explained

if TYPE_CHECKING:
    from dashboard.aws.health import Health
    from dashboard.services import Services

PERIOD_MS = 10_000
"""How often an open page asks this server, which asks the endpoint at most every 30 s."""

FIRST_ANSWER_S = 2.0
"""How long the first page after the start waits for the endpoint."""


def backend_badge(label: str) -> html.Div:
    """The badge with its explanation; both change on a backend whose health is known."""
    return explained(
        dmc.Badge(
            label,
            id=ids.BACKEND_BADGE,
            variant="default",
            size="lg",
            className="backend",
            leftSection=html.Span(id=ids.BACKEND_DOT, className="dot"),
        ),
        "backend",
        "bottom",
        block=False,
        own_id=ids.BACKEND_INFO,
    )


def backend_poll() -> dcc.Interval:
    """Ticks only where there is something to ask; see `BackendState.register`."""
    return dcc.Interval(id=ids.BACKEND_POLL, interval=PERIOD_MS, disabled=True)


class BackendState:
    """Keeps the badge true on AWS; on this machine there is nothing to keep."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: Dash) -> None:
        """Connect the method to the components."""
        if self._services.health is None:
            return
        app.callback(
            output={
                "badge": Output(ids.BACKEND_BADGE, "children"),
                "dot": Output(ids.BACKEND_DOT, "className"),
                "explanation": Output(ids.BACKEND_INFO, "data-explanation"),
                "problem": Output(ids.BACKEND_PROBLEM, "children"),
                "resting": Output(ids.BACKEND_POLL, "disabled"),
            },
            inputs={"_tick": Input(ids.BACKEND_POLL, "n_intervals")},
        )(self.refresh)

    def refresh(self, _tick: int | None) -> dict[str, Any]:
        """What is known of the endpoint now."""
        assert self._services.health is not None
        health = self._services.health.latest(FIRST_ANSWER_S)
        return {"resting": False} | described(self._services.backend.label, health)


def described(label: str, health: Health | None) -> dict[str, Any]:
    """Badge, dot, explanation and the alert above the results, for one answer of the endpoint."""
    if health is None:
        return {
            "badge": f"{label} · asking",
            "dot": "dot unknown",
            "explanation": "The endpoint has not answered yet.",
            "problem": None,
        }
    if health.problem is not None:
        message = health.problem.message
        return {
            "badge": f"{label} · not well",
            "dot": "dot bad",
            "explanation": message,
            "problem": problem("The fit function on AWS cannot be used now", message),
        }
    start = f"cold, started in {health.startup_ms:,.0f} ms" if health.cold else "warm"
    checked = datetime.fromtimestamp(health.checked_at, UTC).astimezone()
    return {
        "badge": f"{label} · {'cold' if health.cold else 'warm'}",
        "dot": "dot",
        "explanation": f"The endpoint answered in {health.answer_ms:,.0f} ms ({start}). Kernel "
        f"{health.kernel}, {health.memory_mb:,} MB per function. Asked at {checked:%H:%M:%S}.",
        "problem": None,
    }
