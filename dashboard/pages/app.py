"""The Dash application: every page of the table, and the plain routes beside them."""

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
from dashboard.pages.application import Application
from dashboard.pages.parts import ids
from dashboard.pages.parts.alerts import notification
from dashboard.pages.parts.page import Site
from dashboard.pages.shell.callbacks import register as register_shell
from dashboard.pages.shell.layout import shell
from dashboard.pages.table import PAGES
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
    """The pages over `services`; `app.server` is the WSGI application."""
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
    site = Site(services, views, PAGES)
    app.layout = partial(shell, site, style_json())
    register_shell(app, site)
    for page in site.pages:
        page.module.register(app, site)
    app.server.register_blueprint(api(services, views))
    # Dash builds its callback table at the first request and answers wrongly until it is there.
    app.server.test_client().get("/_dash-dependencies")
    return app


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
