"""A process that serves jobs as the dashboard does, without its page.

`python -m tests.aws_end_to_end.dashboard_process SETTINGS [SPEC]`, both JSON: settings by name, and
a job to submit. Says "ready", then works until its standard input ends or it is killed. While the
file `hold` is in its data directory, no run reports more results than the number in it.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from dashboard.planning.spec import JobSpec
from dashboard.services import build_services
from dashboard.settings import Settings
from tests.aws_end_to_end.small_tasks import ONE_BY_ONE
from tests.holding import HoldFile, hold_results
from tests.waiting import WAIT_S

ROOT = Path(__file__).resolve().parents[2]


def hold_in(data_dir: Path) -> HoldFile:
    return HoldFile(data_dir / "hold")


class DashboardProcess:
    """`with DashboardProcess(settings, spec) as process:`; without `spec` it only watches."""

    def __init__(self, settings: Settings, spec: JobSpec | None = None) -> None:
        # None fits into JSON, and so does everything that differs from the defaults here.
        values = {
            field.name: str(value) if isinstance(value, Path) else value
            for field in dataclasses.fields(settings)
            if (value := getattr(settings, field.name)) is not None
        }
        command = [sys.executable, "-m", "tests.aws_end_to_end.dashboard_process"]
        job = [] if spec is None else [json.dumps(spec.to_dict())]
        self._process = subprocess.Popen(
            [*command, json.dumps(values), *job],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def kill(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        self._process.kill()
        self._process.wait(WAIT_S)


def main(values: dict[str, object], job: str | None) -> None:
    values["data_dir"] = Path(str(values["data_dir"]))
    services = build_services(Settings(**values))  # type: ignore[arg-type]
    services.backend.costs = ONE_BY_ONE  # type: ignore[misc]
    hold_results(services.backend, hold_in(values["data_dir"]))
    services.jobs.start()
    if job is not None:
        services.jobs.submit(JobSpec.from_dict(json.loads(job)))
    print("ready", flush=True)
    sys.stdin.read()
    services.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
