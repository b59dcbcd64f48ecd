"""How many tasks a second the dispatcher sends, and whether its memory stays flat.

    python -m benchmarks.dispatcher [--tasks 2000] [--in-flight 200] [--pause-ms 5]

The dispatcher of the aws backend, signed requests over real HTTP, the local API Gateway and Lambda
with a process per environment; only the function waits 5 ms instead of computing: two cores cannot
compute for 5 ms more than 400 times a second. All of it shares this machine. Runs before the
measured one let the window grow to its full size and start the environments, until none is missing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.rig.machine import headline
from benchmarks.rig.resources import cpu_s, resident_mb
from cloud_local.deployment import DEVELOPER
from cloud_local.function.configuration import FunctionConfiguration, GatewayConfiguration
from cloud_local.function.runtime_root import link_runtime_root
from cloud_local.local_gateway import LocalGateway
from compute_lambda import FitTask, fit
from dashboard.backends.api import ApiBackend
from dashboard.backends.base import TaskResult, TaskStarted
from dashboard.planning.prices import Prices

REGION = "eu-central-1"
MOST_WARM_UPS = 5
MEMORY_MB = 1_769


def tasks(n: int, first_seed: int) -> list[FitTask]:
    """Tasks that differ by their seeds; a fit of each would have the same shape."""
    return [
        FitTask("ab" * 32, (0, 1), True, "full-untied", (5,), (0,), 1, first_seed + number)
        for number in range(n)
    ]


def write_answer(path: Path) -> None:
    """A real result of a small fit, with a place for the task's id."""
    (task,) = tasks(1, 0)
    result = fit(task, np.random.default_rng(0).normal(size=(100, 2)))
    text = json.dumps(result.to_dict(), separators=(",", ":"))
    path.write_text(text.replace(task.task_id, "TASK_ID"), encoding="utf-8")


def configuration(space: Path, n_in_flight: int, pause_ms: float) -> GatewayConfiguration:
    """A gateway in front of the paced function."""
    task_root = space / "task"
    task_root.mkdir()
    shutil.copy(Path(__file__).parent / "rig" / "paced_function.py", task_root)
    write_answer(space / "answer.json")
    function = FunctionConfiguration(
        task_root=str(task_root),
        runtime_root=str(link_runtime_root(space / "runtime")),
        log_path=str(space / "function.log"),
        handler="paced_function.handler",
        region=REGION,
        memory_mb=MEMORY_MB,
        concurrency=n_in_flight,
        environment={"PAUSE_MS": str(pause_ms), "ANSWER_FILE": str(space / "answer.json")},
    )
    return GatewayConfiguration(function, (DEVELOPER,))


def run(backend: ApiBackend, work: list[FitTask], pids: list[int]) -> Iterator[tuple[float, float]]:
    """Run `work`; seconds and memory (MB, this process and `pids`) after each tenth of it."""
    began = time.perf_counter()
    seen: set[str] = set()
    for event in backend.run(work, threading.Event()):
        if isinstance(event, TaskStarted):
            continue
        if not isinstance(event, TaskResult) or event.task_id in seen:
            raise RuntimeError(f"Expected every task done once, got {event}.")
        seen.add(event.task_id)
        if len(seen) % (len(work) // 10) == 0:
            yield time.perf_counter() - began, sum(map(resident_mb, pids))
    if seen != {task.task_id for task in work}:
        raise RuntimeError(f"Expected {len(work)} results, got {len(seen)}.")


def warm_up(backend: ApiBackend, gateway: LocalGateway, n_tasks: int, pids: list[int]) -> None:
    """Run such tasks until a run starts no further environment."""
    for number in range(1, MOST_WARM_UPS + 1):
        before = gateway.state()["counts"]["cold_starts"]
        list(run(backend, tasks(n_tasks, number * 1_000_000), pids))
        if gateway.state()["counts"]["cold_starts"] == before:
            return


def used_s(pids: list[int], workers: list[int]) -> list[float]:
    """Processor time so far of each of `pids`, and of all `workers` together."""
    return [*map(cpu_s, pids), sum(map(cpu_s, workers))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--pause-ms", type=float, default=5.0)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="dispatcher-") as space,
        LocalGateway(configuration(Path(space), options.in_flight, options.pause_ms)) as gateway,
    ):
        backend = ApiBackend(
            gateway.endpoint,
            REGION,
            lambda: FrozenDeveloper(),
            prices=Prices.of("x86_64"),
            memory_mb=MEMORY_MB,
            max_in_flight=options.in_flight,
        )
        try:
            pids = [0, gateway.pid]
            warm_up(backend, gateway, options.tasks, pids)
            workers = gateway.worker_pids()
            before, cpu_before_s = gateway.state()["counts"], used_s(pids, workers)
            points = list(run(backend, tasks(options.tasks, 0), pids))
            after, cpu_after_s = gateway.state(), used_s(pids, workers)
        finally:
            backend.close()
    seconds, memory_mb = points[-1]
    new = {name: after["counts"][name] - before[name] for name in before}
    here_ms, there_ms, workers_ms = (
        1e3 * (after_s - before_s) / options.tasks
        for before_s, after_s in zip(cpu_before_s, cpu_after_s, strict=True)
    )
    print(
        f"dispatcher, {options.tasks:,} tasks of {options.pause_ms:g} ms, {options.in_flight} in"
        f" flight, {len(after['environments'])} environments ({new['cold_starts']} of them new):"
        f" {options.tasks / seconds:,.0f} tasks/s, {new['invocations'] + new['throttled']:,}"
        f" requests; {here_ms:.2f} ms of a core per task here, {there_ms:.2f} in the gateway,"
        f" {workers_ms:.2f} in its environments; memory of here and the gateway"
        f" {points[0][1]:.0f} MB after a tenth, {memory_mb:.0f} MB at the end",
        flush=True,
    )
    headline(
        f"{options.tasks:,} tasks of {options.pause_ms:g} ms through the local gateway,"
        f" {options.in_flight} in flight",
        f"{options.tasks / seconds:,.0f} tasks/s",
        "500 tasks/s",
    )


class FrozenDeveloper:
    """The developer's key in the shape of botocore's frozen credentials."""

    access_key = DEVELOPER.access_key
    secret_key = DEVELOPER.secret_key
    token = DEVELOPER.session_token


if __name__ == "__main__":
    main()
