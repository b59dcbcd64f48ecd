"""Around `sam deploy` and `sam delete`: what is missing is said, data goes only when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from bundle.stack import main
from cloud_local.moto_services import running_moto

REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": REGION}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with running_moto() as url:
        yield url


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No credentials and no region from anywhere."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@dataclass
class Account:
    """A session whose S3 and DynamoDB are moto's, and whose one stack is scripted."""

    url: str
    answer: Callable[[Stubber], None]
    region_name: str = REGION
    asked: list[str] = field(default_factory=list)

    def get_credentials(self) -> object:
        return object()

    def client(self, service: str) -> Any:
        self.asked.append(service)
        if service in ("s3", "dynamodb"):
            return boto3.client(service, endpoint_url=self.url, **KEYS)
        client = boto3.client(service, **KEYS)
        stubber = Stubber(client)
        if service == "sts":
            stubber.add_response("get_caller_identity", {"Account": "123456789012"})
        else:
            self.answer(stubber)
        stubber.activate()
        return client


def there(bucket: str, table: str) -> Callable[[Stubber], None]:
    values = {
        "Endpoint": "https://abc.execute-api.eu-central-1.amazonaws.com",
        "DatasetBucket": bucket,
        "JobsTable": table,
        "DashboardPolicyArn": "arn:aws:iam::123456789012:policy/dashboard",
    }
    entries = [{"OutputKey": key, "OutputValue": value} for key, value in values.items()]
    stack = {
        "StackName": "zones",
        "CreationTime": "2026-01-01T00:00:00Z",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": entries,
    }
    return lambda stubber: stubber.add_response("describe_stacks", {"Stacks": [stack]})


def absent(stubber: Stubber) -> None:
    stubber.add_client_error(
        "describe_stacks", "ValidationError", "Stack with id zones does not exist"
    )


def make_data(url: str, name: str) -> tuple[Any, Any]:
    """A bucket with objects and an unfinished upload; a table."""
    s3 = boto3.client("s3", endpoint_url=url, **KEYS)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    for number in range(5):
        s3.put_object(Bucket=name, Key=f"results/{number}", Body=b"x")
    s3.create_multipart_upload(Bucket=name, Key="datasets/unfinished.npy")
    dynamodb = boto3.client("dynamodb", endpoint_url=url, **KEYS)
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "job_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "job_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return s3, dynamodb


@pytest.mark.parametrize("name", ["", "1st", "a b", "-x", "a" * 102])
def test_a_stack_needs_a_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--", name]) == 1
    assert "Expected the name of a stack" in capsys.readouterr().err


def test_missing_credentials_and_region_are_named(
    bare: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "zones"]) == 1
    assert "aws configure" in capsys.readouterr().err
    bare.setenv("AWS_ACCESS_KEY_ID", "key")
    bare.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert main(["check", "zones"]) == 1
    assert "AWS_DEFAULT_REGION" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "said"), [("ExpiredToken", "expired"), ("InvalidClientTokenId", "does not know")]
)
def test_refused_credentials_are_a_sentence(
    code: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account = Account("", lambda stubber: stubber.add_client_error("describe_stacks", code))
    assert main(["describe", "zones"], session=account) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_stack_that_is_there_says_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "zones"], session=Account("", there("b", "t"))) == 0
    said = capsys.readouterr().out
    assert "https://abc.execute-api.eu-central-1.amazonaws.com" in said
    assert "CENTAURUS_BACKEND=aws CENTAURUS_STACK=zones make run" in said
    assert "arn:aws:iam::123456789012:policy/dashboard" in said
    assert "make remove STACK=zones" in said


def test_an_unknown_stack_is_not_removed(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[list[str]] = []
    account = Account("", absent)
    assert main(["remove", "zones"], session=account, sam=lambda call: calls.append(call) or 0) == 1
    assert calls == []
    assert "Expected a stack zones in eu-central-1, found none" in capsys.readouterr().err


def test_data_stays_unless_it_is_asked_to_go(moto: str, capsys: pytest.CaptureFixture[str]) -> None:
    s3, dynamodb = make_data(moto, "zones-data")
    calls: list[list[str]] = []

    def sam(call: list[str]) -> int:
        calls.append(call)
        return 0

    account = Account(moto, there("zones-data", "zones-data"))
    assert main(["remove", "zones"], session=account, sam=sam) == 0
    assert calls == [["delete", "--stack-name", "zones", "--region", REGION, "--no-prompts"]]
    assert "data is kept" in capsys.readouterr().out
    assert set(account.asked) == {"sts", "cloudformation"}
    s3.head_object(Bucket="zones-data", Key="results/4")

    # When SAM fails the stack still needs its data.
    delete = ["remove", "zones", "--data", "delete"]
    assert main(delete, session=account, sam=lambda _call: 1) == 1
    s3.head_object(Bucket="zones-data", Key="results/4")

    assert main(delete, session=account, sam=sam) == 0
    assert "zones-data" in capsys.readouterr().out
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket="zones-data")
    assert dynamodb.list_tables()["TableNames"] == []
