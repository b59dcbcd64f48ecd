"""What the command line says when something on AWS is missing: a sentence, status 2, no stack."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from compute_lambda.contract.version import CONTRACT_VERSION, WIRE_VERSION
from dashboard.cli.main import main
from dashboard.services.installation import open_installation
from dashboard.settings import Settings

WELL = {
    "status": "ok",
    "contract_version": CONTRACT_VERSION,
    "wire_version": WIRE_VERSION,
    "kernel": "native",
    "cold": True,
    "startup_ms": 92.5,
    "memory_mb": 1769,
}


class Endpoint(ThreadingHTTPServer):
    """Answers GET /health with `status` and `answer`, over real HTTP."""

    def __init__(self) -> None:
        self.status, self.answer, self.signed_by = 200, json.dumps(WELL), ""
        super().__init__(("127.0.0.1", 0), _Health)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Health(BaseHTTPRequestHandler):
    server: Endpoint

    def do_GET(self) -> None:
        self.server.signed_by = self.headers.get("authorization", "")
        body = self.server.answer.encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "field.csv"
    path.write_text("a,b\n" + "".join(f"{i % 7},{i % 5}\n" for i in range(60)))
    return path


@pytest.fixture
def cloud(keys: None) -> Iterator[None]:  # noqa: ARG001
    with mock_aws():
        yield


def make_places(endpoint: str) -> None:
    """Bucket, table and a stack that names them."""
    place = {"LocationConstraint": "eu-central-1"}
    boto3.client("s3").create_bucket(Bucket="field-data", CreateBucketConfiguration=place)
    names = ("job_id", "task_id")
    boto3.client("dynamodb").create_table(
        TableName="field-jobs",
        KeySchema=[
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(names, ("HASH", "RANGE"), strict=True)
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        BillingMode="PAY_PER_REQUEST",
    )
    outputs = {
        "Endpoint": endpoint,
        "DatasetBucket": "field-data",
        "JobsTable": "field-jobs",
        "Region": "eu-central-1",
        "MemoryMb": "1024",
        "Architecture": "arm64",
    }
    template = {
        "Resources": {"Other": {"Type": "AWS::S3::Bucket"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(
        StackName="field", TemplateBody=json.dumps(template)
    )


def refusal(table: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """What `analyse` says on standard error when it ends with status 2 at once."""
    out = table.parent / "out"
    command = ["analyse", str(table), "--data-dir", str(table.parent / "data"), "--out", str(out)]
    assert main([*command, "--backend", "aws", *flags]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert not out.exists()
    return said.err.strip()


def test_no_place(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected --stack NAME" in refusal(table, capsys)


@pytest.mark.usefixtures("bare_machine")
def test_no_credentials(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(table, capsys, "--stack", "field", "--region", "eu-central-1")
    assert said.startswith("While looking for AWS credentials: no AWS credentials were found.")
    assert "Run `aws configure` or `aws sso login`" in said


@pytest.mark.usefixtures("keys")
def test_no_region(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    said = refusal(table, capsys, "--stack", "field")
    assert "no AWS region is set. Give the one of the stack with --region" in said


@pytest.mark.usefixtures("cloud")
def test_no_stack(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(table, capsys, "--stack", "field")
    assert said.startswith("There is no stack field in eu-central-1 in this AWS account. Deploy it")


@pytest.mark.usefixtures("cloud")
def test_no_bucket_and_no_table(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ("--endpoint", "http://127.0.0.1:9", "--table", "field-jobs")
    said = refusal(table, capsys, *places, "--bucket", "nowhere")
    assert said.startswith("While looking for the S3 bucket nowhere: AWS has nothing of that name")
    make_places("https://x")
    places = ("--endpoint", "http://127.0.0.1:9", "--bucket", "field-data")
    said = refusal(table, capsys, *places, "--table", "nowhere")
    assert said.startswith("While looking for the DynamoDB table nowhere: AWS has nothing of that")


@pytest.mark.usefixtures("cloud")
def test_no_right_to_call_the_function(
    table: Path, capsys: pytest.CaptureFixture[str], endpoint: Endpoint
) -> None:
    make_places(endpoint.address)
    endpoint.status, endpoint.answer = 403, '{"message":"Forbidden"}'
    said = refusal(table, capsys, "--stack", "field")
    assert "AWS denied access (status 403). Ask for the right `execute-api:Invoke`" in said
    assert endpoint.signed_by.startswith("AWS4-HMAC-SHA256 Credential=")
    assert "/eu-central-1/execute-api/aws4_request" in endpoint.signed_by


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("status", "code"), [(200, None), (500, "aws_unavailable"), (404, "not_found")]
)
def test_an_endpoint_that_is_not_well_is_no_reason_not_to_start(
    endpoint: Endpoint, tmp_path: Path, status: int, code: str | None
) -> None:
    make_places(endpoint.address)
    endpoint.status = status
    settings = Settings(backend="aws", stack="field", data_dir=tmp_path, max_in_flight=7)
    store, backend, health = open_installation(settings)
    try:
        found = health.latest()
        assert found is not None
        assert (found.problem and found.problem.code) == code
        assert backend.label == "AWS Lambda · eu-central-1 · 7 at once"
        # An hour of 1024 MB on arm64, and a million requests of both services.
        assert backend.cost_usd(3600.0, 0) == pytest.approx(0.04800024)
        assert backend.cost_usd(0.0, 1_000_000) == pytest.approx(1.20)
        assert store.jobs() == []
    finally:
        backend.close()
        store.close()
