"""Two processes on one job: one is killed in the middle, the other one goes on with the rest."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from dashboard.jobs.memo import Memo, file_cache
from dashboard.jobs.service import JobService
from dashboard.planning.plan import plan
from tests.dashboard.conftest import StoreUnderTest
from tests.dashboard.jobs.doubles import ONE_BY_ONE, OneTable, ScriptedBackend
from tests.dashboard.jobs.made_up import one_fit_for_each_k
from tests.dashboard.stores.processes import worker
from tests.waiting import WAIT_S

N_TASKS, N_BEFORE = 9, 4


def test_a_killed_process_loses_and_repeats_nothing(stores: StoreUnderTest, tmp_path: Path) -> None:
    what = one_fit_for_each_k(N_TASKS)
    tasks = [task.task_id for task in plan(what, OneTable().get(what.dataset_id), 30, ONE_BY_ONE)]
    store = stores.make(time.time)
    reader = stores.make(time.time)
    process = worker(stores, "run_job", str(tmp_path / "one"), str(N_TASKS), str(N_BEFORE))
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        seen = reader.outcomes(what.job_id)
        assert [outcome.task_id for outcome in seen.outcomes] == tasks[:N_BEFORE]
        held = reader.job(what.job_id)
        assert held is not None
        assert (held.state, held.n_done) == ("running", N_BEFORE)
    finally:
        process.kill()
        process.wait()
    assert held.owner is not None
    assert store.renew_lease(what.job_id, held.owner, 0.0, 0) is not None  # as time does
    backend = ScriptedBackend()
    memo = Memo(file_cache(tmp_path / "other"))  # what the dead one remembered is not here
    services = [
        JobService(store, backend, OneTable(), memo, lease_s=600.0, heartbeat_s=0.1)  # type: ignore[arg-type]
        for _ in range(2)  # both see that it is orphaned; one gets the lease
    ]
    waits = [
        threading.Thread(target=service.wait, args=(what.job_id, WAIT_S)) for service in services
    ]
    for wait in waits:
        wait.start()
    for wait in waits:
        wait.join(WAIT_S)
        assert not wait.is_alive()
    record = store.job(what.job_id)
    assert record is not None
    assert (record.state, record.n_done, record.n_failed) == ("done", N_TASKS, 0)
    assert (record.n_units_done, record.started_at) == (N_TASKS, held.started_at)
    assert backend.started == dict.fromkeys(tasks[N_BEFORE:], 1)
    rest = reader.outcomes(what.job_id, seen.cursor)
    assert [outcome.task_id for outcome in rest.outcomes] == tasks[N_BEFORE:]
    for service in services:
        service.close()
    store.close()
    reader.close()
