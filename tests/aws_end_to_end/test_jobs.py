"""Jobs over the whole path: same results as here, killed workers, storms, stores that stumble."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from random import Random
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from cloud_local.cloud import LocalCloud
from cloud_local.deployment import DEVELOPER
from dashboard.aws.s3_datasets import S3Datasets
from dashboard.backends import LocalBackend, TaskFailure, TaskResult
from dashboard.backends.api import ApiBackend
from dashboard.jobs.service import JobService
from dashboard.planning.prices import Prices
from dashboard.planning.spec import JobSpec
from dashboard.services import Services
from dashboard.settings import Settings
from tests.aws_end_to_end.conftest import OpenServices
from tests.aws_end_to_end.small_tasks import (
    ONE_BY_ONE,
    WAIT_S,
    all_outcomes,
    check_whole,
    finished,
    tasks_of,
)
from tests.holding import Hold, hold_results
from tests.scripted_aws import refused
from tests.waiting import until

N_TASKS = 36

#: Below the function's concurrency: how many requests are sent is then known exactly.
NEVER_THROTTLED = 3


def counts(cloud: LocalCloud) -> dict[str, int]:
    found: dict[str, int] = cloud.state()["counts"]
    return dict(found)


def busy_pids(cloud: LocalCloud) -> list[int]:
    return [one["pid"] for one in cloud.state()["environments"] if one["busy"]]


def end_workers(cloud: LocalCloud) -> None:
    for pid in cloud.worker_pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not cloud.worker_pids(), "no process is left")


def check_same(found: Any, expected: Any) -> None:
    """Equal, save for the rounding of floats: here another compiler may have built the kernel."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name in expected:
            check_same(found[name], expected[name])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            check_same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    else:
        assert found == expected


def test_a_job_has_the_local_results_task_by_task(
    services: Services, spec: JobSpec, cloud: LocalCloud
) -> None:
    before = counts(cloud)
    services.jobs.submit(spec, spending_cap_usd=1.0)
    record = finished(services, spec)
    outcomes = check_whole(services, spec, record)
    here = LocalBackend(services.catalogue.column_store, 2)
    events = list(here.run(tasks_of(services, spec), threading.Event()))
    here.close()
    local = {event.task_id: event.result for event in events if isinstance(event, TaskResult)}
    assert len(outcomes) == N_TASKS
    for outcome in outcomes:
        assert outcome.result is not None
        found, expected = outcome.result.to_dict(), local[outcome.task_id].to_dict()
        for name in ("task_id", "fits", "preparation", "n_rows", "resume"):
            check_same(found[name], expected[name])
    after = counts(cloud)
    n_invocations = after["invocations"] - before["invocations"]
    n_throttled = after["throttled"] - before["throttled"]
    assert n_invocations == N_TASKS
    assert record.usage.n_requests == n_invocations + n_throttled
    assert N_TASKS <= record.usage.billed_ms < 60_000
    assert record.usage.usd == pytest.approx(
        Prices.of("x86_64").cost_usd(
            record.usage.billed_ms, cloud.memory_mb, record.usage.n_requests
        )
    )


@pytest.mark.parametrize(("status", "n_tasks"), [(429, 500), (503, 150), (500, 150)])
def test_a_storm_of_cold_starts_with_room_for_five(
    status: int,
    n_tasks: int,
    services: Services,
    spec: JobSpec,
    settings: Settings,
    cloud: LocalCloud,
    s3: Any,
) -> None:
    """Up to five hundred tasks at once, no warm process, a concurrency of five.

    What an HTTP API says then is not certain: each of the three statuses.
    """
    end_workers(cloud)
    cloud.change(throttle_status=status)
    before = counts(cloud)
    tasks = tasks_of(services, dataclasses.replace(spec, n_experiments=84))[:n_tasks]
    storm = ApiBackend(
        cloud.endpoint,
        cloud.region,
        lambda: ReadOnlyCredentials(DEVELOPER.access_key, DEVELOPER.secret_key, None),
        prices=Prices.of("x86_64"),
        memory_mb=cloud.memory_mb,
        datasets=S3Datasets(s3, cloud.bucket, settings.datasets_dir),
        max_in_flight=100,
    )
    events = list(storm.run(tasks, threading.Event()))
    storm.close()
    done = [event.task_id for event in events if isinstance(event, TaskResult)]
    failed = [event for event in events if isinstance(event, TaskFailure)]
    assert failed == []
    assert sorted(done) == sorted(task.task_id for task in tasks)
    after = counts(cloud)
    assert after["invocations"] - before["invocations"] == n_tasks
    assert after["cold_starts"] - before["cold_starts"] == 5
    assert after["throttled"] - before["throttled"] > 0
    cold = [e for e in events if isinstance(e, TaskResult) and e.result.invocation.cold]
    assert len(cold) == 5
    assert len({e.result.invocation.worker for e in events if isinstance(e, TaskResult)}) == 5


