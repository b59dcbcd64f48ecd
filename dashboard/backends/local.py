"""Tasks on this machine: a pool of threads that all running jobs share."""

from __future__ import annotations

import dataclasses
import json
import logging
import queue
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from compute_lambda import Result, Task
from compute_lambda.contract.errors import ReportedError, error_record
from compute_lambda.tables.cache import TableCache
from compute_lambda.tables.columns import ColumnStore
from compute_lambda.tasks.host import Host, Process
from compute_lambda.tasks.registry import run_task
from dashboard.backends.base import TaskEvent, TaskFailure, TaskResult, TaskStarted
from dashboard.planning.cost import CostModel, default_costs
from dashboard.planning.spending import Budget
from kmeans_core import KERNEL

POLL_S = 0.05
"""How often a waiting run looks whether it has been cancelled."""

STOP_TIMEOUT_S = 5.0
"""How long a cancelled run waits for its tasks, which stop at their next step."""

TURN_S = 1.0
"""How long a task may go on while tasks of another job wait."""

_log = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True)
class _Work:
    """A task on its way; `so_far` is the unfinished result of one that was interrupted."""

    task: Task
    request_id: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex[:16])
    so_far: Result | None = None


class _Run:
    """One job's share of the pool. `waiting` and `n_running` belong to the backend's lock."""

    def __init__(self, cancelled: threading.Event) -> None:
        self.cancelled = cancelled
        self.closed = False
        self.waiting: deque[_Work] = deque()
        self.n_running = 0
        self.events: queue.SimpleQueue[TaskEvent] = queue.SimpleQueue()

    @property
    def stopped(self) -> bool:
        return self.closed or self.cancelled.is_set()


