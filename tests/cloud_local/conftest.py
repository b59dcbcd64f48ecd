"""Gateways in front of a scripted function, and one whole cloud that runs the real bundle."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import WAIT_S

sys.path.insert(0, str(Path(__file__).parent))

from signed_requests import KEY, SECRET, SignedClient

from cloud_local.cloud import LocalCloud
from cloud_local.function.configuration import Caller, FunctionConfiguration, GatewayConfiguration
from cloud_local.function.runtime_root import link_runtime_root
from cloud_local.local_gateway import LocalGateway

SHOWN_LOG = 2_000
_with_logs: list[LocalGateway | LocalCloud] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """What the workers said, beside every failure."""
    report: Any = yield
    if report.failed and "cloud_local" in str(item.path):
        for running in _with_logs:
            with contextlib.suppress(OSError, RuntimeError):
                report.sections.append(("log of the function", running.log_tail()[-SHOWN_LOG:]))
    return report


@dataclass(frozen=True)
class Scripted:
    """A gateway whose function does what the request says."""

    gateway: LocalGateway
    client: SignedClient
    before: dict[str, int] = field(default_factory=dict)

    def do(self, what: str, **order: Any) -> Any:
        return self.client.fit({"do": what, **order})

    def counts(self) -> dict[str, int]:
        """What happened since `before`."""
        now = self.gateway.state()["counts"]
        return {name: number - self.before.get(name, 0) for name, number in now.items()}


StartScripted = Callable[..., contextlib.AbstractContextManager[Scripted]]


@pytest.fixture(scope="session")
def start_scripted(tmp_path_factory: pytest.TempPathFactory) -> StartScripted:
    """`with start_scripted(timeout_s=1.0, ...) as scripted:`; settings of function and gateway."""
    runtime_root = link_runtime_root(tmp_path_factory.mktemp("runtime"))
    task_root = tmp_path_factory.mktemp("task")
    shutil.copy(Path(__file__).with_name("scripted_function.py"), task_root / "scripted.py")

    @contextlib.contextmanager
    def start(**settings: Any) -> Iterator[Scripted]:
        of_gateway = {
            name: settings.pop(name)
            for name in ("throttle_status", "integration_limit_s", "port")
            if name in settings
        }
        # A test that is about one of these limits sets it; in the others nothing is in a hurry.
        of_gateway = {"integration_limit_s": WAIT_S} | of_gateway
        settings = {"timeout_s": WAIT_S, "init_limit_s": WAIT_S} | settings
        function = FunctionConfiguration(
            task_root=str(task_root),
            runtime_root=str(runtime_root),
            log_path=str(tmp_path_factory.mktemp("log") / "function.log"),
            handler="scripted.handler",
            **settings,
        )
        configuration = GatewayConfiguration(function, (Caller(KEY, SECRET),), **of_gateway)
        with LocalGateway(configuration) as gateway:
            _with_logs.append(gateway)
            client = SignedClient(gateway.endpoint)
            try:
                yield Scripted(gateway, client)
            finally:
                client.close()
                _with_logs.remove(gateway)

    return start


@pytest.fixture(scope="module")
def scripted(start_scripted: StartScripted) -> Iterator[Scripted]:
    """One for the tests of a module that do not count from zero."""
    with start_scripted() as running:
        yield running


@pytest.fixture
def fresh(scripted: Scripted) -> Scripted:
    """The module's gateway as if just started: no environments, counts from zero."""
    scripted.gateway.change(
        concurrency=50, timeout_s=WAIT_S, integration_limit_s=WAIT_S, throttle_status=429
    )
    deadline = time.monotonic() + WAIT_S
    while pids := scripted.gateway.worker_pids():
        assert time.monotonic() < deadline
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return replace(scripted, before=scripted.gateway.state()["counts"])


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """The real bundle behind the real gateway, with S3 and DynamoDB."""
    with LocalCloud(concurrency=4) as running:
        _with_logs.append(running)
        yield running
        _with_logs.remove(running)


@pytest.fixture(scope="session")
def signed(cloud: LocalCloud) -> Iterator[SignedClient]:
    client = SignedClient(cloud.endpoint)
    yield client
    client.close()
