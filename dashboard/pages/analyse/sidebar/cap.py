"""What a job costs, as the page says it, and the cap beyond which it stops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import html

from dashboard.pages.parts import ids
from dashboard.pages.parts.explain import explained
from dashboard.planning.spec import SpecError

if TYPE_CHECKING:
    pass

MOST_CAP_USD = 100_000


def cap_control(cap_usd: float | None) -> html.Div:
    """The spending cap of the next job; hidden where jobs have no price (`cap_usd` None)."""
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
    """The cap as somebody typed it. Raises SpecError for anything that cannot be one."""
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
