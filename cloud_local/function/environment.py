"""One execution environment: a process of Lambda's own runtime client, serving call after call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
import uuid
from asyncio.subprocess import Process
from typing import BinaryIO

from cloud_local.function.configuration import FunctionConfiguration
from cloud_local.function.invocation import Invocation

STOP_S = 5.0


class ExecutionEnvironment:
    """Holds at most one invocation. It is busy from the assignment to the outcome."""

    def __init__(self, name: str, log_stream: str, now_s: float) -> None:
        self.name = name
        self.log_stream = log_stream
        self.began_s = now_s
        self.ready_s: float | None = None
        self.idle_since_s = now_s
        self.n_invocations = 0
        self.invocation: Invocation | None = None
        self.process: Process | None = None
        self._delivered = False
        self._polling: asyncio.Future[None] | None = None

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def assign(self, invocation: Invocation) -> None:
        """Give it a call, which it takes when its runtime next asks."""
        self.invocation = invocation
        self.n_invocations += 1
        self._delivered = False
        if self._polling is not None and not self._polling.done():
            self._polling.set_result(None)

    def release(self, now_s: float) -> None:
        self.invocation = None
        self.idle_since_s = now_s

    async def next_invocation(self) -> Invocation:
        """The call to run; waits for one. Each is delivered once."""
        while self.invocation is None or self._delivered:
            self._polling = asyncio.get_running_loop().create_future()
            await self._polling
        self._delivered = True
        return self.invocation

    def abandon(self) -> None:
        """Nothing more will come for it: whoever waits in `next_invocation` is cancelled."""
        if self._polling is not None:
            self._polling.cancel()

    def kill(self) -> None:
        """SIGKILL to the runtime and whatever it started."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)


async def start_process(
    environment: ExecutionEnvironment,
    function: FunctionConfiguration,
    runtime_api: str,
    log: BinaryIO,
) -> Process:
    """Start the runtime client as Lambda does, with Lambda's variables and no others.

    Without `site` (-S) there are no packages but the artefact's and those of the runtime root.
    """
    environment.process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-S", "-m", "awslambdaric", function.handler),
        cwd=function.task_root,
        env=_variables(environment, function, runtime_api),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    return environment.process


def new_environment(number: int, now_s: float) -> ExecutionEnvironment:
    date = time.strftime("%Y/%m/%d", time.gmtime())
    return ExecutionEnvironment(f"env-{number}", f"{date}/[$LATEST]{uuid.uuid4().hex}", now_s)


def _variables(
    environment: ExecutionEnvironment, function: FunctionConfiguration, runtime_api: str
) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "AWS_ACCESS_KEY_ID": "local-role",
        "AWS_SECRET_ACCESS_KEY": "local-role-secret",
        "AWS_SESSION_TOKEN": "local-role-token",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join([function.task_root, function.runtime_root]),
        "TZ": ":UTC",
        **function.environment,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": environment.log_stream,
        "AWS_LAMBDA_RUNTIME_API": f"{runtime_api}/{environment.name}",
        "AWS_REGION": function.region,
        "LAMBDA_RUNTIME_DIR": function.runtime_root,
        "LAMBDA_TASK_ROOT": function.task_root,
        "_HANDLER": function.handler,
    }