class LocalBackend:
    """Runs at most `n_threads` tasks at once, whatever the number of jobs.

    Jobs take turns, a new job first: a thread that becomes free works for the next job that has
    tasks waiting. A task that runs for longer than TURN_S is interrupted when another job waits.
    Prepared data are kept in `cache` and shared by all threads. `costs` are the kernel's defaults
    when this machine has not been measured.
    """

    name = "local"

    def __init__(
        self,
        column_store: ColumnStore,
        n_threads: int,
        *,
        costs: CostModel | None = None,
        cache: TableCache | None = None,
    ) -> None:
        if n_threads < 1:
            raise ValueError(f"Expected n_threads of at least 1, got {n_threads}.")
        self.concurrency = n_threads
        self.costs = costs or default_costs()
        self._store = column_store
        self._cache = cache or TableCache()
        # Every thread has a task of its own: threads of BLAS inside each would fight for the cores.
        # The limit holds for the whole process, which computes nothing else.
        threadpool_limits(limits=1, user_api="blas")
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="worker")
        self._lock = threading.Lock()
        self._runs: deque[_Run] = deque()
        self._closed = False

    @property
    def label(self) -> str:
        """Threads, and whether the compiled kernel is missing, for people."""
        threads = f"Local · {self.concurrency} thread{'s' if self.concurrency > 1 else ''}"
        # Ten times slower, and a reason to install a compiler: people should see it.
        return f"{threads} · no compiled kernel" if KERNEL == "numpy" else threads

    def cost_usd(self, busy_s: float, n_requests: int) -> float:  # noqa: ARG002
        """Nothing: this machine is not billed by use."""
        return 0.0

    def run(
        self,
        tasks: Iterable[Task],
        cancelled: threading.Event,
        budget: Budget | None = None,  # noqa: ARG002
    ) -> Generator[TaskEvent, None, None]:
        """See Backend.run; this machine costs nothing. Raises RuntimeError after close().

        Tasks are taken from `tasks` in the caller's thread, a few ahead of the pool.
        """
        run = _Run(cancelled)
        with self._lock:
            if self._closed:
                raise RuntimeError("Expected an open backend, got one that has been closed.")
            self._runs.appendleft(run)
        try:
            yield from self._events(run, iter(tasks))
            if run.stopped:
                yield from self._stopping(run)
        finally:
            with self._lock:
                run.closed = True
                run.waiting.clear()
                self._runs.remove(run)

    def close(self) -> None:
        """See `Backend.close`. Waits until every thread has ended its step."""
        with self._lock:
            self._closed = True
            for run in self._runs:
                run.closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _events(self, run: _Run, tasks: Iterator[Task]) -> Iterator[TaskEvent]:
        """Events until every task has its outcome or the run is stopped."""
        n_open = 0
        more = True
        while not run.stopped:
            # Twice the threads: the pool never waits for this generator to be advanced.
            while more and n_open < 2 * self.concurrency:
                task = next(tasks, None)
                more = task is not None
                if task is not None:
                    self._offer(run, _Work(task))
                    n_open += 1
            if n_open == 0:
                return
            try:
                event = run.events.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if not isinstance(event, TaskStarted):
                n_open -= 1
            yield event

    def _stopping(self, run: _Run) -> Iterator[TaskEvent]:
        """Events of the tasks that were in progress when the run was stopped."""
        give_up_at = time.monotonic() + STOP_TIMEOUT_S
        with self._lock:
            run.waiting.clear()
        while time.monotonic() < give_up_at:
            with self._lock:
                idle = run.n_running == 0
            try:
                yield run.events.get(timeout=0.0 if idle else POLL_S)
            except queue.Empty:
                if idle:
                    return

    def _offer(self, run: _Run, work: _Work, *, first: bool = False) -> None:
        with self._lock:
            if run.closed:
                return
            if first:
                run.waiting.appendleft(work)
            else:
                run.waiting.append(work)
            # A ticket for one turn of the pool. `_turn` decides for which job.
            self._pool.submit(self._turn)

    def _turn(self) -> None:
        with self._lock:
            run = self._next_run()
            if run is None:
                return
            work = run.waiting.popleft()
            run.n_running += 1
        try:
            self._advance(run, work)
        finally:
            with self._lock:
                run.n_running -= 1

    def _next_run(self) -> _Run | None:
        """The next run with work, moved behind all the others. Needs the lock."""
        for run in self._runs:
            if run.waiting and not run.stopped:
                self._runs.remove(run)
                self._runs.append(run)
                return run
        return None

    def _advance(self, run: _Run, work: _Work) -> None:
        """Work on the task until it is complete, fails, or has to make way for another job."""
        task_id = work.task.task_id
        if work.so_far is None:
            run.events.put(TaskStarted(task_id, time.time()))
        try:
            result = self._compute(run, work)
        except Exception as error:
            run.events.put(TaskFailure(task_id, _logged(error, work), attempts=1))
            return
        if work.so_far is not None:
            result = work.so_far.followed_by(result)
        if result.resume is None:
            run.events.put(TaskResult(task_id, result))
        elif not run.stopped:
            work.so_far = result
            self._offer(run, work, first=True)

    def _compute(self, run: _Run, work: _Work) -> Result:
        task = work.task
        if work.so_far is not None:
            task = task.resumed(work.so_far.resume)
        turn_ends = time.monotonic() + TURN_S

        def should_stop() -> bool:
            return run.stopped or (time.monotonic() > turn_ends and self._others_wait(run))

        process = Process(worker=threading.current_thread().name)
        host = Host(self._store, self._cache, process, work.request_id, should_stop)
        return run_task(task, host)

    def _others_wait(self, run: _Run) -> bool:
        with self._lock:
            return any(other.waiting for other in self._runs if other is not run)


def _logged(error: Exception, work: _Work) -> dict[str, Any]:
    """The error as it is shown, after logging it under the same id."""
    record = error_record(error, work.request_id)
    facts = {**record, "task_id": work.task.task_id, "inputs": list(work.task.inputs)}
    if not isinstance(error, ReportedError):
        facts["traceback"] = "".join(traceback.format_exception(error))
    _log.error(json.dumps(facts, default=str))
    return record
