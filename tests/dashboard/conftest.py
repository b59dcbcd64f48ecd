"""Stores to try, and machines with and without AWS settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dashboard.stores.base import JobStore
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.stores.cloud_place import Place


@dataclass
class Clock:
    """Time that moves when a test says so (Unix seconds)."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class StoreUnderTest:
    """One way to keep jobs: `open` gives a further handle on the same jobs, as a process would.

    `address` tells a worker process where they are. `n_tasks` is a job that shows what happens with
    many writers and does not take long.
    """

    kind: str
    address: str
    make: Callable[[Callable[[], float]], JobStore]
    n_tasks: int = 60
    clock: Clock = field(default_factory=Clock)
    _opened: list[JobStore] = field(default_factory=list)

    def open(self) -> JobStore:
        store = self.make(self.clock)
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


def _sqlite(directory: Path, _request: pytest.FixtureRequest) -> StoreUnderTest:
    path = directory / "jobs.sqlite3"
    return StoreUnderTest("sqlite", str(path), lambda clock: SqliteJobStore(path, clock=clock))


def _dynamodb(_directory: Path, request: pytest.FixtureRequest) -> StoreUnderTest:
    place = Place.made(request.getfixturevalue("moto_url"))
    return StoreUnderTest("dynamodb", str(place), place.open, n_tasks=15)


#: A further implementation joins here and in worker.py, and passes the whole suite.
STORES = {"dynamodb": _dynamodb, "sqlite": _sqlite}


@pytest.fixture(params=sorted(STORES))
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreUnderTest]:
    under_test = STORES[request.param](tmp_path, request)
    yield under_test
    under_test.close()


@pytest.fixture
def store(stores: StoreUnderTest) -> JobStore:
    return stores.open()


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No credentials, no region, no configuration; the value is the directory for that."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


@pytest.fixture
def keys(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