def test_workers_killed_in_the_middle(
    open_services: OpenServices, spec: JobSpec, cloud: LocalCloud
) -> None:
    """With a call in each of them: they are stopped, get their calls, and do not come to answer."""
    services, hold = open_services(max_in_flight=NEVER_THROTTLED), Hold(2)
    hold_results(services.backend, hold)
    end_workers(cloud)
    before = counts(cloud)
    services.jobs.submit(spec)
    until(lambda: len(services.store.settled(spec.job_id)) == 2, "two tasks are recorded")
    until(lambda: cloud.worker_pids() and not busy_pids(cloud), "nobody works")
    stopped = cloud.worker_pids()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    hold.let_go()
    until(lambda: set(busy_pids(cloud)) >= set(stopped), "each of them has a call")
    for pid in stopped:
        os.kill(pid, signal.SIGKILL)
    record = finished(services, spec)
    outcomes = check_whole(services, spec, record)
    n_broken = counts(cloud)["failed"] - before["failed"]
    assert n_broken == len(stopped) >= 1
    assert sum(outcome.attempts - 1 for outcome in outcomes) == n_broken
    assert counts(cloud)["invocations"] - before["invocations"] == len(outcomes) + n_broken


def test_a_dataset_deleted_in_the_middle_is_uploaded_again(
    open_services: OpenServices, spec: JobSpec, cloud: LocalCloud, s3: Any
) -> None:
    services, hold = open_services(max_in_flight=1), Hold(5)
    hold_results(services.backend, hold)
    services.jobs.submit(spec)
    until(lambda: len(services.store.settled(spec.job_id)) == 5, "some tasks are done")
    for name in (f"{spec.dataset_id}.npy", f"{spec.dataset_id}.columns.json"):
        s3.delete_object(Bucket=cloud.bucket, Key=f"datasets/{name}")
    end_workers(cloud)  # those that are there remember it
    hold.let_go()
    record = finished(services, spec)
    check_whole(services, spec, record)
    s3.head_object(Bucket=cloud.bucket, Key=f"datasets/{spec.dataset_id}.npy")


def test_other_bytes_under_the_same_key(
    services: Services, spec: JobSpec, settings: Settings, cloud: LocalCloud, s3: Any
) -> None:
    """Without our help the tasks fail with the reason; a run that may upload repairs it."""
    S3Datasets(s3, cloud.bucket, settings.datasets_dir).ensure(spec.dataset_id)
    key = f"datasets/{spec.dataset_id}.npy"
    content = bytearray(s3.get_object(Bucket=cloud.bucket, Key=key)["Body"].read())
    content[-1_000] ^= 0xFF
    s3.put_object(Bucket=cloud.bucket, Key=key, Body=bytes(content))
    tasks = tasks_of(services, spec)[:12]
    helpless = ApiBackend(
        cloud.endpoint,
        cloud.region,
        lambda: ReadOnlyCredentials(DEVELOPER.access_key, DEVELOPER.secret_key, None),
        prices=Prices.of("x86_64"),
        memory_mb=cloud.memory_mb,
    )
    events = list(helpless.run(tasks, threading.Event()))
    helpless.close()
    failures = [event for event in events if isinstance(event, TaskFailure)]
    assert len(failures) == 12
    assert {(event.error["code"], event.attempts) for event in failures} == {("dataset_damaged", 1)}
    services.jobs.submit(spec)
    check_whole(services, spec, finished(services, spec))


