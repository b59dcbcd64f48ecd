"""All callbacks of the Analyse page."""

from __future__ import annotations

from dash import Dash

from dashboard.pages.analyse import clientside
from dashboard.pages.analyse.address import Address
from dashboard.pages.analyse.details.callbacks import Tabs
from dashboard.pages.analyse.progress.callbacks import Progress
from dashboard.pages.analyse.sidebar.dataset_removal import DatasetRemoval
from dashboard.pages.analyse.sidebar.running import Running
from dashboard.pages.analyse.sidebar.uploads import Uploads
from dashboard.pages.parts.page import Site


def register(app: Dash, site: Site) -> None:
    """Connect the page's components, in the browser and on the server."""
    clientside.register(app)
    Address(site).register(app)
    Running(site.services).register(app)
    Progress(site.services).register(app)
    Uploads(site.services).register(app)
    DatasetRemoval(site.services).register(app)
    Tabs(site.services, site.views).register(app)
