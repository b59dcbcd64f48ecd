"""Everything that outlives a request, put together once from the settings."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from dashboard.backends import Backend
from dashboard.backends.local import LocalBackend
from dashboard.datasets import DatasetCatalogue
from dashboard.datasets import Limits as DatasetLimits
from dashboard.jobs.calibration import costs_of_this_machine
from dashboard.jobs.memo import Memo, file_cache, redis_cache
from dashboard.jobs.service import JobService
from dashboard.jobs.sqlite_store import SqliteJobStore
from dashboard.jobs.store import JobStore
from dashboard.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """What pages and commands work with. Call `close()` at the end."""

    settings: Settings
    catalogue: DatasetCatalogue
    store: JobStore
    memo: Memo
    backend: Backend
    jobs: JobService

    def close(self) -> None:
        """Give running jobs back to the store and stop all threads."""
        # In this order: what a run still reports while it stops must find its store open.
        with contextlib.ExitStack() as stack:
            stack.callback(self.store.close)
            stack.callback(self.backend.close)
            stack.callback(self.jobs.close)


def build_services(settings: Settings) -> Services:
    """Open the data directory of `settings`. No job runs yet; see `JobService.start`.

    The first time on a machine, its speed is measured, which takes a fraction of a second.

    Raises StoreError and OSError when the directory cannot be used.
    """
    store = SqliteJobStore(settings.store_path)
    limits = DatasetLimits(max_file_mb=settings.max_upload_mb)
    if limits.max_unpacked_mb < limits.max_file_mb:
        limits = replace(limits, max_unpacked_mb=limits.max_file_mb)
    catalogue = DatasetCatalogue(settings.datasets_dir, limits)
    if settings.cache == "files":
        cache = file_cache(settings.cache_dir)
    else:
        cache = redis_cache(settings.cache)
    memo = Memo(cache)
    costs = costs_of_this_machine(settings.data_dir)
    backend = LocalBackend(catalogue.column_store, settings.n_threads, costs=costs)
    jobs = JobService(
        store,
        backend,
        catalogue,
        memo,
        lease_s=settings.lease_s,
        heartbeat_s=settings.heartbeat_s,
    )
    return Services(settings, catalogue, store, memo, backend, jobs)
