"""The Dash application: the page's layout, its callbacks and the plain routes beside them."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import set_props
from dash.exceptions import DependencyException, InvalidResourceError
from flask_compress import Compress

from compute_lambda.contract.errors import ReportedError
from dashboard.figures.style import style_json
from dashboard.http.guard import protect
from dashboard.http.problems import answer_errors, new_id
from dashboard.http.routes import api
from dashboard.pages import clientside
from dashboard.pages.analyse import controls
from dashboard.pages.analyse.dataset_removal import DatasetRemoval
from dashboard.pages.analyse.empty_figures import empty_figures
from dashboard.pages.analyse.layout import analyse
from dashboard.pages.analyse.money import CapRaise
from dashboard.pages.analyse.opening import Opening
from dashboard.pages.analyse.sidebar import sidebar
from dashboard.pages.analyse.tabs import Tabs
from dashboard.pages.analyse.uploads import Uploads
from dashboard.pages.application import Application
from dashboard.pages.backend_state import BackendState
from dashboard.pages.jobs.callbacks import JobsPage
from dashboard.pages.layout import page_layout
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import notification
from dashboard.planning.default_job import default_spec
from dashboard.services.views import ViewRegistry

if TYPE_CHECKING:
    from dashboard.services import Services

_log = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parents[2] / "assets"
COMPRESSED_TYPES = [
    "text/html",
    "text/css",
    "application/javascript",
    "text/javascript",
    "application/json",
    "image/svg+xml",
]


def create_app(services: Services) -> Application:
    """The page over `services`; `app.server` is the WSGI application."""
    # The scheme is known before the first paint, so that a dark page does not flash white.
    dmc.pre_render_color_scheme()
    app = Application(
        __name__,
        title="Centaurus",
        update_title="",
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "description", "content": "How many groups are in my data?"},
        ],
        assets_folder=str(ASSETS),
        serve_locally=True,
        on_error=_report,
    )
    app.server.config["COMPRESS_MIMETYPES"] = COMPRESSED_TYPES
    protect(app.server, services.settings.host)
    answer_errors(app.server, missing=(DependencyException, InvalidResourceError))
    Compress(app.server)
    views = ViewRegistry(services.store, services.catalogue)
    app.layout = partial(_layout, services)
    clientside.register(app)
    Opening(services).register(app)
    Uploads(services).register(app)
    DatasetRemoval(services).register(app)
    Tabs(services, views).register(app)
    JobsPage(services).register(app)
    CapRaise(services).register(app)
    BackendState(services).register(app)
    app.server.register_blueprint(api(services, views))
    # Dash builds its callback table at the first request and answers wrongly until it is there.
    app.server.test_client().get("/_dash-dependencies")
    return app


def _layout(services: Services) -> dmc.MantineProvider:
    catalogue = services.catalogue
    spec = default_spec(catalogue)
    dataset = catalogue.get(spec.dataset_id)
    values = controls.spec_values(spec) | {
        ids.DATASET + ".data": controls.dataset_choices(catalogue.datasets()),
        ids.DATASET_DESCRIPTION: dataset.description,
        ids.ROWS_LINE: controls.rows_line(dataset.n_rows, dataset.n_rows),
        ids.COLUMNS + ".data": controls.column_choices(dataset),
        ids.COLUMNS_NOTE: controls.columns_note(dataset, spec.columns),
    }
    return page_layout(
        sidebar(values, services.settings.max_upload_mb, services.spending_cap_usd),
        analyse(**empty_figures()),
        style_json() | {"ids": ids.as_dict()},
        dataset.dataset_id,
        services.backend.label,
    )


def _report(error: Exception) -> Any:
    """A callback failed: the log gets the trace, the page a sentence with the same id.

    What is wrong with AWS or the store is said in its own words: a person can put it right.
    """
    if isinstance(error, ReportedError):
        _log.warning("Callback failed: %s", error)
        said = notification("This cannot be done now", str(error))
        set_props(ids.NOTIFICATIONS, {"sendNotifications": [said]})
        return
    error_id = new_id()
    _log.error("Callback failed (%s)", error_id, exc_info=error)
    set_props(
        ids.NOTIFICATIONS,
        {
            "sendNotifications": [
                notification(
                    "Something went wrong on the server",
                    f"This step could not be finished; the server's log knows more ({error_id}).",
                )
            ]
        },
    )
