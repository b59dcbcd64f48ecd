"""A server in a process of its own, started on a free port and stopped at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from dashboard.planning.cost import CostModel
from dashboard.planning.plan import plan
from dashboard.planning.spec import JobSpec
from dashboard.services import Services, build_services
from dashboard.settings import Settings
from dashboard.stores.base import JobRecord
from tests.waiting import WAIT_S

ROOT = Path(__file__).resolve().parents[2]
#: Of the staged server: so slow that every single experiment is a task, whatever this machine does.
STAGED_COSTS = CostModel(pair_ns=1e6, feature_ns=1.0, iteration_us=1e6, task_ms=1.0)


class Site:
    """One server over ``data_dir``; it can be killed and started again on the same port."""

    def __init__(
        self,
        data_dir: Path,
        *,
        staged: bool = False,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.staged = staged
        self.options, self.environment = list(options), dict(environment or {})
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Site:
        script = str(Path(__file__).with_name("staged_server.py"))
        common = [str(self.data_dir), str(self.port)]
        real = [
            "-m",
            "dashboard",
            "serve",
            "--data-dir",
            common[0],
            "--port",
            common[1],
            *self.options,
        ]
        command = [sys.executable, *([script, *common] if self.staged else real)]
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with open(self.data_dir / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
            )
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"The server ended at once:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/api/health", timeout=WAIT_S):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"The server did not answer within {WAIT_S:g} s:\n{self.log()}")

    def log(self) -> str:
        return (self.data_dir / "server.log").read_text()

    def stage(self, name: str, text: str | None) -> None:
        """Write a control file of the staged server; None removes it."""
        path = self.data_dir / "stage" / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".new")
            temporary.write_text(text)
            temporary.replace(path)

    def services(self) -> Services:
        """The same data directory, from this process."""
        return build_services(Settings(data_dir=self.data_dir, n_threads=2))

    def let_lease_run_out(self, job_id: str) -> None:
        """As time does after a server was killed; a slow one that is alive loses no job to it."""
        services = self.services()
        try:
            record = services.store.job(job_id)
            assert record is not None
            assert record.owner is not None
            assert services.store.renew_lease(job_id, record.owner, 0.0, 0) is not None
        finally:
            services.close()

    def queue(self, spec: JobSpec) -> str:
        """Put a job into the store without running it: the staged server finds it."""
        services = self.services()
        try:
            dataset = services.catalogue.get(spec.dataset_id)
            n_rows = int(services.catalogue.finite_rows(spec.dataset_id, spec.columns).sum())
            tasks = plan(spec, dataset, n_rows, STAGED_COSTS)
            record = JobRecord(
                job_id=spec.job_id,
                spec=spec,
                dataset_name=dataset.name,
                backend=services.backend.name,
                n_tasks=len(tasks),
                n_units=spec.n_fits,
                created_at=time.time(),
            )
            services.store.create_job(record)
        finally:
            services.close()
        return spec.job_id

    def kill(self) -> None:
        """SIGKILL: no chance to clean up."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(WAIT_S)

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
