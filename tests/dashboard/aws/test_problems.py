"""Every way in which AWS says no becomes a sentence with what to do, under a stable code."""

from __future__ import annotations

import socket
from collections.abc import Callable

import boto3
import httpx
import pytest
from botocore import exceptions as botocore
from botocore.config import Config

from dashboard.aws.problems import AwsProblem

DOING = "reading the stack"


def client_error(
    code: str, operation: str, message: str = "", status: int = 400
) -> botocore.ClientError:
    return botocore.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        operation,
    )


def answer(status: int, text: str) -> httpx.HTTPStatusError:
    request = httpx.Request("POST", "https://abc.execute-api.eu-central-1.amazonaws.com/fit")
    return httpx.HTTPStatusError(
        "no", request=request, response=httpx.Response(status, text=text, request=request)
    )


pytestmark = pytest.mark.usefixtures("bare_machine")


def raised(call: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as info:
        call()
    return info.value


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_a_client_without_credentials() -> None:
    # A session of its own: boto3's default one keeps credentials that an earlier test had.
    s3 = boto3.Session().client("s3", region_name="eu-central-1")
    problem = AwsProblem.of(raised(lambda: s3.list_objects_v2(Bucket="b")), DOING)
    assert problem.code == "missing_credentials"
    assert problem.message == (
        "While reading the stack: no AWS credentials were found. Run `aws configure` or `aws sso "
        "login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) and start "
        "again."
    )
    assert not problem.transient


def test_a_client_without_a_region() -> None:
    problem = AwsProblem.of(raised(lambda: boto3.client("dynamodb")), DOING)
    assert problem.code == "missing_region"
    assert "--region eu-central-1" in problem.message


def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    problem = AwsProblem.of(raised(lambda: boto3.Session().client("s3")), DOING)
    assert problem.code == "missing_profile"
    assert "list-profiles" in problem.message


def test_an_endpoint_where_nobody_listens() -> None:
    address = f"http://127.0.0.1:{closed_port()}"
    dynamodb = boto3.client(
        "dynamodb",
        region_name="eu-central-1",
        endpoint_url=address,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"max_attempts": 0}),
    )
    problem = AwsProblem.of(raised(lambda: dynamodb.describe_table(TableName="t")), DOING)
    assert problem.code == "unreachable"
    assert problem.transient
    assert address in problem.message
    assert problem.details["came"] == "EndpointConnectionError"

    problem = AwsProblem.of(raised(lambda: httpx.get(address)), DOING)
    assert (problem.code, problem.details["where"]) == ("unreachable", "127.0.0.1")
    assert "no connection to 127.0.0.1" in problem.message


@pytest.mark.parametrize(
    ("operation", "message", "action"),
    [
        ("HeadObject", "", "s3:GetObject"),
        ("UploadPart", "", "s3:PutObject"),
        ("DescribeStacks", "", "cloudformation:DescribeStacks"),
        ("Query", "", "dynamodb:Query"),
        ("AssumeRole", "", "AssumeRole"),
        (
            "GetItem",
            "User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:GetItem on "
            "resource: arn:aws:dynamodb:::table/t",
            "dynamodb:GetItem",
        ),
        (
            "TransactWriteItems",
            "User: x is not authorized to perform: dynamodb:UpdateItem.",
            "dynamodb:UpdateItem",
        ),
    ],
)
def test_denied_access_names_the_missing_action(operation: str, message: str, action: str) -> None:
    code = "403" if operation == "HeadObject" else "AccessDeniedException"
    problem = AwsProblem.of(client_error(code, operation, message, 403), DOING)
    assert problem.code == "no_rights"
    assert problem.details["action"] == action
    assert f"Ask for the right `{action}`" in problem.message


@pytest.mark.parametrize(
    ("error", "code", "transient"),
    [
        (client_error("ExpiredTokenException", "Query"), "expired_credentials", False),
        (client_error("ExpiredToken", "GetObject", status=403), "expired_credentials", False),
        (client_error("UnrecognizedClientException", "Query"), "wrong_credentials", False),
        (client_error("SignatureDoesNotMatch", "GetObject", "", 403), "wrong_credentials", False),
        (client_error("RequestTimeTooSkewed", "GetObject", "", 403), "wrong_clock", False),
        (client_error("ResourceNotFoundException", "DescribeTable"), "not_found", False),
        (client_error("NoSuchBucket", "PutObject", "", 404), "not_found", False),
        (
            client_error("ValidationError", "DescribeStacks", "Stack with id x does not exist"),
            "not_found",
            False,
        ),
        (client_error("PermanentRedirect", "PutObject", "", 301), "wrong_region", False),
        (client_error("ThrottlingException", "Query"), "throttled", True),
        (client_error("SlowDown", "PutObject", "", 503), "throttled", True),
        (client_error("Odd", "PutObject", "", 503), "aws_unavailable", True),
        (client_error("ValidationException", "Query", "One of the names"), "refused", False),
        (botocore.ReadTimeoutError(endpoint_url="https://s3"), "timed_out", True),
        (httpx.ReadTimeout("slow"), "timed_out", True),
        (botocore.UnauthorizedSSOTokenError(), "expired_credentials", False),
        (answer(403, '{"message":"Forbidden"}'), "no_rights", False),
        (
            answer(403, '{"message":"The security token included in the request is expired"}'),
            "expired_credentials",
            False,
        ),
        (
            answer(403, '{"message":"The request signature we calculated does not match"}'),
            "wrong_credentials",
            False,
        ),
        (
            answer(403, '{"message":"Signature expired: 20260101T000000Z is now earlier than"}'),
            "wrong_clock",
            False,
        ),
        (answer(404, "{}"), "not_found", False),
        (answer(429, "{}"), "throttled", True),
        (answer(502, "<html>"), "aws_unavailable", True),
        (answer(418, ""), "refused", False),
        (ValueError("odd"), "unexpected", False),
    ],
)
def test_other_errors_have_their_code(error: Exception, code: str, transient: bool) -> None:
    problem = AwsProblem.of(error, DOING)
    assert (problem.code, problem.transient) == (code, transient)
    assert problem.message.startswith("While reading the stack: ")
    assert problem.message.endswith((".", "needed."))
    assert "{" not in problem.message


def test_what_came_is_said_when_nobody_foresaw_it() -> None:
    error = client_error("ValidationException", "Query", "One of the names is wrong")
    assert "(ValidationException: One of the names is wrong)" in AwsProblem.of(error, "x").message


def test_a_problem_stays_as_it_is() -> None:
    problem = AwsProblem("no_rights", "A sentence.", {"action": "s3:GetObject"})
    assert AwsProblem.of(problem, "doing something else") is problem
