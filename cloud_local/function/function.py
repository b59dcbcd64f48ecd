"""A Lambda function: environments started on demand, one call each, kept warm, ended when idle."""

from __future__ import annotations

import asyncio
import logging
import math
import time
import uuid
from dataclasses import asdict, dataclass
from typing import BinaryIO

from cloud_local.function.configuration import FunctionConfiguration
from cloud_local.function.environment import (
    STOP_S,
    ExecutionEnvironment,
    new_environment,
    start_process,
)
from cloud_local.function.invocation import Answered, Failed, FailureKind, Invocation, Outcome

MAX_PAYLOAD_BYTES = 6_291_556
"""Lambda's limit for the event and for the answer, each as JSON (6 MiB and a little)."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """Since the start. `invocations` are those that reached an environment."""

    invocations: int = 0
    cold_starts: int = 0
    throttled: int = 0
    failed: int = 0


class Function:
    """Runs in one event loop; `runtime_api` is the address (host:port) that workers are told."""

    def __init__(self, configuration: FunctionConfiguration, log: BinaryIO) -> None:
        self.configuration = configuration
        self.concurrency = configuration.concurrency
        self.timeout_s = configuration.timeout_s
        self.runtime_api = ""
        self.counts = Counts()
        self.environments: dict[str, ExecutionEnvironment] = {}
        self._idle: list[ExecutionEnvironment] = []
        self._lives: set[asyncio.Task[None]] = set()
        self._log_file = log
        self._n_started = 0
        self._stopping = False

    @property
    def n_in_flight(self) -> int:
        return len(self.environments) - len(self._idle)

    def invoke(self, payload: bytes) -> asyncio.Future[Outcome]:
        """Begin one call. The caller may stop waiting; the call goes on."""
        loop = asyncio.get_running_loop()
        invocation = Invocation(str(uuid.uuid4()), payload, loop.create_future(), loop.time())
        if len(payload) > MAX_PAYLOAD_BYTES:
            invocation.settle(Failed("request_too_large"))
        elif self._stopping:
            invocation.settle(Failed("stopped"))
        elif self.n_in_flight >= self.concurrency:
            self.counts.throttled += 1
            invocation.settle(Failed("throttled"))
        else:
            self.counts.invocations += 1
            # The one used last: the others grow old and are ended.
            environment = self._idle.pop() if self._idle else self._start()
            environment.assign(invocation)
            limit_s = self.timeout_s
            if environment.ready_s is None:
                limit_s += self.configuration.init_limit_s
            self._arm(environment, invocation, limit_s)
        return invocation.outcome

    async def next_for(self, environment: ExecutionEnvironment) -> Invocation:
        """What the runtime of `environment` is to do next."""
        loop = asyncio.get_running_loop()
        if environment.ready_s is not None:
            return await environment.next_invocation()
        environment.ready_s = loop.time()
        invocation = await environment.next_invocation()
        # Starting up has its own limit; what went beyond it counts as run time.
        beyond_s = environment.ready_s - environment.began_s - self.configuration.init_limit_s
        self._arm(environment, invocation, self.timeout_s - max(0.0, beyond_s))
        return invocation

    def respond(self, environment: ExecutionEnvironment, request_id: str, payload: bytes) -> int:
        """Take an answer from a runtime; the status that the runtime is told (202, 400 or 413)."""
        if len(payload) > MAX_PAYLOAD_BYTES:
            if self._settle(environment, request_id, Failed("response_too_large")):
                # The runtime client gives up when it is told so.
                self._forget(environment)
            return 413
        return 202 if self._settle(environment, request_id, Answered(payload)) else 400

    def report(self, environment: ExecutionEnvironment, request_id: str) -> int:
        """Take a handler's exception from a runtime; 202 or 400."""
        return 202 if self._settle(environment, request_id, Failed("function_error")) else 400

    def init_failed(self, environment: ExecutionEnvironment) -> None:
        """The module could not be loaded; its process ends by itself."""
        self._fail(environment, "init_error")

    def end_idle(self) -> None:
        """End the environments that had no work for long."""
        oldest_s = asyncio.get_running_loop().time() - self.configuration.idle_s
        for environment in [one for one in self._idle if one.idle_since_s < oldest_s]:
            self._forget(environment)
            environment.kill()

    async def close(self) -> None:
        """End every process and wait until all are gone."""
        self._stopping = True
        for environment in list(self.environments.values()):
            self._fail(environment, "stopped")
            environment.kill()
        if self._lives:
            _, late = await asyncio.wait(self._lives, timeout=STOP_S)
            for life in late:
                life.cancel()

    def state(self) -> dict[str, object]:
        """Plain facts for people and tests."""
        return {
            "concurrency": self.concurrency,
            "n_in_flight": self.n_in_flight,
            "counts": asdict(self.counts),
            "environments": [
                {
                    "name": one.name,
                    "pid": one.pid,
                    "log_stream": one.log_stream,
                    "busy": one.invocation is not None,
                    "n_invocations": one.n_invocations,
                }
                for one in self.environments.values()
            ],
        }

    def _start(self) -> ExecutionEnvironment:
        self._n_started += 1
        self.counts.cold_starts += 1
        environment = new_environment(self._n_started, asyncio.get_running_loop().time())
        self.environments[environment.name] = environment
        life = asyncio.get_running_loop().create_task(self._live(environment))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        return environment

    async def _live(self, environment: ExecutionEnvironment) -> None:
        """From the start of the process to its end, whatever ends it."""
        try:
            process = await start_process(
                environment, self.configuration, self.runtime_api, self._log_file
            )
            # It may have been given up while it was being started.
            if environment.name not in self.environments:
                environment.kill()
            await process.wait()
        except OSError as error:
            _log.error("A worker could not be started: %s", error)
        self._fail(environment, "crashed")

    def _arm(
        self, environment: ExecutionEnvironment, invocation: Invocation, limit_s: float
    ) -> None:
        loop = asyncio.get_running_loop()
        if invocation.timer is not None:
            invocation.timer.cancel()
        invocation.deadline_s = time.time() + limit_s
        invocation.timer = loop.call_later(limit_s, self._time_out, environment, invocation)

    def _time_out(self, environment: ExecutionEnvironment, invocation: Invocation) -> None:
        if environment.invocation is invocation:
            self._write(
                f"{invocation.request_id} Task timed out after {self.timeout_s:.2f} seconds"
            )
            self._fail(environment, "timed_out")
            environment.kill()

    def _settle(self, environment: ExecutionEnvironment, request_id: str, outcome: Outcome) -> bool:
        """The end of a call whose environment can go on. False when it is not its call."""
        invocation = environment.invocation
        if invocation is None or invocation.request_id != request_id:
            return False
        now_s = asyncio.get_running_loop().time()
        self._write_report(environment, invocation, now_s)
        self.counts.failed += isinstance(outcome, Failed)
        environment.release(now_s)
        self._idle.append(environment)
        invocation.settle(outcome)
        return True

    def _fail(self, environment: ExecutionEnvironment, kind: FailureKind) -> None:
        """The end of an environment, with the call that it had."""
        invocation, environment.invocation = environment.invocation, None
        self._forget(environment)
        if invocation is not None and invocation.settle(Failed(kind)):
            self.counts.failed += 1
            self._write(f"{invocation.request_id} Error: {kind} in {environment.name}")

    def _forget(self, environment: ExecutionEnvironment) -> None:
        self.environments.pop(environment.name, None)
        environment.abandon()
        if environment in self._idle:
            self._idle.remove(environment)

    def _write_report(
        self, environment: ExecutionEnvironment, invocation: Invocation, now_s: float
    ) -> None:
        """The line that Lambda writes after each call."""
        ready_s = environment.ready_s or invocation.began_s
        duration_ms = (now_s - max(invocation.began_s, ready_s)) * 1e3
        cold = environment.n_invocations == 1
        init_ms = (ready_s - environment.began_s) * 1e3 if cold else 0.0
        init = f"\tInit Duration: {init_ms:.2f} ms" if cold else ""
        self._write(
            f"REPORT RequestId: {invocation.request_id}\tDuration: {duration_ms:.2f} ms"
            f"\tBilled Duration: {math.ceil(duration_ms + init_ms)} ms"
            f"\tMemory Size: {self.configuration.memory_mb} MB{init}"
        )

    def _write(self, line: str) -> None:
        self._log_file.write(f"{line}\n".encode())
