"""The whole path on this machine: dashboard, signed requests, gateway, Lambda, S3, DynamoDB.

The cloud is started once for all tests. Its function runs the bundle in five processes at most.
Each test has a data directory and a dataset of its own, so that nothing is remembered or warm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from cloud_local.cloud import LocalCloud
from dashboard.planning.spec import JobSpec
from dashboard.services import Services, build_services
from dashboard.settings import Settings
from tests.aws_end_to_end.small_tasks import ONE_BY_ONE

CONCURRENCY = 5

OpenServices = Callable[..., Services]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(concurrency=CONCURRENCY, log_dir=tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(autouse=True)
def environment(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of this process find the cloud, and it is as its first test found it."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    cloud.change(concurrency=CONCURRENCY, throttle_status=429)


@pytest.fixture
def settings(cloud: LocalCloud, tmp_path: Path) -> Settings:
    return dataclasses.replace(
        Settings(),
        data_dir=tmp_path / "data",
        backend="aws",
        region=cloud.region,
        endpoint=cloud.endpoint,
        bucket=cloud.bucket,
        table=cloud.table,
        memory_mb=cloud.memory_mb,
        max_in_flight=20,
        lease_s=600.0,  # nothing that is slow is taken for dead
    )


@pytest.fixture
def open_services(settings: Settings) -> Iterator[OpenServices]:
    """Services as the program builds them; every experiment is a task of its own."""
    opened: list[Services] = []

    def open_one(**changes: Any) -> Services:
        services = build_services(dataclasses.replace(settings, **changes))
        services.backend.costs = ONE_BY_ONE  # type: ignore[misc]
        opened.append(services)
        return services

    yield open_one
    for services in opened:
        services.close()


@pytest.fixture
def services(open_services: OpenServices) -> Services:
    return open_services()


@pytest.fixture
def spec(services: Services, tmp_path: Path, request: pytest.FixtureRequest) -> JobSpec:
    """Thirty-six tasks of some milliseconds on a table that no other test has."""
    rng = np.random.default_rng(abs(hash(request.node.name)) % 2**32)
    rows = rng.normal(size=(300, 3)) + 4 * rng.integers(0, 3, size=(300, 1))
    path = tmp_path / "field.csv"
    np.savetxt(path, rows, delimiter=",", header="a,b,c", comments="")
    dataset = services.catalogue.add_file(path, "field.csv")
    return JobSpec(
        dataset.dataset_id,
        ("a", "b", "c"),
        k_min=2,
        k_max=4,
        covariance_types=("full-untied", "spher-tied"),
        n_experiments=6,
        n_restarts=4,
    )


@pytest.fixture
def s3(cloud: LocalCloud, environment: None) -> Any:  # noqa: ARG001
    return boto3.client("s3", region_name=cloud.region)
