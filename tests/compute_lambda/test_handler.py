"""The handler, called with events as API Gateway's HTTP API sends them (payload format 2.0)."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compute_lambda import FitResult, FitTask, fit, gateway, service
from compute_lambda import handler as handler_module
from compute_lambda.contract.errors import HttpError
from compute_lambda.contract.version import CONTRACT_VERSION, WIRE_VERSION
from compute_lambda.environment import DATA_DIR, Environment
from compute_lambda.handler import Worker
from compute_lambda.service import TaskService
from kmeans_core import KERNEL

DATASET = "ab" * 32
TASK = FitTask(
    dataset_id=DATASET,
    columns=(0, 2),
    standardise=True,
    covariance_type="full-untied",
    n_clusters=(2, 4),
    experiments=(0, 1),
    n_restarts=3,
    seed=1,
)


def event(
    method: str = "POST",
    path: str = "/tasks",
    body: str | None = None,
    *,
    content_type: str | None = "application/json",
    is_base64: bool = False,
    stage: str = "$default",
) -> dict[str, Any]:
    """An event with the documented fields, as a signed request to an HTTP API gives it."""
    headers = {
        "accept": "*/*",
        "content-length": str(len(body or "")),
        "host": "abcdef1234.execute-api.eu-west-1.amazonaws.com",
        "user-agent": "python-httpx/0.28.1",
        "x-amz-date": "20260101T120000Z",
        "x-amzn-trace-id": "Root=1-67000000-0123456789abcdef01234567",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    if content_type is not None:
        headers["content-type"] = content_type
    raw_path = path if stage == "$default" else f"/{stage}{path}"
    record: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "domainName": "abcdef1234.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "abcdef1234",
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "python-httpx/0.28.1",
            },
            "requestId": "gateway-1",
            "routeKey": "$default",
            "stage": stage,
            "time": "01/Jan/2026:12:00:00 +0000",
            "timeEpoch": 1767268800000,
        },
        "isBase64Encoded": is_base64,
    }
    if body is not None:
        record["body"] = body
    return record


@dataclasses.dataclass
class Context:
    """Lambda's context; with `n_checks`, time is over after that many questions."""

    aws_request_id: str = "lambda-1"
    n_checks: int | None = None

    def get_remaining_time_in_millis(self) -> int:
        if self.n_checks is None:
            return 60_000
        self.n_checks -= 1
        return 25_000 if self.n_checks >= 0 else 100


def table(n_rows: int = 200) -> NDArray[np.float64]:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(n_rows, 3)) + 6 * rng.integers(0, 3, size=(n_rows, 1))
    rows[3, 0] = np.nan
    return np.asfortranarray(rows)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    np.save(tmp_path / f"{DATASET}.npy", table())
    environment = Environment(dataset_dir=tmp_path, memory_mb=1769, worker="stream-1")
    return Worker(environment, startup_ms=123.0)


def call(worker: Worker, sent: object, context: Context | None = None) -> tuple[int, Any]:
    answer = worker.handle(sent, context or Context())
    assert set(answer) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["isBase64Encoded"] is False
    json.dumps(answer, allow_nan=False)  # Lambda turns the answer into JSON itself
    return answer["statusCode"], json.loads(answer["body"])


def refused(worker: Worker, sent: object, status: int, code: str) -> dict[str, Any]:
    came, body = call(worker, sent)
    assert (came, body["error"]["code"]) == (status, code)
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details", "request_id"}
    assert body["error"]["request_id"] == "lambda-1"
    assert body["error"]["message"].count(". ") >= 1
    return body["error"]


def test_health_says_cold_once(worker: Worker) -> None:
    status, body = call(worker, event("GET", "/health", content_type=None))
    assert status == 200
    assert body == {
        "status": "ok",
        "contract_version": CONTRACT_VERSION,
        "wire_version": WIRE_VERSION,
        "kernel": KERNEL,
        "cold": True,
        "startup_ms": 123.0,
        "memory_mb": 1769,
        "worker": "stream-1",
    }
    _, again = call(worker, event("GET", "/health"))
    assert (again["cold"], again["startup_ms"]) == (False, 0.0)


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
def test_fit_answers_what_the_function_gives(worker: Worker, encoded: bool) -> None:
    body = json.dumps(TASK.to_dict())
    if encoded:
        body = base64.b64encode(body.encode()).decode()
    status, record = call(worker, event(body=body, is_base64=encoded))
    assert status == 200
    result = FitResult.from_dict(record)
    direct = fit(TASK, table()[:, [0, 2]])
    assert result.task_id == TASK.task_id
    assert result.n_rows == 199
    assert result.resume is None
    assert record["fits"] == json.loads(json.dumps(direct.to_dict()))["fits"]
    invocation = result.invocation
    assert (invocation.request_id, invocation.worker) == ("lambda-1", "stream-1")
    assert (invocation.cold, invocation.memory_mb) == (True, 1769)
    assert invocation.startup_ms >= 123.0  # and what loading the rest took
    assert invocation.kernel == KERNEL
    assert invocation.run_ms > 0


