"""Credentials, region, outputs, bucket and table: found, or named when they are missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from dashboard.aws.credentials import AwsAccess, open_access
from dashboard.aws.problems import AwsProblem
from dashboard.aws.stack import Stack, check_stack, find_stack
from dashboard.settings import Settings

OUTPUTS = {
    "Endpoint": "https://abc.execute-api.eu-central-1.amazonaws.com",
    "DatasetBucket": "field-data",
    "JobsTable": "field-jobs",
    "Region": "eu-central-1",
    "MemoryMb": "1024",
    "Architecture": "arm64",
    "FunctionName": "field-fit",
    "ReservedConcurrency": "50",
}


@pytest.fixture
def access(keys: None) -> Iterator[AwsAccess]:  # noqa: ARG001
    with mock_aws():
        yield open_access()


def deploy(access: AwsAccess, outputs: dict[str, str]) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::S3::Bucket"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    access.client("cloudformation").create_stack(
        StackName="field", TemplateBody=json.dumps(template)
    )


def problem(call: Callable[[], Any]) -> AwsProblem:
    with pytest.raises(AwsProblem) as caught:
        call()
    return caught.value


# -- credentials ----------------------------------------------------------------------------------


def test_a_machine_without_credentials_is_told_what_to_run(bare_machine: Path) -> None:
    assert bare_machine.is_dir()
    found = problem(lambda: open_access("eu-central-1"))
    assert found.code == "missing_credentials"
    assert "Run `aws configure` or `aws sso login`" in found.message


def test_credentials_without_a_region(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys is None
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    found = problem(open_access)
    assert found.code == "missing_region"
    assert "--region eu-central-1" in found.message
    assert open_access("eu-west-3").region == "eu-west-3"


def test_half_a_key_is_no_credential(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bare_machine.is_dir()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    assert problem(lambda: open_access("eu-central-1")).code == "missing_credentials"


def test_the_region_of_the_profile_is_used(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare_machine / "config").write_text("[profile farm]\nregion = ap-south-1\n")
    (bare_machine / "credentials").write_text(
        "[farm]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "farm")
    access = open_access()
    assert (access.region, access.credentials.access_key) == ("ap-south-1", "a")
    assert access.client("s3").meta.region_name == "ap-south-1"
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert problem(open_access).code == "missing_profile"


# -- the stack ------------------------------------------------------------------------------------


def test_a_stack_says_where_everything_is(access: AwsAccess) -> None:
    deploy(access, OUTPUTS)
    assert find_stack(Settings(backend="aws", stack="field"), access) == Stack(
        endpoint=OUTPUTS["Endpoint"],
        bucket="field-data",
        table="field-jobs",
        region="eu-central-1",
        memory_mb=1024,
        architecture="arm64",
        name="field",
    )


def test_a_single_setting_goes_before_the_stacks_output(access: AwsAccess) -> None:
    deploy(access, OUTPUTS)
    settings = Settings(backend="aws", stack="field", endpoint="http://127.0.0.1:9000")
    assert find_stack(settings, access).endpoint == "http://127.0.0.1:9000"


def test_plain_settings_need_no_stack_and_assume_the_dearer_price(access: AwsAccess) -> None:
    settings = Settings(
        backend="aws", endpoint="https://x.example", bucket="b", table="t", memory_mb=512
    )
    assert find_stack(settings, access) == Stack(
        "https://x.example", "b", "t", "eu-central-1", 512, "x86_64"
    )


def test_a_stack_that_is_not_there_is_named_with_its_region(access: AwsAccess) -> None:
    found = problem(lambda: find_stack(Settings(backend="aws", stack="feild"), access))
    assert found.code == "no_stack"
    assert "There is no stack feild in eu-central-1" in found.message
    assert "make deploy STACK=feild" in found.message


def test_a_stack_of_something_else_has_no_such_outputs(access: AwsAccess) -> None:
    deploy(access, {"Endpoint": "https://x", "Other": "y"})
    found = problem(lambda: find_stack(Settings(backend="aws", stack="field"), access))
    assert found.code == "stack_not_ready"
    assert found.details["missing"] == ["DatasetBucket", "JobsTable"]
    assert "CREATE_COMPLETE and it has no output DatasetBucket, JobsTable" in found.message


# -- bucket and table -----------------------------------------------------------------------------


def make_bucket(access: AwsAccess) -> None:
    place = {"LocationConstraint": "eu-central-1"}
    access.client("s3").create_bucket(Bucket="field-data", CreateBucketConfiguration=place)


def make_table(access: AwsAccess) -> None:
    access.client("dynamodb").create_table(
        TableName="field-jobs",
        KeySchema=[
            {"AttributeName": "job_id", "KeyType": "HASH"},
            {"AttributeName": "task_id", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "job_id", "AttributeType": "S"},
            {"AttributeName": "task_id", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def test_bucket_and_table_are_looked_for_before_anything_starts(access: AwsAccess) -> None:
    stack = Stack("https://x", "field-data", "field-jobs", "eu-central-1", 1024, "arm64")
    found = problem(lambda: check_stack(stack, access))
    assert (found.code, "S3 bucket field-data" in found.message) == ("not_found", True)
    make_bucket(access)
    found = problem(lambda: check_stack(stack, access))
    assert (found.code, "DynamoDB table field-jobs" in found.message) == ("not_found", True)
    make_table(access)
    check_stack(stack, access)
