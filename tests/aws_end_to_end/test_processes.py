"""Dashboard processes that die in the middle of a job, and others that look on or go on with it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from cloud_local.cloud import LocalCloud
from dashboard.planning.spec import JobSpec
from dashboard.services import Services
from dashboard.settings import Settings
from tests.aws_end_to_end.conftest import CONCURRENCY
from tests.aws_end_to_end.dashboard_process import DashboardProcess
from tests.aws_end_to_end.small_tasks import WAIT_S, check_whole, tasks_of
from tests.waiting import until

IN_FLIGHT = 4


def long_job(spec: JobSpec) -> JobSpec:
    """Long enough, with one function at a time, to be in its middle for some seconds."""
    return dataclasses.replace(spec, n_restarts=300, n_experiments=20)


def n_settled(services: Services, spec: JobSpec) -> int:
    record = services.store.job(spec.job_id)
    return 0 if record is None else record.n_done + record.n_failed


def other_directory(settings: Settings, tmp_path: Path, name: str) -> Settings:
    """That of another machine: the same datasets, nothing remembered."""
    directory = tmp_path / name
    shutil.copytree(settings.datasets_dir, directory / "datasets")
    return dataclasses.replace(settings, data_dir=directory, max_in_flight=IN_FLIGHT)


def n_invocations(cloud: LocalCloud) -> int:
    return int(cloud.state()["counts"]["invocations"])


def wait_for_the_end(services: Services, spec: JobSpec) -> None:
    """As a page does: it looks, and takes nothing over."""

    def is_finished() -> bool:
        record = services.store.job(spec.job_id)
        return record is not None and record.finished

    until(is_finished, "the job is finished", WAIT_S)


def test_killed_in_the_middle_while_another_process_watches(
    services: Services, spec: JobSpec, settings: Settings, cloud: LocalCloud, tmp_path: Path
) -> None:
    spec = long_job(spec)
    n_tasks = len(tasks_of(services, spec))
    cloud.set_concurrency(1)
    before = n_invocations(cloud)
    with (
        DashboardProcess(other_directory(settings, tmp_path, "watching")),
        DashboardProcess(other_directory(settings, tmp_path, "first"), spec) as first,
    ):
        until(lambda: n_settled(services, spec) >= 10, "some tasks are recorded")
        first.kill()
        assert n_settled(services, spec) < n_tasks
        cloud.set_concurrency(CONCURRENCY)
        wait_for_the_end(services, spec)
    record = services.store.job(spec.job_id)
    assert record is not None
    check_whole(services, spec, record)
    # Sent twice: what was in flight at its death, and what had come in and was not written yet.
    assert n_tasks <= n_invocations(cloud) - before < 1.5 * n_tasks


def test_killed_in_the_middle_and_started_again(
    services: Services, spec: JobSpec, settings: Settings, cloud: LocalCloud, tmp_path: Path
) -> None:
    spec = long_job(spec)
    n_tasks = len(tasks_of(services, spec))
    cloud.set_concurrency(1)
    before = n_invocations(cloud)
    own = other_directory(settings, tmp_path, "own")
    with DashboardProcess(own, spec) as first:
        until(lambda: n_settled(services, spec) >= 10, "some tasks are recorded")
        first.kill()
    assert n_settled(services, spec) < n_tasks
    cloud.set_concurrency(CONCURRENCY)
    with DashboardProcess(own):
        wait_for_the_end(services, spec)
    record = services.store.job(spec.job_id)
    assert record is not None
    check_whole(services, spec, record)
    assert n_invocations(cloud) - before < 1.5 * n_tasks
    # Who comes later finds the job done and sends nothing.
    n_sent = n_invocations(cloud)
    with DashboardProcess(own, spec):
        wait_for_the_end(services, spec)
    assert n_invocations(cloud) - n_sent <= 1  # the one that asks how the function is
    assert services.store.job(spec.job_id) == record


def test_two_processes_with_a_job_each_and_one_cloud(
    services: Services, spec: JobSpec, settings: Settings, tmp_path: Path
) -> None:
    other = dataclasses.replace(spec, seed=7)
    with (
        DashboardProcess(other_directory(settings, tmp_path, "one"), spec),
        DashboardProcess(other_directory(settings, tmp_path, "two"), other),
    ):
        wait_for_the_end(services, spec)
        wait_for_the_end(services, other)
    for job in (spec, other):
        record = services.store.job(job.job_id)
        assert record is not None
        check_whole(services, job, record)