class Loading:
    """A clock that ticks by a microsecond a look, and by 60 ms more when fits are prepared for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        monkeypatch.setattr(service, "TaskService", self._slowly)

    def _slowly(self, *configuration: Any) -> TaskService:
        self.now_s += 0.06
        return TaskService(*configuration)

    def clock(self) -> float:
        self.now_s += 1e-6
        return self.now_s


def test_what_a_fit_needs_is_loaded_once_and_counts_as_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever pays for the invocation pays for that as well."""
    np.save(tmp_path / f"{DATASET}.npy", table())
    clock = Loading(monkeypatch).clock
    worker = Worker(Environment(dataset_dir=tmp_path), startup_ms=40.0, clock=clock)
    assert call(worker, event("GET", "/health"))[1]["startup_ms"] == 40.0
    assert call(worker, event(body="nonsense"))[0] == 400
    sent = event(body=json.dumps(TASK.to_dict()))
    told = [call(worker, sent)[1]["invocation"] for _ in range(2)]
    assert told[0]["startup_ms"] == pytest.approx(60.0, abs=0.1)
    assert told[1]["startup_ms"] == 0.0
    assert [one["cold"] for one in told] == [False, False]


def test_what_is_loaded_at_the_start_counts_as_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / f"{DATASET}.npy", table())
    environment = Environment(dataset_dir=tmp_path, loads_at_start=True)
    clock = Loading(monkeypatch).clock
    worker = Worker(environment, startup_ms=40.0, clock=clock)
    sent = event(body=json.dumps(TASK.to_dict()))
    told = [call(worker, sent)[1]["invocation"] for _ in range(2)]
    assert told[0]["startup_ms"] == pytest.approx(100.0, abs=0.1)
    assert told[1]["startup_ms"] == 0.0


