"""What every process that serves the page does beside answering requests."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from dashboard.jobs.memo import trim_files
from dashboard.planning.default_job import default_spec

if TYPE_CHECKING:
    from dashboard.services import Services
    from dashboard.settings import Settings

_log = logging.getLogger(__name__)


def begin_work(services: Services) -> None:
    """Take over jobs that nobody runs, and prepare what a first visit shows."""
    services.jobs.start()
    _first_analysis(services)
    _trim_in_background(services.settings)


def _first_analysis(services: Services) -> None:
    """Begin what a first visit shows before anybody visits, where computing costs nothing."""
    if not services.costs_money:
        services.jobs.submit(default_spec(services.catalogue))


def _trim_in_background(settings: Settings) -> None:
    if settings.cache != "files":
        return

    def trim() -> None:
        try:
            n_removed = trim_files(settings.cache_dir, settings.cache_mb)
        except OSError as error:
            _log.warning("Old remembered fits could not be removed: %s", error)
        else:
            if n_removed:
                _log.info("Removed %d old remembered fits", n_removed)

    threading.Thread(target=trim, name="cache-trim", daemon=True).start()
