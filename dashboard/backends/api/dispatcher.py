"""Sends the tasks of all running jobs, many at a time, and deals with what comes back.

Everything here runs in one event loop. A task is in exactly one place: waiting, in flight, or on
its way back to waiting (a timer of a retry, an upload). It leaves with exactly one outcome, or
without one when its run was stopped.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from compute_lambda import Result
from compute_lambda.contract.errors import error_record
from dashboard.backends.api import answers
from dashboard.backends.api.answers import Problem
from dashboard.backends.api.congestion import Window
from dashboard.backends.api.endpoint import Endpoint
from dashboard.backends.api.retrying import Retrying
from dashboard.backends.api.work import Run, Work
from dashboard.backends.base import TaskFailure, TaskResult, TaskStarted
from dashboard.planning.prices import Prices
from dashboard.planning.spending import Usage

MOST_BILLED_MS, MOST_MEMORY_MB = 900_000.0, 10_240
"""Lambda's limits for one request: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_log = logging.getLogger(__name__)


class Dispatcher:
    """Keeps at most `window.size` requests in flight over all runs, which take turns."""

    def __init__(
        self,
        endpoint: Endpoint,
        window: Window,
        retrying: Retrying,
        prices: Prices,
        memory_mb: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: Random | None = None,
    ) -> None:
        self._endpoint, self._window, self._retrying = endpoint, window, retrying
        self._prices, self._memory_mb = prices, memory_mb
        self._clock, self._rng = clock, rng or Random()
        self._runs: deque[Run] = deque()
        self._n_in_flight = 0
        self._tasks: dict[asyncio.Task[None], Run] = {}
        self._served_at = -math.inf

    def add(self, run: Run) -> None:
        """Take the run up; a new run has the next turn."""
        self._runs.appendleft(run)

    def offer(self, run: Run, works: list[Work]) -> None:
        """Send these tasks of the run when its turn comes."""
        for work in works:
            self._enter(run, work)
        self._pump()

    async def drop(self, run: Run) -> None:
        """Forget the run. Requests in flight are broken off, and their answers are lost."""
        run.closed = True
        run.waiting.clear()
        if run in self._runs:
            self._runs.remove(run)
        # One step first: a request cancelled before it began would never settle with the budget.
        await asyncio.sleep(0)
        mine = [task for task, owner in self._tasks.items() if owner is run]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    # -- sending ------------------------------------------------------------------------------

    def _enter(self, run: Run, work: Work, *, first: bool = False) -> None:
        """Put the task among the waiting ones, once its datasets are there."""
        if run.stopped:
            return
        if run.final_error is not None:
            self._fail(run, work, run.final_error)
            return
        is_ready, error = run.uploads.state(work.task.inputs)
        if not is_ready:
            self._begin(run, self._after_upload(run, work))
        elif error is not None:
            self._fail(run, work, error)
        elif first:
            run.waiting.appendleft(work)
        else:
            run.waiting.append(work)

    async def _after_upload(self, run: Run, work: Work) -> None:
        await run.uploads.ready(work.task.inputs)
        self._enter(run, work)
        self._pump()

    def _pump(self) -> None:
        while self._n_in_flight < self._window.size:
            picked = self._next()
            if picked is None:
                return
            run, work, reserved_usd = picked
            self._n_in_flight += 1
            run.n_in_flight += 1
            self._begin(run, self._send(run, work, reserved_usd))

    def _next(self) -> tuple[Run, Work, float] | None:
        """The task to send next, with its price reserved; its run moves behind all the others."""
        for run in list(self._runs):
            if run.stopped or not run.waiting:
                continue
            usd = self._prices.cost_usd(run.expected_ms, self._memory_mb, 1)
            if not run.budget.reserve(usd):
                run.events.put(None)
                continue
            self._runs.remove(run)
            self._runs.append(run)
            return run, run.waiting.popleft(), usd
        return None

    def _begin(self, run: Run, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[task] = run
        task.add_done_callback(self._tasks.pop)

    async def _send(self, run: Run, work: Work, reserved_usd: float) -> None:
        sent_at = self._clock()
        if not work.started:
            work.started = True
            run.events.put(TaskStarted(work.task_id, time.time()))
        work.upload_version = run.uploads.version(work.task.inputs)
        found: Result | Problem | None = None
        try:
            found = await self._endpoint.send(work.request(), work.task_id)
        except Exception as error:  # a fault of ours must not lose the task
            busy_ms = 1e3 * (self._clock() - sent_at)
            found = Problem("never", _internal(error, work), busy_ms=busy_ms)
        finally:
            waited_ms = 1e3 * (self._clock() - sent_at)
            run.budget.settle(reserved_usd, self._usage(run, found, waited_ms))
            n_in_flight = self._n_in_flight
            self._n_in_flight -= 1
            try:
                if found is not None:
                    self._learn(found, sent_at, n_in_flight)
                    self._deal(run, work, found)
            except Exception as error:
                self._fail(run, work, _internal(error, work))
            # Only now: a caller that finds nothing in flight has every outcome in its queue.
            run.n_in_flight -= 1
            if run.stopped:
                run.events.put(None)  # its caller may be waiting until nothing is in flight
            self._pump()

    # -- what came ----------------------------------------------------------------------------

    def _usage(self, run: Run, found: Result | Problem | None, waited_ms: float) -> Usage:
        """One request, and the milliseconds that its answer reports, or that it may have run.

        A request that was broken off (`found` None) goes on in the function and is billed there.
        """
        memory_mb = self._memory_mb
        if isinstance(found, Result):
            ran = found.invocation
            busy_ms = ran.busy_ms
            memory_mb = ran.memory_mb or memory_mb
        else:
            busy_ms = waited_ms if found is None else found.busy_ms
        # More than Lambda grants cannot be true, and must not use up the job's budget.
        busy_ms, memory_mb = min(busy_ms, MOST_BILLED_MS), min(memory_mb, MOST_MEMORY_MB)
        billed_ms = math.ceil(busy_ms)
        if billed_ms:
            run.billed(billed_ms)
        return Usage(1, billed_ms, self._prices.cost_usd(billed_ms, memory_mb, 1))

    def _learn(self, found: Result | Problem, sent_at: float, n_in_flight: int) -> None:
        """What this answer says about how much the endpoint can take."""
        now = self._clock()
        if isinstance(found, Problem) and found.congested:
            self._window.throttled(sent_at, now)
        else:
            self._window.answered(n_in_flight)
        if isinstance(found, Result) or found.remedy in ("never", "upload"):
            self._served_at = now

    def _deal(self, run: Run, work: Work, found: Result | Problem) -> None:
        problem = self._take(run, work, found) if isinstance(found, Result) else found
        if problem is None:
            return
        remedy, error = problem.remedy, problem.error
        if remedy == "never":
            self._fail(run, work, error)
        elif remedy == "stop":
            self._stop(run, work, error)
        elif run.stopped:
            return  # every other remedy sends again, and nothing is sent any more
        elif run.final_error is not None:
            self._fail(run, work, run.final_error)
        elif remedy == "upload":
            if run.uploads.again(work.task.inputs, work.upload_version):
                self._enter(run, work)
            else:
                self._fail(run, work, error)
        elif remedy == "again":
            self._try_again(run, work, error)
        else:
            self._wait_for_endpoint(run, work, problem)

    def _take(self, run: Run, work: Work, result: Result) -> Problem | None:
        """Report a finished result, or send the rest of the task; the problem if it is unusable."""
        before = work.so_far
        if before is not None:
            if result.resume is not None and result.resume == before.resume:
                return answers.no_progress()
            result = before.followed_by(result)
        if result.resume is not None:
            work.progressed(result)
            self._enter(run, work, first=True)
            return None
        missing = answers.n_missing(work.task, result)
        if missing:
            return answers.incomplete(missing)
        run.events.put(TaskResult(work.task_id, result, work.attempts))
        return None

    def _try_again(self, run: Run, work: Work, error: dict[str, Any]) -> None:
        work.n_errors += 1
        if work.n_errors >= self._retrying.max_attempts:
            tried = f" It was tried {work.n_errors} times."
            self._fail(run, work, {**error, "message": error["message"] + tried})
            return
        work.attempts += 1
        self._later(run, work, work.n_errors)

    def _wait_for_endpoint(self, run: Run, work: Work, problem: Problem) -> None:
        """The endpoint is busy or out of reach: that uses up patience, not attempts."""
        now = self._clock()
        work.n_turned_away += 1
        if work.turned_away_since is None:
            work.turned_away_since = now
        limits = self._retrying
        is_busy = problem.remedy == "later"
        patience_s = limits.busy_patience_s if is_busy else limits.unreachable_patience_s
        starved_s = now - max(run.began_at, self._served_at)
        error = problem.error
        if starved_s > patience_s:
            waited = f" It was tried for {starved_s:,.0f} s. Rerun the failed tasks later."
            error = {**error, "message": error["message"] + waited}
            self._stop(run, work, error)
        elif now - work.turned_away_since > limits.task_patience_s:
            waited = f" It was tried for {now - work.turned_away_since:,.0f} s."
            self._fail(run, work, {**error, "message": error["message"] + waited})
        else:
            self._later(run, work, work.n_turned_away)

    def _later(self, run: Run, work: Work, n_failures: int) -> None:
        def enter() -> None:
            self._enter(run, work, first=True)
            self._pump()

        delay_s = self._retrying.delay_s(n_failures, self._rng)
        asyncio.get_running_loop().call_later(delay_s, enter)

    def _stop(self, run: Run, work: Work, error: dict[str, Any]) -> None:
        """Nothing more can be sent for this run: `work`, waiting tasks and later ones fail."""
        run.final_error = run.final_error or error
        self._fail(run, work, run.final_error)
        waiting, run.waiting = run.waiting, deque()
        for other in waiting:
            self._fail(run, other, run.final_error)

    def _fail(self, run: Run, work: Work, error: dict[str, Any]) -> None:
        run.events.put(TaskFailure(work.task_id, error, work.attempts))


def _internal(error: Exception, work: Work) -> dict[str, Any]:
    error_id = uuid.uuid4().hex[:16]
    _log.exception("Task %s: dealing with its answer failed (error %s)", work.task_id, error_id)
    return error_record(error, error_id)
