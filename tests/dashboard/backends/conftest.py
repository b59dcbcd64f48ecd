"""Backends to try, each with a stage on which tests can hold its tasks and watch them begin."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from botocore.credentials import Credentials
from numpy.typing import NDArray

from compute_lambda.tables.columns import DirectoryColumns
from dashboard.backends import Backend, LocalBackend
from dashboard.backends.api import ApiBackend
from dashboard.planning.prices import Prices
from tests.dashboard.backends.api.scripted_endpoint import MEMORY_MB, WAIT_S, ScriptedEndpoint
from tests.dashboard.backends.made_up_tasks import write_tables


class Stage(Protocol):
    """One kind of backend over the tables of `made_up_tasks`.

    While `gate` is clear, tasks begin and do not end. `begun` are the dataset ids of the tasks that
    have begun, in order; `most_at_once` is the largest number of tasks that ran together.
    """

    kind: str
    gate: threading.Event

    @property
    def begun(self) -> list[str]: ...

    @property
    def most_at_once(self) -> int: ...

    def open(self, concurrency: int) -> Backend: ...

    def close(self) -> None: ...


class HeldColumns:
    """Columns of a directory; every read is counted and waits for the gate."""

    def __init__(self, directory: Path, gate: threading.Event) -> None:
        self._columns, self._gate = DirectoryColumns(directory), gate
        self._lock = threading.Lock()
        self.begun: list[str] = []
        self.n_at_once = self.most_at_once = 0

    def read(self, dataset_id: str, positions: Sequence[int]) -> NDArray[np.float64]:
        with self._lock:
            self.begun.append(dataset_id)
            self.n_at_once += 1
            self.most_at_once = max(self.most_at_once, self.n_at_once)
        try:
            assert self._gate.wait(WAIT_S)
            return self._columns.read(dataset_id, positions)
        finally:
            with self._lock:
                self.n_at_once -= 1


class LocalStage:
    """Threads of this process. Every seed has prepared data of its own, so every task reads."""

    kind = "local"

    def __init__(self, directory: Path) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self._columns = HeldColumns(directory, self.gate)
        self._opened: list[LocalBackend] = []

    @property
    def begun(self) -> list[str]:
        return self._columns.begun

    @property
    def most_at_once(self) -> int:
        return self._columns.most_at_once

    def open(self, concurrency: int) -> Backend:
        self._opened.append(LocalBackend(self._columns, concurrency))
        return self._opened[-1]

    def close(self) -> None:
        self.gate.set()
        for backend in self._opened:
            backend.close()


class ApiStage:
    """Requests to an endpoint on loopback, answered by the real handler."""

    kind = "api"

    def __init__(self, directory: Path) -> None:
        self._endpoint = ScriptedEndpoint(directory).__enter__()
        self.gate = self._endpoint.gate
        self._opened: list[ApiBackend] = []

    @property
    def begun(self) -> list[str]:
        return [seen.task.dataset_id for seen in self._endpoint.seen]

    @property
    def most_at_once(self) -> int:
        return self._endpoint.most_at_once

    def open(self, concurrency: int) -> Backend:
        self._opened.append(
            ApiBackend(
                self._endpoint.address,
                "eu-central-1",
                Credentials("AKIDEXAMPLE", "secret"),
                prices=Prices.of("arm64"),
                memory_mb=MEMORY_MB,
                max_in_flight=concurrency,
            )
        )
        return self._opened[-1]

    def close(self) -> None:
        self.gate.set()
        for backend in self._opened:
            backend.close()
        self._endpoint.__exit__(None, None, None)


#: A further backend joins here and passes the whole suite.
STAGES: dict[str, Callable[[Path], Stage]] = {"api": ApiStage, "local": LocalStage}


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    write_tables(tmp_path)
    made = STAGES[request.param](tmp_path)
    yield made
    made.close()
