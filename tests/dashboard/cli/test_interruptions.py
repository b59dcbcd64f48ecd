"""Processes that are stopped in the middle of a job: by Ctrl-C, politely, and without warning."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.cli.analyse import _interrupted
from dashboard.services import build_services
from dashboard.settings import Settings
from dashboard.stores.base import JobRecord, JobStore
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.cli.conftest import PROCESS_S
from tests.dashboard.jobs import made_up
from tests.holding import HoldFile
from tests.waiting import until

Start = Callable[..., subprocess.Popen[str]]
HELD = 5
N_EXPERIMENTS = 200
JOB = ("--k", "2:6", "--types", "full-untied,diag-untied", "--experiments", str(N_EXPERIMENTS))
N_FITS = 5 * 2 * N_EXPERIMENTS * 10


@pytest.fixture
def store(data_dir: Path) -> Iterator[JobStore]:
    opened = SqliteJobStore(data_dir / "jobs.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def hold(data_dir: Path) -> HoldFile:
    """Stops what `start_held` starts once HELD tasks are recorded, until `let_go()`."""
    made = HoldFile(data_dir / "hold")
    made.at(HELD)
    return made


@pytest.fixture
def start_held(start: Start, hold: HoldFile) -> Start:  # noqa: ARG001
    return lambda *arguments: start(*arguments, module="tests.dashboard.cli.held_dashboard")


def let_lease_run_out(store: JobStore) -> None:
    """As time does after a process has died."""
    record = the_job(store)
    assert record is not None
    assert record.owner is not None
    assert store.renew_lease(record.job_id, record.owner, 0.0, 0) is not None


def the_job(store: JobStore) -> JobRecord | None:
    # A server also runs the analysis of a first visit.
    return next((record for record in store.jobs() if record.n_units == N_FITS), None)


def is_underway(store: JobStore, n_done: int = HELD) -> bool:
    record = the_job(store)
    return record is not None and record.n_done >= n_done


def recorded(store: JobStore) -> dict[str, int]:
    """Task id to cursor, of every outcome; ids are unique in the store's own table, too."""
    record = the_job(store)
    assert record is not None
    outcomes = store.outcomes(record.job_id, limit=10_000).outcomes
    by_task = {outcome.task_id: outcome.seq for outcome in outcomes}
    assert len(by_task) == len(outcomes)
    assert {outcome.status for outcome in outcomes} <= {"done"}
    return by_task


def assert_exactly_once(store: JobStore, *earlier: dict[str, int]) -> None:
    """All tasks are done, once; what was recorded before an interruption was not done again."""
    record = the_job(store)
    assert record is not None
    assert (record.state, record.n_failed, record.n_running) == ("done", 0, 0)
    assert (record.n_done, record.n_units_done) == (record.n_tasks, N_FITS)
    final = recorded(store)
    assert len(final) == record.n_tasks
    for before in earlier:
        assert before.items() <= final.items()


def test_ctrl_c_cancels_and_the_same_command_goes_on(
    start_held: Start, hold: HoldFile, store: JobStore, noise: Path, tmp_path: Path
) -> None:
    command = ("analyse", noise, *JOB, "--out", tmp_path / "out")
    process = start_held(*command)
    until(lambda: is_underway(store), "five tasks are recorded")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PROCESS_S)
    assert process.returncode == 130
    record = the_job(store)
    assert record is not None
    assert (record.state, record.owner) == ("cancelled", None)
    assert 0 < record.n_units_done < N_FITS
    assert out == ""
    assert err == (
        f"\nInterrupted after {record.n_units_done:,} of {N_FITS:,} fits. Run the same command "
        "again to go on from there.\n"
    )
    assert not (tmp_path / "out" / "fits.csv").exists()
    before = recorded(store)

    hold.let_go()
    again = start_held(*command, "--json")
    _, err = again.communicate(timeout=PROCESS_S)
    assert (again.returncode, err) == (0, "")
    assert_exactly_once(store, before)
    rows = (tmp_path / "out" / "fits.csv").read_text().splitlines()
    assert len(rows) == 1 + 5 * 2 * N_EXPERIMENTS


def test_sigterm_is_as_orderly(start_held: Start, store: JobStore, noise: Path) -> None:
    process = start_held("analyse", noise, *JOB)
    until(lambda: is_underway(store), "five tasks are recorded")
    process.terminate()
    process.communicate(timeout=PROCESS_S)
    assert process.returncode == 130
    record = the_job(store)
    assert record is not None
    assert (record.state, record.owner) == ("cancelled", None)


def test_a_killed_command_is_finished_by_the_next_processes(
    start_held: Start, hold: HoldFile, store: JobStore, noise: Path
) -> None:
    """SIGKILL a command, then the server that took its job over, then start a server again."""
    snapshots = []
    command = start_held("analyse", noise, *JOB)
    until(lambda: is_underway(store), "five tasks are recorded")
    command.kill()
    command.wait(PROCESS_S)
    snapshots.append(recorded(store))
    left = the_job(store)
    assert left is not None
    assert (left.state, left.finished) == ("running", False)
    assert left.n_done == len(snapshots[0]) < left.n_tasks

    let_lease_run_out(store)
    first = start_held("serve", "--port", "0")
    until(lambda: is_underway(store, left.n_done + HELD), "the server has gone on with it")
    first.kill()
    first.wait(PROCESS_S)
    snapshots.append(recorded(store))

    let_lease_run_out(store)
    hold.let_go()
    second = start_held("serve", "--port", "0")
    record = the_job(store)
    assert record is not None
    until(lambda: (the_job(store) or record).finished, "the job is finished")
    assert_exactly_once(store, *snapshots)
    second.terminate()
    assert second.wait(PROCESS_S) == 0


def test_a_killed_command_goes_on_when_started_again(
    start_held: Start, hold: HoldFile, store: JobStore, noise: Path, tmp_path: Path
) -> None:
    command = ("analyse", noise, *JOB, "--out", tmp_path / "out")
    process = start_held(*command)
    until(lambda: is_underway(store), "five tasks are recorded")
    process.kill()
    process.wait(PROCESS_S)
    before = recorded(store)
    let_lease_run_out(store)
    hold.let_go()
    again = start_held(*command)
    out, err = again.communicate(timeout=PROCESS_S)
    assert (again.returncode, err) == (0, "")
    assert "Recommended: " in out
    assert_exactly_once(store, before)


def test_two_commands_for_the_same_job_share_it(
    start: Start, store: JobStore, noise: Path, tmp_path: Path
) -> None:
    both = [start("analyse", noise, *JOB, "--out", tmp_path / name) for name in ("one", "two")]
    for process in both:
        _, err = process.communicate(timeout=PROCESS_S)
        assert (process.returncode, err) == (0, "")
    assert_exactly_once(store)
    one, two = tmp_path / "one" / "fits.csv", tmp_path / "two" / "fits.csv"
    assert one.read_bytes() == two.read_bytes()


def test_ctrl_c_leaves_a_job_alone_that_another_process_runs(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services = build_services(Settings(data_dir=data_dir, n_threads=1))
    job_id = services.store.create_job(made_up.job(n_units=500)).job_id
    services.store.acquire_lease(job_id, "elsewhere", 60.0)
    services.store.set_state(job_id, "running", owner="elsewhere")
    services.store.record(job_id, [made_up.done(0, 20)])
    before = services.store.job(job_id)
    assert _interrupted(services, job_id) == 130
    assert services.store.job(job_id) == before
    services.close()
    assert capsys.readouterr().err == (
        "\nInterrupted after 20 of 500 fits. The job goes on in the process that runs it; run the "
        "same command to wait for it.\n"
    )
