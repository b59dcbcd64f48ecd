"""One writer in a process: `python -m tests.dashboard.stores.worker KIND PATH WHAT ...`.

Imports stand where they are needed: several of these start at once, and Dash or boto3 would be most
of what they do.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from dashboard.stores.base import JobStore
from tests.dashboard.jobs.made_up import done, failed, one_fit_for_each_k


def open_store(kind: str, address: str) -> JobStore:
    if kind == "dynamodb":
        from tests.dashboard.stores.cloud_place import Place

        return Place.at(address).open(time.time)
    from dashboard.stores.sqlite.store import SqliteJobStore

    return SqliteJobStore(Path(address))


def wait_for_start() -> None:
    """All workers begin at the same moment, not as fast as each happens to start."""
    print("ready", flush=True)
    sys.stdin.readline()


def record_all(store: JobStore, job_id: str, n_tasks: str, order: str, n_failing: str) -> None:
    """Record tasks 0..n-1, forwards or backwards, one by one; the first `n_failing` as failures."""
    wait_for_start()
    numbers = range(int(n_tasks))
    news = 0
    for number in reversed(numbers) if order == "backwards" else numbers:
        outcome = failed(number) if number < int(n_failing) else done(number)
        news += store.record(job_id, [outcome])
    print(news)


def take_lease(store: JobStore, job_id: str, owner: str) -> None:
    wait_for_start()
    print(int(store.acquire_lease(job_id, owner, 60.0)), flush=True)


def run_job(store: JobStore, cache_dir: str, k_max: str, n_tasks: str) -> None:
    """Run a job of one task for each K up to `n_tasks` tasks, then hang in the next one."""
    from dashboard.jobs.memo import Memo, file_cache
    from dashboard.jobs.service import JobService
    from tests.dashboard.jobs.doubles import OneTable, ScriptedBackend

    backend = ScriptedBackend()
    backend.gate = threading.Semaphore(int(n_tasks))
    memo = Memo(file_cache(Path(cache_dir)))
    service = JobService(store, backend, OneTable(), memo, lease_s=600.0, heartbeat_s=0.1)  # type: ignore[arg-type]
    job_id = service.submit(one_fit_for_each_k(int(k_max))).job_id
    while (record := store.job(job_id)) is None or record.n_done < int(n_tasks):
        time.sleep(0.01)
    wait_for_start()  # until it is killed


if __name__ == "__main__":
    kind, address, what, *arguments = sys.argv[1:]
    {"record_all": record_all, "run_job": run_job, "take_lease": take_lease}[what](
        open_store(kind, address), *arguments
    )
