"""Everything that outlives a request, put together once from the settings."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dashboard.backends import Backend
from dashboard.backends.local import LocalBackend
from dashboard.datasets import DatasetCatalogue
from dashboard.datasets import Limits as DatasetLimits
from dashboard.jobs.memo import Memo, file_cache, redis_cache
from dashboard.jobs.service import JobService
from dashboard.planning.calibration import costs_of_this_machine
from dashboard.services.scoring import Scoring
from dashboard.settings import Settings
from dashboard.stores.base import JobStore
from dashboard.stores.sqlite.store import SqliteJobStore

if TYPE_CHECKING:
    from dashboard.aws.health import HealthMonitor


@dataclass(frozen=True, slots=True)
class Services:
    """What pages and commands work with. Call `close()` at the end."""

    settings: Settings
    catalogue: DatasetCatalogue
    store: JobStore
    memo: Memo
    backend: Backend
    jobs: JobService
    health: HealthMonitor | None = None
    """How the fit function on AWS is; None where fits are computed here."""

    @property
    def costs_money(self) -> bool:
        """Whether a job has a price: then nothing starts without being asked for."""
        return self.backend.cost_usd(1.0, 1) > 0

    @property
    def spending_cap_usd(self) -> float | None:
        """Of a job for which nobody says another one; None where jobs have no price."""
        return self.settings.spending_cap_usd if self.costs_money else None

    @property
    def scoring(self) -> Scoring:
        """Labels for every row of a table."""
        return Scoring(
            self.catalogue, self.backend, self.memo, self.jobs.charge_labels, self.jobs.left_usd
        )

    def close(self) -> None:
        """Give running jobs back to the store and stop all threads."""
        # In this order: what a run still reports while it stops must find its store open.
        with contextlib.ExitStack() as stack:
            stack.callback(self.store.close)
            stack.callback(self.backend.close)
            stack.callback(self.jobs.close)


def build_services(settings: Settings) -> Services:
    """Open the data directory of `settings`, and AWS where it is asked for. No job runs yet; see
    `JobService.start`.

    The first time on a machine, its speed is measured, which takes a fraction of a second.

    Raises StoreError and OSError when the directory cannot be used, AwsProblem when credentials,
    region, stack, bucket, table or rights are missing.
    """
    if settings.backend == "aws":
        # Imported here: who computes on this machine does not wait for the AWS libraries.
        from dashboard.services.installation import open_installation

        store, backend, health = open_installation(settings)
        return _services(settings, _catalogue(settings), store, backend, health)
    jobs_here = SqliteJobStore(settings.store_path)
    catalogue = _catalogue(settings)
    costs = costs_of_this_machine(settings.data_dir)
    threads = LocalBackend(catalogue.column_store, settings.n_threads, costs=costs)
    return _services(settings, catalogue, jobs_here, threads)


def _catalogue(settings: Settings) -> DatasetCatalogue:
    limits = DatasetLimits(max_file_mb=settings.max_upload_mb)
    if limits.max_unpacked_mb < limits.max_file_mb:
        limits = replace(limits, max_unpacked_mb=limits.max_file_mb)
    return DatasetCatalogue(settings.datasets_dir, limits)


def _services(
    settings: Settings,
    catalogue: DatasetCatalogue,
    store: JobStore,
    backend: Backend,
    health: HealthMonitor | None = None,
) -> Services:
    cache = (
        file_cache(settings.cache_dir) if settings.cache == "files" else redis_cache(settings.cache)
    )
    memo = Memo(cache)
    jobs = JobService(
        store,
        backend,
        catalogue,
        memo,
        lease_s=settings.lease_s,
        heartbeat_s=settings.heartbeat_s,
    )
    return Services(settings, catalogue, store, memo, backend, jobs, health)
