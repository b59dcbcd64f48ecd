"""gunicorn in a process of its own, over a data directory that the test sees as well."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.datasets import DatasetCatalogue
from dashboard.planning.plan import plan
from dashboard.planning.spec import JobSpec
from dashboard.stores.base import JobRecord
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.serving.counting_site import COSTS
from tests.waiting import WAIT_S, until

ROOT = Path(__file__).resolve().parents[3]
#: No slow worker loses its job to the other one; a test says when a dead one does.
LEASE_S = 600.0


class Gunicorn:
    """Two workers over `data_dir`; `log` is what they say."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.store = SqliteJobStore(data_dir / "jobs.sqlite3")
        self.catalogue = DatasetCatalogue(data_dir / "datasets")
        self.catalogue.ensure_builtins()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, **environment: str) -> Gunicorn:
        with open(self.data_dir / "gunicorn.log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "--workers", "2", "--threads", "4"),
                    *("--timeout", "600"),  # a worker that starts slowly is not one that hangs
                    *("--bind", f"127.0.0.1:{self.port}", *options),
                    "tests.dashboard.serving.counting_site:application()",
                ],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "CENTAURUS_DATA_DIR": str(self.data_dir),
                    "CENTAURUS_LEASE_S": str(LEASE_S),
                    **environment,
                },
            )
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def log(self) -> str:
        return (self.data_dir / "gunicorn.log").read_text()

    def get(self, path: str) -> tuple[int, Any]:
        """Over a connection of its own: whichever worker is free takes it."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as response:
                body = response.read()
                return response.status, json.loads(body) if body else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def workers(self) -> set[int]:
        """Process ids of the workers that are there now."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}

    def ready(self) -> set[int]:
        """The two workers, once both answer."""
        seen: set[int] = set()

        def both() -> bool:
            assert self.process.poll() is None, self.log()
            try:
                seen.add(self.get("/api/health")[1]["worker"])
            except OSError:
                return False
            return len(seen) == 2

        self.until(both, "both workers answer")
        return seen

    def until(self, condition: Callable[[], Any], what: str) -> None:
        try:
            until(condition, what)
        except AssertionError as error:
            error.add_note(self.log())
            raise

    def hold(self, n_tasks: int | None) -> None:
        """No process computes more tasks than this; None: no limit."""
        path = self.data_dir / "hold"
        if n_tasks is None:
            path.unlink()
        else:
            path.write_text(str(n_tasks))

    def begun(self) -> Counter[str]:
        """How often each task was begun, in any process."""
        path = self.data_dir / "begun"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(line.split()[0] for line in lines)

    def queue(self) -> str:
        """A job of 48 tasks on iris, which nobody runs yet; its id."""
        dataset = next(d for d in self.catalogue.datasets() if "iris" in d.name.lower())
        spec = JobSpec(dataset.dataset_id, dataset.default_columns, k_max=4, n_experiments=2)
        tasks = plan(spec, dataset, dataset.n_rows, COSTS)
        assert len(tasks) == 48
        record = JobRecord(
            spec.job_id, spec, dataset.name, "local", 48, spec.n_fits, created_at=time.time()
        )
        self.store.create_job(record)
        return spec.job_id

    def record(self, job_id: str) -> JobRecord:
        record = self.store.job(job_id)
        assert record is not None
        return record

    def holder(self, job_id: str) -> int | None:
        """Process id of the worker that runs the job."""
        owner = self.record(job_id).owner
        return None if owner is None else int(owner.split(":")[1])

    def let_lease_run_out(self, job_id: str) -> None:
        """As time does after the worker that holds it has died."""
        owner = self.record(job_id).owner
        assert owner is not None
        assert self.store.renew_lease(job_id, owner, 0.0, 0) is not None

    def task_ids(self, job_id: str) -> set[str]:
        return set(self.store.settled(job_id))

    def stop(self, timeout_s: float = WAIT_S) -> int:
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            workers = self.workers()
            self._process.kill()
            self._process.wait(WAIT_S)
            for pid in workers:  # orphans of a killed master end by themselves, but later
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        self.store.close()


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Gunicorn]:
    server = Gunicorn(tmp_path)
    try:
        yield server
    finally:
        server.close()
