"""A scripted endpoint, and backends that send to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.credentials import Credentials

from dashboard.backends.api import ApiBackend, Retrying
from dashboard.planning.prices import Prices
from tests.dashboard.backends.api.scripted_endpoint import MEMORY_MB, ScriptedEndpoint
from tests.dashboard.backends.made_up_tasks import write_tables

#: The waits of the product, a hundred times shorter; the number of attempts is the product's.
QUICK = Retrying(first_backoff_s=0.002, longest_backoff_s=0.1)
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

MakeBackend = Callable[..., ApiBackend]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[ScriptedEndpoint]:
    write_tables(tmp_path)
    with ScriptedEndpoint(tmp_path) as serving:
        yield serving


@pytest.fixture
def make(endpoint: ScriptedEndpoint) -> Iterator[MakeBackend]:
    """Backends for the scripted endpoint, closed at the end."""
    made: list[ApiBackend] = []

    def make_one(**changes: Any) -> ApiBackend:
        settings = {
            "endpoint": endpoint.address,
            "region": "eu-central-1",
            "credentials": CREDENTIALS,
            "prices": Prices.of("arm64"),
            "memory_mb": MEMORY_MB,
            "max_in_flight": 20,
            "retrying": QUICK,
            "rng": Random(1),
        }
        backend = ApiBackend(**{**settings, **changes})
        made.append(backend)
        return backend

    yield make_one
    for backend in made:
        backend.close()


@pytest.fixture
def backend(make: MakeBackend) -> ApiBackend:
    return make()
