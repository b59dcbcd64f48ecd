"""`python -m cloud_local`: the whole cloud on this machine, and the dashboard on top of it."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from bundle.target import BuildProblem
from cloud_local.cloud import LocalCloud
from cloud_local.dashboard_process import DashboardProcess, free_port

POLL_S = 1.0
SHOWN_PIDS = 10


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM; 0 then, 1 with a sentence when something cannot be started."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        with contextlib.ExitStack() as stack:
            _run(options, stack)
    except (KeyboardInterrupt, SystemExit):
        print("Stopped.")
        return 0
    except (BuildProblem, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
    print("Building what a Lambda runs, where it is old ...", flush=True)
    cloud = stack.enter_context(
        LocalCloud(
            concurrency=options.workers,
            port=free_port(options.gateway_port) if options.gateway_port else 0,
            log_dir=options.log_dir,
        )
    )
    data_dir = options.data_dir
    if data_dir is None:
        # Remembered fits of an earlier time would leave nothing to compute in this cloud.
        space = tempfile.TemporaryDirectory(prefix="cloud-local-data-")
        data_dir = Path(stack.enter_context(space))
    port = free_port(options.port)
    if port != options.port and options.port:
        print(f"Port {options.port} is in use; the dashboard takes {port}.")
    dashboard = DashboardProcess(cloud, port, data_dir)
    stack.callback(dashboard.stop)
    dashboard.start()
    print(_description(cloud, dashboard), flush=True)
    _watch(cloud, dashboard)


def _watch(cloud: LocalCloud, dashboard: DashboardProcess) -> None:
    """Say what changes; never returns."""
    known: list[int] = []
    while True:
        time.sleep(POLL_S)
        code = dashboard.restart_if_dead()
        if code is not None:
            print(f"The dashboard ended (exit code {code}) and starts again as {dashboard.pid}.")
        pids = cloud.worker_pids()
        if pids != known:
            known = pids
            shown = " ".join(map(str, pids[:SHOWN_PIDS])) + (" ..." if pids[SHOWN_PIDS:] else "")
            print(f"{len(pids)} workers: {shown}", flush=True)


def _description(cloud: LocalCloud, dashboard: DashboardProcess) -> str:
    return "\n".join(
        [
            f"  dashboard  {dashboard.url}  (process {dashboard.pid})",
            f"  endpoint   {cloud.endpoint}  (IAM: requests must be signed)",
            f"  S3 and DynamoDB  {cloud.moto_url}  (bucket {cloud.bucket}, table {cloud.table})",
            f"  log of the function  {cloud.log_path}",
            "Workers start when there is work; their processes are listed below as they come.",
            "Kill one in the middle of a job:   kill -9 WORKER",
            f"Kill the dashboard, it comes back: kill -9 {dashboard.pid}",
            "Send a job from another shell, after these two lines:",
            f"  export {_assignments(cloud.environment)}",
            f"  export {_assignments(dashboard.settings)}",
            "  .venv/bin/python -m dashboard analyse FILE",
            "Ctrl-C stops everything.",
        ]
    )


def _assignments(variables: dict[str, str]) -> str:
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloud_local", description=__doc__)
    parser.add_argument("--port", type=int, default=8050, help="of the dashboard; 0: a free one")
    parser.add_argument("--gateway-port", type=int, default=0, help="of the endpoint")
    parser.add_argument("--workers", type=int, default=50, help="calls at once before a throttle")
    parser.add_argument("--data-dir", type=Path, help="of the dashboard (default: thrown away)")
    parser.add_argument("--log-dir", type=Path, help="for logs (default: thrown away)")
    return parser


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
