"""The Analyse page: the sidebar, then progress, curves, recommendation, panels and tabs."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.datasets import Dataset, DatasetCatalogue
from dashboard.pages.analyse.clientside import EFFECTS, EXPORTS
from dashboard.pages.analyse.details.layout import details_card
from dashboard.pages.analyse.progress.layout import progress_card
from dashboard.pages.analyse.results.empty_figures import blank, no_curves
from dashboard.pages.analyse.results.layout import curves_card, panels_card, recommended_card
from dashboard.pages.analyse.sidebar import controls
from dashboard.pages.analyse.sidebar.dataset_removal import removal_dialog
from dashboard.pages.analyse.sidebar.layout import sidebar
from dashboard.pages.analyse.sidebar.uploads import preview_dialog
from dashboard.pages.parts import ids
from dashboard.pages.parts.clientside import sinks
from dashboard.pages.parts.page import PageLayout, Site
from dashboard.planning.default_job import default_spec
from dashboard.planning.spec import JobSpec

STORES = (
    ids.LIVE_JOB,
    ids.LIVE_STATUS,
    ids.SELECTION,
    ids.SETTINGS,
    ids.DRAWN,
    ids.UPLOADED,
    ids.PREVIEWED,
    ids.REMOVAL_ASKED,
)


def layout(site: Site) -> PageLayout:
    """The page with the default settings; the live engine and the callbacks fill the rest."""
    services = site.services
    spec = default_spec(services.catalogue)
    dataset = services.catalogue.get(spec.dataset_id)
    return PageLayout(
        main=_main(),
        sidebar=sidebar(
            _first_values(spec, dataset, services.catalogue),
            services.settings.max_upload_mb,
            services.spending_cap_usd,
        ),
        beside=[
            dcc.Store(id=ids.SHOWN_DATASET, data=dataset.dataset_id),
            dcc.Store(id=ids.STARTED, storage_type="session"),
            *(dcc.Store(id=store_id) for store_id in STORES),
            *sinks(EFFECTS),
            preview_dialog(),
            removal_dialog(),
        ],
        for_scripts={
            "defaults": controls.defaults_when_empty(spec),
            "exports": list(EXPORTS.values()),
            "uploads_group": controls.UPLOADS,
        },
    )


def _first_values(spec: JobSpec, dataset: Dataset, catalogue: DatasetCatalogue) -> dict[str, Any]:
    return controls.spec_values(spec) | {
        ids.DATASET + ".data": controls.dataset_choices(catalogue.datasets()),
        ids.DATASET_DESCRIPTION: dataset.description,
        ids.ROWS_LINE: controls.rows_line(dataset.n_rows, dataset.n_rows),
        ids.COLUMNS + ".data": controls.column_choices(dataset),
        ids.COLUMNS_NOTE: controls.columns_note(dataset, spec.columns),
    }


def _main() -> dmc.Stack:
    return dmc.Stack(
        [
            html.Div(id=ids.BACKEND_PROBLEM, role="alert"),
            html.Div(id=ids.JOB_PROBLEM, role="alert"),
            progress_card(),
            html.Div([curves_card(no_curves()), recommended_card()], className="answer-row"),
            panels_card(blank()),
            details_card(blank(), blank()),
        ],
        gap="md",
    )