def test_credentials_that_stop_working_in_the_middle(
    services: Services, spec: JobSpec, settings: Settings, cloud: LocalCloud, s3: Any
) -> None:
    good = ReadOnlyCredentials(DEVELOPER.access_key, DEVELOPER.secret_key, None)
    n_left = [20]

    def frozen() -> ReadOnlyCredentials:
        n_left[0] -= 1
        return good if n_left[0] >= 0 else ReadOnlyCredentials("AKIDGONE", "secret", None)

    backend = ApiBackend(
        cloud.endpoint,
        cloud.region,
        frozen,
        prices=Prices.of("x86_64"),
        memory_mb=cloud.memory_mb,
        datasets=S3Datasets(s3, cloud.bucket, settings.datasets_dir),
        max_in_flight=NEVER_THROTTLED,
        costs=ONE_BY_ONE,
    )
    jobs = JobService(services.store, backend, services.catalogue, services.memo, lease_s=600.0)
    jobs.submit(spec)
    record = jobs.wait(spec.job_id, WAIT_S)
    assert record is not None
    assert (record.state, record.n_done, record.n_failed) == ("done", 20, 16)
    errors = [o.error for o in all_outcomes(services.store, spec.job_id) if o.error is not None]
    assert len(errors) == 16
    assert {error["code"] for error in errors} <= {"no_rights", "wrong_credentials"}
    n_left[0] = 1_000  # somebody has logged in again
    jobs.rerun_failed(spec.job_id)
    record = jobs.wait(spec.job_id, WAIT_S)
    assert record is not None
    check_whole(services, spec, record)
    jobs.close()
    backend.close()


def test_cancelled_in_the_middle_and_taken_up_again(
    open_services: OpenServices, spec: JobSpec, cloud: LocalCloud
) -> None:
    services, hold = open_services(max_in_flight=1), Hold(10)
    hold_results(services.backend, hold)
    n_tasks = len(tasks_of(services, spec))
    before = counts(cloud)["invocations"]
    services.jobs.submit(spec)
    until(lambda: len(services.store.settled(spec.job_id)) == 10, "some tasks are done")
    services.jobs.cancel(spec.job_id)
    record = finished(services, spec)
    assert (record.state, record.n_failed, record.error) == ("cancelled", 0, None)
    assert 10 <= record.n_done < n_tasks
    # What was sent has come in and is recorded: nothing is paid for and lost.
    assert counts(cloud)["invocations"] - before == record.n_done == record.usage.n_requests
    hold.let_go()
    services.jobs.submit(spec)
    check_whole(services, spec, finished(services, spec))
    assert counts(cloud)["invocations"] - before == n_tasks


def test_the_spending_cap_and_raising_it(
    open_services: OpenServices, spec: JobSpec, cloud: LocalCloud
) -> None:
    services = open_services(max_in_flight=NEVER_THROTTLED)
    before = counts(cloud)["invocations"]
    one_usd = services.backend.cost_usd(1.0, 1)  # before the first answer: a second
    services.jobs.submit(spec, spending_cap_usd=1.01 * one_usd)
    record = finished(services, spec)
    assert record.state == "cancelled"
    assert record.error is not None
    assert record.error.startswith("Stopped at the spending cap of $")
    assert 0 < record.n_done < N_TASKS
    assert record.n_failed == 0
    assert record.usage.usd <= 1.01 * one_usd
    assert counts(cloud)["invocations"] - before == record.n_done == record.usage.n_requests
    services.jobs.submit(spec, spending_cap_usd=1.0)
    record = finished(services, spec)
    check_whole(services, spec, record)
    assert record.error is None
    assert counts(cloud)["invocations"] - before == N_TASKS == record.usage.n_requests


def test_a_table_that_is_throttled_and_conditions_that_fail(
    services: Services, spec: JobSpec
) -> None:
    """Three in ten requests of the store are refused; the job does not notice."""
    rng, refusals = Random(5), []
    lock = threading.Lock()

    def stumble(request: Any, event_name: str, **_: Any) -> Any:
        operation = event_name.rpartition(".")[2]
        with lock:
            if rng.random() > 0.3:
                return None
            refusals.append(operation)
        return refused(400, "ProvisionedThroughputExceededException")(request)

    client = services.store._table._client  # type: ignore[attr-defined]
    client.meta.events.register("before-send.dynamodb", stumble)
    services.jobs.submit(spec)
    record = finished(services, spec)
    check_whole(services, spec, record)
    assert len(refusals) > 5
