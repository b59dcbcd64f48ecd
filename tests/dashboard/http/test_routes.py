"""Errors of the store and of AWS leave the server in the one shape, with their own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.aws.problems import AwsProblem
from dashboard.pages.app import create_app
from dashboard.services import Services, build_services
from dashboard.settings import Settings
from dashboard.stores.base import StoreError


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = build_services(Settings(data_dir=tmp_path, n_threads=1))
    opened.catalogue.ensure_builtins()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreError("The jobs table cannot be reached. Check the network."), "store_unavailable"),
        (AwsProblem("expired_credentials", "Run `aws sso login`."), "expired_credentials"),
    ],
)
def test_what_is_wrong_behind_the_server_is_said(
    services: Services, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    client = create_app(services).server.test_client()

    def broken(_job_id: str) -> None:
        raise error

    monkeypatch.setattr(type(services.store), "job", lambda _store, job_id: broken(job_id))
    answer = client.get("/api/jobs/abc/updates")
    assert answer.status_code == 503
    found = answer.get_json()["error"]
    assert (found["code"], found["message"]) == (code, str(error))
    assert set(found) == {"code", "message", "details", "request_id"}


def test_health_names_the_backend_and_the_process(services: Services) -> None:
    answer = create_app(services).server.test_client().get("/api/health").get_json()
    assert answer["backend"] == "Local · 1 thread"
    assert answer["status"] == "ok"
    assert isinstance(answer["worker"], int)
