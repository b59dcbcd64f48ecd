"""The work, in steps of a hundred rows. It leaves a line in a file for each of them.

COUNT_STEPS names a folder. A step adds a line to `steps` in it: task, first row, process. Then it
waits while there is a file `wait` in the folder.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from compute_lambda.tasks.count.task import CountResult, CountTask

from compute_lambda.tasks.base import Invocation
from compute_lambda.tasks.host import Host

STEP = 100
WAIT_S = 240.0


def run(task: CountTask, host: Host) -> CountResult:
    """At least one step, then as many as there is time for."""
    began = time.time()
    column = host.store.read(task.dataset_id, (task.column,))[:, 0]
    first = int((task.resume or {}).get("at", task.start))
    at, n_above = first, 0
    while at < task.stop:
        _note(task, at)
        end = min(at + STEP, task.stop)
        n_above += int(np.count_nonzero(column[at:end] > task.threshold))
        at = end
        if at < task.stop and host.should_stop():
            break
    process = host.process
    return CountResult(
        task_id=task.task_id,
        n_above=n_above,
        n_seen=at - first,
        n_pieces=1,
        asked=task.about(),
        invocation=Invocation(
            request_id=host.request_id,
            started_at=began,
            startup_ms=process.startup_ms,
            read_ms=0.0,
            run_ms=1e3 * (time.time() - began),
            cold=process.cold,
            memory_mb=process.memory_mb,
            kernel="none",
            worker=process.worker,
        ),
        resume=None if at == task.stop else {"at": at},
    )


def _note(task: CountTask, first: int) -> None:
    folder = Path(os.environ["COUNT_STEPS"])
    line = f"{task.task_id} {first} {os.getpid()}\n".encode()
    file = os.open(folder / "steps", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, line)  # at once: several processes write
    finally:
        os.close(file)
    deadline = time.monotonic() + WAIT_S
    while (folder / "wait").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