@pytest.mark.parametrize("at_start", [False, True])
def test_a_failure_to_load_ends_the_process(
    at_start: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lambda's runtime client lets SystemExit through, and Lambda replaces the process."""

    def fail(*_: Any) -> TaskService:
        raise MemoryError("no room for NumPy")

    monkeypatch.setattr(service, "TaskService", fail)
    sent = event(body=json.dumps(TASK.to_dict()))
    with pytest.raises(SystemExit) as ended:
        Worker(Environment(loads_at_start=at_start)).handle(sent, Context())
    assert ended.value.code == 1
    (record,) = caplog.records
    logged = json.loads(record.getMessage())
    assert "no room for NumPy" in logged["traceback"]
    assert at_start or logged["gateway_request_id"] == "gateway-1"


@pytest.mark.parametrize("at_start", [False, True])
def test_an_incomplete_bundle_is_told_instead(
    at_start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process would lack the same part."""

    def fail(*_: Any) -> TaskService:
        raise ModuleNotFoundError("numpy")

    def incomplete() -> str:
        raise HttpError(500, "incomplete", "Expected NumPy. Build the bundle again.")

    monkeypatch.setattr(service, "TaskService", fail)
    monkeypatch.setattr(handler_module, "check_complete", incomplete)
    worker = Worker(Environment(loads_at_start=at_start))
    for _ in range(2):
        refused(worker, event(body=json.dumps(TASK.to_dict())), 500, "incomplete")


def test_a_warm_process_does_not_read_the_columns_again() -> None:
    reads = []

    class Store:
        def read(self, dataset_id: str, positions: Sequence[int]) -> NDArray[np.float64]:
            reads.append((dataset_id, tuple(positions)))
            return table()[:, list(positions)]

    worker = Worker(Environment(), store=Store())
    for kind in ("full-untied", "diag-tied", "spher-tied"):
        task = dataclasses.replace(TASK, covariance_type=kind)
        assert call(worker, event(body=json.dumps(task.to_dict())))[0] == 200
    assert reads == [(DATASET, (0, 2))]


@pytest.mark.parametrize(
    ("content_type", "accepted"),
    [
        ("application/json", True),
        ("Application/JSON; charset=UTF-8", True),
        ('application/json;charset="utf-8"', True),
        ("application/json; charset=latin-1", False),
        ("application/x-www-form-urlencoded", False),
        ("text/json", False),
        ("", False),
        (None, False),
    ],
)
def test_content_types(worker: Worker, content_type: str | None, accepted: bool) -> None:
    sent = event(body=json.dumps(TASK.to_dict()), content_type=content_type)
    if accepted:
        assert call(worker, sent)[0] == 200
    else:
        refused(worker, sent, 415, "unsupported_media_type")


def test_compressed_bodies_are_refused(worker: Worker) -> None:
    sent = event(body="eJw=", is_base64=True)
    sent["headers"]["content-encoding"] = "gzip"
    refused(worker, sent, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "is_base64"),
    [
        (None, False),
        ("", False),
        ("{", False),
        ("not json", False),
        ('{"seed": NaN}', False),
        ('{"seed": -Infinity}', False),
        ('{"seed": 1, "seed": 1}', False),
        ('{"resume": {"a": {}, "b": [{"c": 1, "c": 2}]}}', False),
        ("[" * 100_000, False),
        ('{"seed": ' + "9" * 5_000 + "}", False),
        ("\ud800", False),
        ("{}", True),
        ("####", True),
        (base64.b64encode(b"\xff\xfe{}").decode(), True),
    ],
)
def test_malformed_bodies_are_400(worker: Worker, body: str | None, is_base64: bool) -> None:
    refused(worker, event(body=body, is_base64=is_base64), 400, "malformed_body")


def test_a_named_stage_is_not_part_of_the_route(worker: Worker) -> None:
    assert call(worker, event("GET", "/health", stage="prod"))[0] == 200
    assert call(worker, event("GET", "/health/", stage="prod"))[0] == 200
    refused(worker, event("GET", "/prodhealth", stage="prod"), 404, "unknown_route")


@pytest.mark.parametrize("is_base64", [False, True])
def test_large_bodies_are_413_and_the_limit_is_exact(worker: Worker, is_base64: bool) -> None:
    def padded(n_bytes: int) -> str:
        text = " " * n_bytes
        return base64.b64encode(text.encode()).decode() if is_base64 else text

    sent = event(body=padded(gateway.MAX_BODY_BYTES + 1), is_base64=is_base64)
    error = refused(worker, sent, 413, "body_too_large")
    assert error["details"] == {"limit_bytes": gateway.MAX_BODY_BYTES}
    sent = event(body=padded(gateway.MAX_BODY_BYTES), is_base64=is_base64)
    refused(worker, sent, 400, "malformed_body")  # blanks are no JSON, but they were read


def test_large_bodies_are_counted_in_bytes(worker: Worker) -> None:
    refused(worker, event(body="é" * (gateway.MAX_BODY_BYTES // 2 + 1)), 413, "body_too_large")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"n_clusters": [0]}, "out_of_range", "n_clusters[0]"),
        ({"covariance_type": "round"}, "not_allowed", "covariance_type"),
        ({"extra": 1}, "unknown_field", "extra"),
        ({"dataset_id": "../" + DATASET[3:]}, "bad_dataset_id", "dataset_id"),
        ({"columns": [0, 3]}, "unknown_column", "columns"),
        ({"resume": {"version": 1}}, "bad_resume", "resume"),
        ({"resume": {"anything": [1, 2]}}, "bad_resume", "resume"),
    ],
)
def test_contract_errors_are_422(
    worker: Worker, change: dict[str, Any], code: str, field: str
) -> None:
    error = refused(worker, event(body=json.dumps({**TASK.to_dict(), **change})), 422, code)
    assert error["details"]["field"] == field


def test_k_larger_than_the_rows_is_422(tmp_path: Path) -> None:
    np.save(tmp_path / f"{DATASET}.npy", table(4))
    worker = Worker(Environment(dataset_dir=tmp_path))
    error = refused(worker, event(body=json.dumps(TASK.to_dict())), 422, "too_many_clusters")
    assert error["details"] == {"field": "n_clusters", "n_rows": 3}


def test_unknown_datasets_are_404(worker: Worker) -> None:
    task = dataclasses.replace(TASK, dataset_id="0" * 64)
    error = refused(worker, event(body=json.dumps(task.to_dict())), 404, "dataset_not_found")
    assert error["details"] == {"dataset_id": "0" * 64}


def test_damaged_datasets_are_500_with_a_reason(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / f"{DATASET}.npy"
    path.write_bytes(path.read_bytes()[:1000])
    refused(worker, event(body=json.dumps(TASK.to_dict())), 500, "dataset_damaged")


def test_a_process_without_data_says_which_setting_is_missing() -> None:
    error = refused(
        Worker(Environment()), event(body=json.dumps(TASK.to_dict())), 500, "not_configured"
    )
    assert DATA_DIR in error["message"]


def test_unforeseen_errors_show_an_id_and_log_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def read(self, dataset_id: str, positions: Sequence[int]) -> NDArray[np.float64]:
            raise OSError(f"/secret/path/{dataset_id} is on fire, columns {positions}")

    with caplog.at_level(logging.ERROR, "compute_lambda"):
        sent = event(body=json.dumps(TASK.to_dict()))
        error = refused(Worker(Environment(), store=Broken()), sent, 500, "internal")
    assert "lambda-1" in error["message"]
    assert "secret" not in json.dumps(error)
    assert "Traceback" not in json.dumps(error)
    (record,) = caplog.records
    logged = json.loads(record.getMessage())
    assert logged["request_id"] == "lambda-1"
    assert logged["gateway_request_id"] == "gateway-1"
    assert logged["task_id"] == TASK.task_id
    assert logged["route"] == "POST /tasks"
    assert "is on fire" in logged["traceback"]


def test_an_error_leaves_the_process_working(worker: Worker) -> None:
    for body in ("{", json.dumps({**TASK.to_dict(), "seed": -1})):
        assert call(worker, event(body=body))[0] in (400, 422)
    assert call(worker, event(body=json.dumps(TASK.to_dict())))[0] == 200


def test_an_answer_beyond_lambdas_limit_says_what_to_do(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "MAX_ANSWER_BYTES", 1_000)
    refused(worker, event(body=json.dumps(TASK.to_dict())), 422, "answer_too_large")


def test_an_answer_is_measured_as_lambda_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"names": ["a"] * 100}
    body = gateway.answer(content)["body"]
    sent = len(json.dumps(body)) - 2  # the quotes around it apart
    monkeypatch.setattr(gateway, "MAX_ANSWER_BYTES", sent)
    assert gateway.answer(content)["body"] == body
    monkeypatch.setattr(gateway, "MAX_ANSWER_BYTES", sent - 1)
    with pytest.raises(HttpError, match="Send fewer experiments"):
        gateway.answer(content)


def test_the_gateways_clock_runs_during_a_cold_start(tmp_path: Path) -> None:
    np.save(tmp_path / f"{DATASET}.npy", table())
    worker = Worker(Environment(dataset_dir=tmp_path), startup_ms=29_000.0, clock=lambda: 0.0)
    sent = event(body=json.dumps(TASK.to_dict()))
    assert call(worker, sent)[1]["resume"] is not None
    assert call(worker, sent)[1]["resume"] is None  # the next one finds it warm


@pytest.mark.parametrize("distance", ["likelihood", "mahalanobis"])
@pytest.mark.parametrize("kind", ["full-untied", "spher-tied"])
def test_running_out_of_time_over_and_over_ends_in_the_same_result(
    worker: Worker, kind: str, distance: str
) -> None:
    task = dataclasses.replace(TASK, covariance_type=kind, distance=distance)
    whole = FitResult.from_dict(call(worker, event(body=json.dumps(task.to_dict())))[1])
    parts = []
    resume: dict[str, Any] | None = None
    for _ in range(500):
        body = json.dumps({**task.to_dict(), "resume": resume})
        status, record = call(worker, event(body=body), Context(n_checks=1))
        assert status == 200
        parts.append(FitResult.from_dict(record))
        resume = parts[-1].resume
        if resume is None:
            break
    assert resume is None
    assert len(parts) >= 3  # it really was interrupted
    together = parts[0]
    for part in parts[1:]:
        assert part.task_id == together.task_id
        together = together.followed_by(part)
    assert together.to_dict()["fits"] == whole.to_dict()["fits"]


def test_the_gateways_own_limit_counts_too(tmp_path: Path) -> None:
    np.save(tmp_path / f"{DATASET}.npy", table())
    ticks = iter(range(0, 10**6, 10))  # ten seconds pass between two looks at the clock
    worker = Worker(
        Environment(dataset_dir=tmp_path), startup_ms=2_000.0, clock=lambda: float(next(ticks))
    )
    status, record = call(worker, event(body=json.dumps(TASK.to_dict())))
    assert status == 200
    assert record["resume"] is not None


def test_the_module_level_handler_serves(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> None:
    monkeypatch.setattr(handler_module, "_WORKER", worker)
    serve: Callable[..., dict[str, Any]] = handler_module.handler
    assert serve(event("GET", "/health"), Context())["statusCode"] == 200
