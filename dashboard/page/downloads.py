"""Files made on the server from a job: tables, models, self-contained charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

from dashboard.page.problems import RequestError

if TYPE_CHECKING:
    from dashboard.analysis import ViewRegistry
    from dashboard.services import Services


class Downloads:
    """``GET /api/jobs/<id>/export/<name>``."""

    def __init__(self, services: Services, views: ViewRegistry) -> None:
        self._services = services
        self._views = views

    def send(self, job_id: str, name: str) -> Response:
        """The file ``name`` of a job."""
        raise RequestError(404, "unknown_export", f"Expected a known export, got “{name[:40]}”.")
