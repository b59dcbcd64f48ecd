"""Every route of the dashboard, however it fails: one shape, the right status, no secrets."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import BadRequest, NotFound, ServiceUnavailable
from werkzeug.test import TestResponse

from compute_lambda.contract.errors import ContractError, HttpError, ReportedError
from compute_lambda.contract.errors import DatasetError as ColumnsError
from dashboard import wsgi
from dashboard.aws.problems import AwsProblem
from dashboard.datasets import DatasetError
from dashboard.http.routes import api
from dashboard.pages.app import create_app
from dashboard.planning.spec import JobSpec, SpecError
from dashboard.services import Services, build_services
from dashboard.services.views import UnknownJobError
from dashboard.settings import Settings, SettingsError
from dashboard.stores.base import JobRecord, StoreError
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.error_shape import error_in

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "NONSENSE")
SECRET = "the key of /root/safe is 1234"
CSV = "application/octet-stream"


def api_rules(server: Flask) -> dict[str, tuple[str, set[str]]]:
    """Endpoint and methods of each rule under /api, apart from the one that takes the rest."""
    return {
        rule.rule: (rule.endpoint, set(rule.methods or ()))
        for rule in server.url_map.iter_rules()
        if rule.rule.startswith("/api") and rule.endpoint != "api.rest"
    }


def rules_of_the_blueprint() -> dict[str, tuple[str, set[str]]]:
    server = Flask(__name__)
    server.register_blueprint(api(None, None))  # type: ignore[arg-type]
    return api_rules(server)


RULES = rules_of_the_blueprint()
OTHERS = ("/", "/_dash-layout", "/_dash-dependencies", "/assets/page.css")
"""Addresses of Dash, which answers them in ways of its own as long as nothing is wrong."""

BAD_INPUT: dict[str, list[tuple[str, dict[str, Any], int, str]]] = {
    "/api/health": [],  # takes none
    "/api/jobs/<job_id>/updates": [
        ("/api/jobs/{job}/updates?after=x", {}, 400, "bad_cursor"),
        ("/api/jobs/{job}/updates?after=-1", {}, 400, "bad_cursor"),
        ("/api/jobs/{job}/updates?after=" + "9" * 19, {}, 400, "bad_cursor"),
        ("/api/jobs/nope/updates", {}, 404, "unknown_job"),
        ("/api/jobs/%00%ff/updates", {}, 404, "unknown_job"),
    ],
    "/api/jobs/<job_id>/points": [
        ("/api/jobs/nope/points", {}, 404, "unknown_job"),
        ("/api/jobs/{orphan}/points", {}, 404, "unknown_dataset"),
    ],
    "/api/jobs/<job_id>/export/<name>": [
        ("/api/jobs/{job}/export/passwords.csv", {}, 404, "unknown_export"),
        ("/api/jobs/nope/export/fits.csv", {}, 404, "unknown_job"),
        ("/api/jobs/{job}/export/labels.csv", {}, 409, "no_result_yet"),
        ("/api/jobs/{job}/export/labels.csv?criterion=x", {}, 400, "bad_criterion"),
        ("/api/jobs/{job}/export/labels.csv?type=full-tied&k=2", {}, 404, "no_such_clustering"),
        ("/api/jobs/{job}/export/labels.csv?type=x&k=x", {}, 404, "no_such_clustering"),
        ("/api/jobs/{job}/export/panels.html?type=full-tied&k=1", {}, 404, "no_such_clustering"),
    ],
    "/api/datasets": [
        ("/api/datasets", {}, 415, "wrong_content_type"),
        ("/api/datasets", {"data": {"file": "x"}}, 415, "wrong_content_type"),
        ("/api/datasets", {"json": {}}, 415, "wrong_content_type"),
        ("/api/datasets", {"data": b"", "content_type": CSV}, 422, "empty"),
        ("/api/datasets", {"data": b"a\nx\ny\n", "content_type": CSV}, 422, "no_numeric_column"),
        ("/api/datasets", {"data": b"1" * 1_000_001, "content_type": CSV}, 413, "too_large"),
    ],
}

FAMILY: list[tuple[ReportedError, int, str]] = [
    (ReportedError("odd", "Odd things happen. Try again."), 500, "odd"),
    (ContractError("wrong_type", "Expected a list, got none. Send one."), 422, "wrong_type"),
    (ColumnsError("dataset_not_found", "Expected it. Upload it.", "ab"), 404, "dataset_not_found"),
    (ColumnsError("dataset_damaged", "It is damaged. Upload it.", "ab"), 500, "dataset_damaged"),
    (HttpError(409, "early", "Too early. Wait.", {"s": 1}, {"Retry-After": "9"}), 409, "early"),
    (DatasetError("unknown_dataset", "There is none. Choose another."), 404, "unknown_dataset"),
    (DatasetError("empty", "The file is empty. Choose another."), 422, "empty"),
    (SpecError("no_column", "Expected a column. Select one."), 422, "no_column"),
    (StoreError("The table cannot be reached. Check the network."), 503, "store_unavailable"),
    (SettingsError("Expected a number, got none. Give one."), 500, "bad_setting"),
    (UnknownJobError("abc"), 404, "unknown_job"),
    (AwsProblem("no_rights", "Denied. Ask.", {"action": "s3:GetObject"}), 503, "no_rights"),
]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("data")
    opened = build_services(Settings(data_dir=folder, n_threads=1, max_upload_mb=1))
    opened.catalogue.ensure_builtins()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(services: Services) -> Flask:
    server: Flask = create_app(services).server
    return server


@pytest.fixture
def client(server: Flask) -> FlaskClient:
    return server.test_client()


@pytest.fixture(scope="module")
def jobs(services: Services, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """`job` has no result yet; the dataset of `orphan` has been deleted."""
    table = tmp_path_factory.mktemp("upload") / "t.csv"
    table.write_text("a,b\n1,2\n3,4\n5,7\n")
    gone = services.catalogue.add_file(table, "t.csv")
    kept = services.catalogue.datasets()[0]
    specs = {
        "job": JobSpec(kept.dataset_id, kept.default_columns[:2]),
        "orphan": JobSpec(gone.dataset_id, ("a", "b")),
    }
    for spec in specs.values():
        record = JobRecord(spec.job_id, spec, "table", "local", 10, spec.n_fits, state="done")
        services.store.create_job(record)
    services.catalogue.delete(gone.dataset_id)
    return {name: spec.job_id for name, spec in specs.items()}


def error_of(answer: TestResponse, status: int, code: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status
    error = error_in(answer.data, answer.content_type)
    assert code in (None, error["code"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return error


def address(rule: str) -> str:
    """One that the rule takes."""
    return rule.replace("<job_id>", "abc").replace("<name>", "fits.csv")


def test_the_scan_sees_the_routes_of_the_application(server: Flask) -> None:
    assert api_rules(server) == RULES
    assert len(RULES) >= 5
    assert BAD_INPUT.keys() == RULES.keys()


@pytest.mark.parametrize(
    ("rule", "verb"),
    [(rule, verb) for rule in RULES for verb in VERBS if verb not in RULES[rule][1]],
)
def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient, rule: str, verb: str) -> None:
    methods = RULES[rule][1]
    answer = client.open(address(rule), method=verb)
    error = error_of(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == methods | {"OPTIONS"}
    assert verb in error["message"]


@pytest.mark.parametrize("rule", RULES)
def test_options_lists_the_methods(client: FlaskClient, rule: str) -> None:
    answer = client.options(address(rule))
    assert (answer.status_code, answer.data) == (204, b"")
    assert set(answer.headers["Allow"].split(", ")) == RULES[rule][1] | {"OPTIONS"}


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", *(f"{address(rule)}/more" for rule in RULES)]
)
@pytest.mark.parametrize("verb", [*VERBS, "OPTIONS"])
def test_an_unknown_path(client: FlaskClient, path: str, verb: str) -> None:
    error = error_of(client.open(path, method=verb), 404, "unknown_route")
    assert path in error["message"]


@pytest.mark.parametrize(
    ("rule", "path", "sent", "status", "code"),
    [(rule, *case) for rule, cases in BAD_INPUT.items() for case in cases],
)
def test_bad_input(
    client: FlaskClient,
    jobs: dict[str, str],
    rule: str,
    path: str,
    sent: dict[str, Any],
    status: int,
    code: str,
) -> None:
    method = "POST" if "POST" in RULES[rule][1] else "GET"
    error = error_of(client.open(path.format(**jobs), method=method, **sent), status, code)
    assert error["message"].count(". ") >= 1 or code == "empty"  # what is wrong, and what to do


def test_a_body_that_lies_about_its_length_is_measured(client: FlaskClient) -> None:
    chunked = {"Transfer-Encoding": "chunked", "Content-Type": CSV}
    answer = client.post(
        "/api/datasets",
        data=b"1" * 1_000_001,
        headers=chunked,
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )
    assert error_of(answer, 413, "too_large")["details"] == {"max_upload_mb": 1}


def failing(error: Exception) -> Callable[..., Any]:
    def view(**_: str) -> None:
        raise error

    return view


def call(client: FlaskClient, rule: str, **options: Any) -> TestResponse:
    method = "POST" if "POST" in RULES[rule][1] else "GET"
    return client.open(address(rule), method=method, **options)


@pytest.mark.parametrize("rule", RULES)
def test_an_unforeseen_error_is_an_id_that_the_log_has_too(
    client: FlaskClient,
    server: Flask,
    rule: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(server.view_functions, RULES[rule][0], failing(RuntimeError(SECRET)))
    answer = call(client, rule)
    error = error_of(answer, 500, "internal")
    assert SECRET not in answer.text
    assert "RuntimeError" not in answer.text
    assert error["request_id"] in error["message"]
    assert error["details"] == {}
    (record,) = [r for r in caplog.records if error["request_id"] in r.getMessage()]
    assert record.levelno == logging.ERROR
    assert address(rule) in record.getMessage()
    assert SECRET in caplog.text  # with its stack


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("raised", "status", "code"), FAMILY)
def test_every_member_of_the_family_speaks_for_itself(
    client: FlaskClient,
    server: Flask,
    rule: str,
    raised: ReportedError,
    status: int,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(server.view_functions, RULES[rule][0], failing(raised))
    answer = call(client, rule)
    error = error_of(answer, status, code)
    assert (error["message"], error["details"]) == (str(raised), raised.details)
    assert answer.headers.get("Retry-After") == raised.headers.get("Retry-After")
    assert (error["request_id"] in caplog.text) is (status >= 500)


def test_every_member_of_the_family_is_tried() -> None:
    def below(kind: type[ReportedError]) -> set[type[ReportedError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    ours = {kind for kind in below(ReportedError) if not kind.__module__.startswith("tests")}
    assert {type(raised) for raised, _, _ in FAMILY} == ours


@pytest.mark.parametrize("path", [*(address(rule) for rule in RULES), *OTHERS])
def test_another_site_reads_nothing(client: FlaskClient, path: str) -> None:
    error_of(client.get(path, headers={"Host": "evil.example"}), 421, "wrong_host")


@pytest.mark.parametrize("path", [*(address(rule) for rule in RULES), *OTHERS])
@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE"])
def test_another_site_changes_nothing(client: FlaskClient, path: str, verb: str) -> None:
    foreign = {"Origin": "http://evil.example"}
    error_of(client.open(path, method=verb, headers=foreign), 403, "cross_site")


# -- the store ----------------------------------------------------------------------------------

STORED = [rule for rule in RULES if "<job_id>" in rule]


@pytest.fixture
def own_services(tmp_path: Path) -> Iterator[Services]:
    """That may be broken."""
    opened = build_services(Settings(data_dir=tmp_path, n_threads=1))
    opened.catalogue.ensure_builtins()
    yield opened
    opened.close()


def in_another_thread(ask: Callable[[], TestResponse]) -> TestResponse:
    """As a server does that has many: with a connection to the store of its own."""
    answers: list[TestResponse] = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    thread.join()
    return answers[0]


def test_a_store_whose_file_is_gone(
    own_services: Services, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = create_app(own_services).server.test_client()
    files = list(tmp_path.glob("*.sqlite*"))
    assert files
    for path in files:
        path.unlink()
    for rule in STORED:
        answer = in_another_thread(lambda rule=rule: call(client, rule))  # type: ignore[misc]
        error = error_of(answer, 503, "store_unavailable")
        assert "Check that the file is there" in error["message"]
        assert error["request_id"] in caplog.text


def test_a_store_that_another_program_holds(own_services: Services, tmp_path: Path) -> None:
    client = create_app(own_services).server.test_client()
    store = own_services.store
    assert isinstance(store, SqliteJobStore)
    store.close()  # its connections: they open again
    store._db._busy_timeout_s = 0.05
    (path,) = tmp_path.glob("*.sqlite*")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    for rule in STORED:
        error = error_of(call(client, rule), 503, "store_unavailable")
        assert "locked" in error["message"]
    other.execute("ROLLBACK")
    other.close()
    error_of(call(client, STORED[0]), 404, "unknown_job")


# -- Dash and Flask -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"data": b"garbage"}, 415, "unsupported_media_type"),
        ({"data": b"garbage", "content_type": "application/json"}, 400, "bad_request"),
        ({"data": b"\xff\xfe", "content_type": "application/json"}, 400, "bad_request"),
        ({"data": b"", "content_type": "application/json"}, 400, "bad_request"),
        ({"json": {}}, 500, "internal"),
        ({"json": [1]}, 500, "internal"),
        ({"data": b"null", "content_type": "application/json"}, 500, "internal"),
        ({"json": {"output": "a.b", "inputs": [], "changedPropIds": []}}, 500, "internal"),
    ],
)
def test_garbage_for_callbacks(
    client: FlaskClient,
    sent: dict[str, Any],
    status: int,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = error_of(client.post("/_dash-update-component", **sent), status, code)
    assert (error["request_id"] in caplog.text) is (status >= 500)


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("POST", "/", 405),
        ("DELETE", "/jobs", 405),
        ("PUT", "/_dash-layout", 405),
        ("GET", "/assets/nothing.js", 404),
        ("GET", "/assets/../pyproject.toml", 404),
        ("GET", "/_dash-component-suites/nobody/nothing.js", 404),
        ("GET", "/_dash-component-suites/dash/nothing.js", 404),
    ],
)
def test_addresses_beside_the_api(client: FlaskClient, verb: str, path: str, status: int) -> None:
    answer = client.open(path, method=verb)
    error_of(answer, status)
    if status == 405:
        assert "GET" in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (NotFound(), 404, "unknown_route"),
        (BadRequest("no full stop"), 400, "bad_request"),
        (ServiceUnavailable(retry_after=3), 503, "service_unavailable"),
    ],
)
def test_what_flask_raises_itself(
    client: FlaskClient,
    server: Flask,
    raised: Exception,
    status: int,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(server.view_functions, RULES["/api/health"][0], failing(raised))
    answer = client.get("/api/health")
    error_of(answer, status, code)
    assert answer.headers.get("Retry-After") == ("3" if status == 503 else None)


def test_an_error_after_the_view(
    client: FlaskClient,
    server: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where Flask makes an error of its own of it, one with a page in HTML."""
    calls = []

    def broken(response: Any) -> Any:
        calls.append(response)
        if len(calls) == 1:
            raise RuntimeError(SECRET)
        return response

    functions = [broken, *server.after_request_funcs[None]]
    monkeypatch.setitem(server.after_request_funcs, None, functions)
    monkeypatch.setitem(server.config, "PROPAGATE_EXCEPTIONS", False)
    answer = client.get("/api/health")
    error = error_of(answer, 500, "internal")
    assert SECRET not in answer.text
    assert error["request_id"] in caplog.text


def test_a_worker_that_was_made_by_forking(
    own_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: Flask = create_app(own_services).server
    wsgi._only_in_this_process(server)
    parent = os.getpid()
    monkeypatch.setattr("dashboard.wsgi.os.getpid", lambda: parent + 1)
    answer = server.test_client().get("/api/health")
    monkeypatch.undo()
    assert answer.status_code == 503
    assert error_in(answer.data, answer.content_type)["code"] == "preloaded"
