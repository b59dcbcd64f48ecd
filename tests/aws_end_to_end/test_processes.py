"""Dashboard processes that die in the middle of a job, and others that look on or go on with it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from cloud_local.cloud import LocalCloud
from dashboard.planning.spec import JobSpec
from dashboard.services import Services
from dashboard.settings import Settings
from tests.aws_end_to_end.dashboard_process import DashboardProcess, hold_in
from tests.aws_end_to_end.small_tasks import check_whole, tasks_of
from tests.waiting import until

IN_FLIGHT = 2
HELD = 10


def n_settled(services: Services, spec: JobSpec) -> int:
    record = services.store.job(spec.job_id)
    return 0 if record is None else record.n_done + record.n_failed


def let_lease_run_out(services: Services, spec: JobSpec) -> None:
    """As time does after a process has died."""
    record = services.store.job(spec.job_id)
    assert record is not None
    assert record.owner is not None
    assert services.store.renew_lease(spec.job_id, record.owner, 0.0, 0) is not None


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

    until(is_finished, "the job is finished")


def test_killed_in_the_middle_while_another_process_watches(
    services: Services, spec: JobSpec, settings: Settings, cloud: LocalCloud, tmp_path: Path
) -> None:
    n_tasks = len(tasks_of(services, spec))
    before = n_invocations(cloud)
    own = other_directory(settings, tmp_path, "first")
    hold_in(own.data_dir).at(HELD)
    with DashboardProcess(own, spec) as first:
        until(lambda: n_settled(services, spec) == HELD, "some tasks are recorded")
        # Only now: a watcher might take the job up between its making and its first lease.
        with DashboardProcess(other_directory(settings, tmp_path, "watching")):
            first.kill()
            let_lease_run_out(services, spec)
            wait_for_the_end(services, spec)
    record = services.store.job(spec.job_id)
    assert record is not None
    check_whole(services, spec, record)
    # Sent twice: what was in flight at its death, and what had come in and was not written yet.
    assert n_tasks <= n_invocations(cloud) - before < 1.5 * n_tasks


def test_killed_in_the_middle_and_started_again(
    services: Services, spec: JobSpec, settings: Settings, cloud: LocalCloud, tmp_path: Path
) -> None:
    n_tasks = len(tasks_of(services, spec))
    before = n_invocations(cloud)
    own = other_directory(settings, tmp_path, "own")
    hold_in(own.data_dir).at(HELD)
    with DashboardProcess(own, spec) as first:
        until(lambda: n_settled(services, spec) == HELD, "some tasks are recorded")
        first.kill()
    let_lease_run_out(services, spec)
    hold_in(own.data_dir).let_go()
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
