"""Jobs cut into many small tasks, and what must be true of every job at its end."""

from __future__ import annotations

from dashboard.planning.cost import CostModel
from dashboard.planning.plan import plan
from dashboard.planning.spec import JobSpec
from dashboard.services import Services
from dashboard.stores.base import JobRecord, JobStore, TaskOutcome
from tests.waiting import WAIT_S

#: So slow that the planner makes a task of every single experiment.
ONE_BY_ONE = CostModel(pair_ns=1e6, feature_ns=1.0, iteration_us=1e6, task_ms=1.0)


def tasks_of(services: Services, spec: JobSpec):
    dataset = services.catalogue.get(spec.dataset_id)
    return plan(spec, dataset, dataset.n_rows, ONE_BY_ONE)


def finished(services: Services, spec: JobSpec) -> JobRecord:
    record = services.jobs.wait(spec.job_id, WAIT_S)
    assert record is not None
    assert record.finished, record
    return record


def all_outcomes(store: JobStore, job_id: str) -> list[TaskOutcome]:
    """Everything that is recorded, as a reader with a cursor gets it: nothing twice."""
    found: list[TaskOutcome] = []
    cursor = 0
    while True:
        page = store.outcomes(job_id, after=cursor, limit=37)
        if not page.outcomes:
            break
        found += page.outcomes
        cursor = page.cursor
    assert [outcome.seq for outcome in found] == sorted({outcome.seq for outcome in found})
    assert len({outcome.task_id for outcome in found}) == len(found)
    return found


def check_whole(services: Services, spec: JobSpec, record: JobRecord) -> list[TaskOutcome]:
    """Every task of the job is done, once; the outcomes."""
    wanted = {task.task_id for task in tasks_of(services, spec)}
    outcomes = all_outcomes(services.store, spec.job_id)
    assert {outcome.task_id for outcome in outcomes} == wanted
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert (record.state, record.n_done, record.n_failed) == ("done", len(wanted), 0)
    return outcomes
