"""The main area of the Analyse page: progress, curves, recommendation, panels, tabs."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.pages.analyse.details_card import details_card
from dashboard.pages.analyse.progress_card import progress_card
from dashboard.pages.analyse.result_cards import curves_card, panels_card, recommended_card
from dashboard.pages.parts import ids


def analyse(
    bic_figure: Any, panels_figure: Any, selected_figure: Any, correlation: Any
) -> dmc.Stack:
    """The figures are the empty first states; the live engine and the callbacks fill them."""
    return dmc.Stack(
        [
            html.Div(id=ids.BACKEND_PROBLEM, role="alert"),
            html.Div(id=ids.JOB_PROBLEM, role="alert"),
            progress_card(),
            html.Div([curves_card(bic_figure), recommended_card()], className="answer-row"),
            panels_card(panels_figure),
            details_card(selected_figure, correlation),
        ],
        gap="md",
    )
