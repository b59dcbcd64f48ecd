"""The API backend: jobs on one side, an event loop in a thread of its own on the other."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

from compute_lambda import Task
from dashboard.aws.signing import FrozenCredentials, RenewingCredentials, Signer
from dashboard.backends.api.congestion import Window
from dashboard.backends.api.connections import Transport
from dashboard.backends.api.dispatcher import Dispatcher
from dashboard.backends.api.endpoint import Endpoint
from dashboard.backends.api.retrying import Retrying
from dashboard.backends.api.uploads import Datasets, Uploads
from dashboard.backends.api.work import Run, Work
from dashboard.backends.base import TaskEvent, TaskStarted
from dashboard.planning.cost import CostModel
from dashboard.planning.lambda_costs import lambda_costs
from dashboard.planning.prices import Prices
from dashboard.planning.spending import Budget

POLL_S = 0.05
"""How often a waiting run looks whether it has been cancelled."""

STOP_TIMEOUT_S = 5.0
"""How long a cancelled run waits for requests in flight: they are billed either way."""

UPLOADS_AT_ONCE = 2

_log = logging.getLogger(__name__)


class ApiBackend:
    """Sends tasks to the function of one deployed stack, at most `max_in_flight` at once.

    All jobs of the process share that number and take turns. `credentials` is botocore's object or
    a function that returns frozen credentials. `datasets` uploads what the function needs to
    read; None if it finds everything. `timeout_s` bounds a request; an HTTP API answers within 30 s
    or not at all. `transport`, `clock` (monotonic seconds) and `rng` are for tests.
    """

    name = "aws"

    def __init__(
        self,
        endpoint: str,
        region: str,
        credentials: RenewingCredentials | Callable[[], FrozenCredentials],
        *,
        prices: Prices,
        memory_mb: int,
        datasets: Datasets | None = None,
        max_in_flight: int = 50,
        timeout_s: float = 29.0,
        costs: CostModel | None = None,
        retrying: Retrying | None = None,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: Random | None = None,
    ) -> None:
        if max_in_flight < 1:
            raise ValueError(f"Expected max_in_flight of at least 1, got {max_in_flight}.")
        self.concurrency = max_in_flight
        self.costs = costs or lambda_costs(memory_mb)
        self.region = region
        self._address, self._signer = endpoint, Signer(credentials, region)
        self._prices, self._memory_mb, self._datasets = prices, memory_mb, datasets
        self._timeout_s, self._transport = timeout_s, transport
        self._retrying, self._clock, self._rng = retrying or Retrying(), clock, rng
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._uploaders = ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="upload")
        self._runs: set[Run] = set()
        self._closed = False

    @property
    def label(self) -> str:
        """Service, region and the most requests at once, for people."""
        return f"AWS Lambda · {self.region} · {self.concurrency} at once"

    def cost_usd(self, busy_s: float, n_requests: int) -> float:
        """See `Backend.cost_usd`: duration and requests at list prices, no free tier."""
        return self._prices.cost_usd(1e3 * busy_s, self._memory_mb, n_requests)

    def run(
        self,
        tasks: Iterable[Task],
        cancelled: threading.Event,
        budget: Budget | None = None,
    ) -> Generator[TaskEvent, None, None]:
        """See Backend.run. Raises RuntimeError after close().

        Tasks are taken from `tasks` in the caller's thread, a few ahead of the requests.
        """
        loop, dispatcher = self._running()
        run = self._new_run(cancelled, budget or Budget())
        loop.call_soon_threadsafe(dispatcher.add, run)
        try:
            yield from self._events(run, iter(tasks), loop, dispatcher)
            if run.stopped:
                yield from self._stopping(run)
        finally:
            run.closed = True
            self._drop(run, loop, dispatcher)
            with self._lock:
                self._runs.discard(run)

    def close(self) -> None:
        """See `Backend.close`. Waits a few seconds for answers that are under way."""
        with self._lock:
            self._closed = True
            for run in self._runs:
                run.closed = True
            loop, self._loop = self._loop, None
            thread = self._thread
        self._uploaders.shutdown(wait=False, cancel_futures=True)
        if loop is None or thread is None:
            return
        # Runs in progress notice within POLL_S, and then wait for their answers.
        deadline = time.monotonic() + STOP_TIMEOUT_S + 10 * POLL_S
        while self._runs and time.monotonic() < deadline:
            time.sleep(POLL_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_TIMEOUT_S)

    # -- the caller's side ---------------------------------------------------------------------

    def _events(
        self,
        run: Run,
        tasks: Iterator[Task],
        loop: asyncio.AbstractEventLoop,
        dispatcher: Dispatcher,
    ) -> Iterator[TaskEvent]:
        """Events until every task has its outcome or the run is stopped."""
        n_open = 0
        more = True
        while not run.stopped:
            fresh: list[Work] = []
            # Refilled to twice the requests in flight when there are less than one and a half times
            # as many: the loop never waits until this generator is advanced, and is not woken up
            # for every single task.
            if 2 * n_open <= 3 * self.concurrency:
                while more and n_open < 2 * self.concurrency and not run.stopped:
                    task = next(tasks, None)
                    more = task is not None
                    if task is not None:
                        fresh.append(Work.of(task))
                        n_open += 1
            if fresh:
                loop.call_soon_threadsafe(dispatcher.offer, run, fresh)
            if n_open == 0:
                return
            try:
                event = run.events.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if event is None:
                continue
            if not isinstance(event, TaskStarted):
                n_open -= 1
            yield event

    def _stopping(self, run: Run) -> Iterator[TaskEvent]:
        """Events of the requests that were in flight when the run was stopped.

        A run that somebody ended waits for STOP_TIMEOUT_S. A run whose budget is exhausted waits
        for every answer: each request has a deadline of its own, and results in flight are paid.
        """
        ended_by_somebody = run.closed or run.cancelled.is_set()
        wait_s = STOP_TIMEOUT_S if ended_by_somebody else 2 * self._timeout_s
        give_up_at = time.monotonic() + wait_s
        while time.monotonic() < give_up_at:
            idle = run.n_in_flight == 0
            try:
                event = run.events.get(timeout=0.0 if idle else POLL_S)
            except queue.Empty:
                if idle:
                    return
                continue
            if event is not None:
                yield event

    @staticmethod
    def _drop(run: Run, loop: asyncio.AbstractEventLoop, dispatcher: Dispatcher) -> None:
        """Break off what is in flight. Afterwards the run's budget counts every request it sent."""
        if loop.is_closed():
            return
        dropped = asyncio.run_coroutine_threadsafe(dispatcher.drop(run), loop)
        try:
            dropped.result(STOP_TIMEOUT_S)
        except TimeoutError:
            _log.warning("Requests of an ended run could not be broken off in time")

    def _new_run(self, cancelled: threading.Event, budget: Budget) -> Run:
        uploads = Uploads(self._datasets, self._uploaders, lambda: run.stopped)
        run = Run(cancelled, budget, uploads, self._clock())
        with self._lock:
            self._runs.add(run)
        return run

    # -- the loop's thread ---------------------------------------------------------------------

    def _running(self) -> tuple[asyncio.AbstractEventLoop, Dispatcher]:
        """The loop, started when the first job runs: a server may fork before that."""
        with self._lock:
            if self._closed:
                raise RuntimeError("Expected an open backend, got one that has been closed.")
            if self._loop is None:
                endpoint = Endpoint(
                    self._address,
                    self._signer,
                    max_connections=self.concurrency,
                    timeout_s=self._timeout_s,
                    transport=self._transport,
                )
                self._dispatcher = self._dispatch_to(endpoint)
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop, endpoint), name="api-backend", daemon=True
                )
                self._thread.start()
            return self._loop, self._dispatcher

    def _dispatch_to(self, endpoint: Endpoint) -> Dispatcher:
        return Dispatcher(
            endpoint,
            Window(self.concurrency),
            self._retrying,
            self._prices,
            self._memory_mb,
            clock=self._clock,
            rng=self._rng,
        )


def _serve(loop: asyncio.AbstractEventLoop, endpoint: Endpoint) -> None:
    """Run the loop until it is stopped, then end what is left in it."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()
        runner.run(endpoint.close())
