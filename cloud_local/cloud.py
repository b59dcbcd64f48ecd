"""S3, DynamoDB, Lambda and API Gateway on this machine, as sam_template.yaml describes them."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bundle.recipe import build_bundle
from bundle.target import Target
from cloud_local.deployment import DEVELOPER, Deployment, deploy
from cloud_local.function.configuration import FunctionConfiguration, GatewayConfiguration
from cloud_local.function.runtime_root import link_runtime_root
from cloud_local.local_gateway import LocalGateway
from cloud_local.moto_services import running_moto
from cloud_local.template import Template

REGION = "eu-central-1"
ARCHITECTURE = "x86_64"
STACK = "centaurus-local"
LOCAL_HOSTS = "127.0.0.1,localhost"


class LocalCloud:
    """A context manager; everything is made at its start and gone at its end.

    `concurrency` is the function's reserved concurrency: more calls at once are throttled. `port`
    is the endpoint's (0: a free one). `environment` adds to the function's variables, `handler`
    replaces the template's and `task_root` the bundle, for tests of the gateway itself;
    `timeout_s`, `integration_limit_s`, `init_limit_s` and `idle_s` shorten what AWS makes long.
    """

    def __init__(
        self,
        *,
        concurrency: int = 50,
        port: int = 0,
        environment: dict[str, str] | None = None,
        handler: str | None = None,
        task_root: Path | None = None,
        timeout_s: float | None = None,
        integration_limit_s: float = 30.0,
        init_limit_s: float = 10.0,
        idle_s: float = 300.0,
        log_dir: Path | None = None,
    ) -> None:
        self.region = REGION
        self._concurrency = concurrency
        self._port = port
        self._environment = environment or {}
        self._handler = handler
        self._task_root = task_root
        self._timeout_s = timeout_s
        self._integration_limit_s = integration_limit_s
        self._limits = {"init_limit_s": init_limit_s, "idle_s": idle_s}
        self._log_dir = log_dir
        self._stack = contextlib.ExitStack()
        self._deployment: Deployment | None = None
        self._gateway: LocalGateway | None = None
        self.moto_url = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            space = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloud-local-")))
            log_dir = self._log_dir or space
            log_dir.mkdir(parents=True, exist_ok=True)
            task_root = self._task_root or _private_copy(space / "task")
            self.moto_url = stack.enter_context(running_moto(log_dir / "moto.log"))
            template = Template.read(
                stack=STACK, region=self.region, parameters={"Architecture": ARCHITECTURE}
            )
            self._deployment = deploy(template, self.region, self.moto_url)
            configuration = self._configuration(
                self._deployment, task_root, space / "runtime", log_dir / "function.log"
            )
            self._gateway = stack.enter_context(LocalGateway(configuration))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def endpoint(self) -> str:
        """URL of the HTTP API, without a slash at its end."""
        return self._running.endpoint

    @property
    def bucket(self) -> str:
        return self._deployed.bucket

    @property
    def table(self) -> str:
        return self._deployed.table

    @property
    def memory_mb(self) -> int:
        return self._deployed.memory_mb

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which any AWS client finds this cloud, and may do everything in it."""
        return {
            "AWS_ACCESS_KEY_ID": DEVELOPER.access_key,
            "AWS_SECRET_ACCESS_KEY": DEVELOPER.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": LOCAL_HOSTS,
            "no_proxy": LOCAL_HOSTS,
            **self._service_urls(),
        }

    def worker_pids(self) -> list[int]:
        """Processes that run the function now; each is an execution environment."""
        return self._running.worker_pids()

    def set_concurrency(self, concurrency: int) -> None:
        """Change the reserved concurrency from now on."""
        self._running.change(concurrency=concurrency)

    def change(self, **settings: float) -> None:
        """Set `concurrency`, `timeout_s`, `integration_limit_s` or `throttle_status` (429, 500,
        503) from now on."""
        self._running.change(**settings)

    def state(self) -> dict[str, Any]:
        """Counts and environments; see `Function.state`."""
        return self._running.state()

    def log_tail(self) -> str:
        """The end of the function's log, which all workers share."""
        return self._running.log_tail()

    @property
    def log_path(self) -> Path:
        return self._running.log_path

    @property
    def gateway_pid(self) -> int:
        return self._running.pid

    def _service_urls(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_S3": self.moto_url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.moto_url,
        }

    @property
    def _running(self) -> LocalGateway:
        if self._gateway is None:
            raise RuntimeError("Expected a cloud that was started: use it in a with statement.")
        return self._gateway

    @property
    def _deployed(self) -> Deployment:
        if self._deployment is None:
            raise RuntimeError("Expected a cloud that was started: use it in a with statement.")
        return self._deployment

    def _configuration(
        self, deployed: Deployment, task_root: Path, runtime_root: Path, log_path: Path
    ) -> GatewayConfiguration:
        function = FunctionConfiguration(
            task_root=str(task_root),
            runtime_root=str(link_runtime_root(runtime_root)),
            log_path=str(log_path),
            handler=self._handler or deployed.handler,
            name=deployed.function_name,
            region=self.region,
            memory_mb=deployed.memory_mb,
            timeout_s=deployed.timeout_s if self._timeout_s is None else self._timeout_s,
            concurrency=self._concurrency,
            environment={**deployed.environment, **self._service_urls(), **self._environment},
            **self._limits,
        )
        return GatewayConfiguration(
            function=function,
            callers=(DEVELOPER,),
            routes=deployed.routes,
            port=self._port,
            integration_limit_s=self._integration_limit_s,
        )


def _private_copy(folder: Path) -> Path:
    """The bundle for this interpreter, built where it is old, under a name of its own.

    A build replaces the bundle's folder; workers that start later must still find this one.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    bundle = build_bundle(Target.of(ARCHITECTURE, version))
    try:
        shutil.copytree(bundle.folder, folder, copy_function=os.link)
    except OSError:  # another file system
        shutil.copytree(bundle.folder, folder, dirs_exist_ok=True)
    return folder
