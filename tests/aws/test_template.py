"""The stack as CloudFormation gets it: nothing open, nothing unencrypted, no right too many."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest

from bundle.recipe import ROOT
from bundle.target import ARCHITECTURES, LAMBDA_PYTHON_VERSION
from compute_lambda import environment
from dashboard.aws.stack import NEEDED_OUTPUTS

Resources = dict[str, dict[str, Any]]

# Which right a call needs: https://docs.aws.amazon.com/service-authorization/latest/reference/
RIGHTS = {
    "head_bucket": {"s3:ListBucket"},
    "head_object": {"s3:GetObject", "s3:ListBucket"},  # the second for 404 instead of 403
    "get_object": {"s3:GetObject", "s3:ListBucket"},
    "put_object": {"s3:PutObject"},
    "upload_part": {"s3:PutObject"},
    "create_multipart_upload": {"s3:PutObject"},
    "complete_multipart_upload": {"s3:PutObject"},
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
    "list_multipart_uploads": {"s3:ListBucketMultipartUploads"},
    "list_parts": {"s3:ListMultipartUploadParts"},
    "list_objects_v2": {"s3:ListBucket"},
    "delete_object": {"s3:DeleteObject"},
    "delete_objects": {"s3:DeleteObject"},
    "describe_stacks": {"cloudformation:DescribeStacks"},
}


@pytest.fixture
def resources(expanded: dict[str, Any]) -> Resources:
    return dict(expanded["Resources"])


def of_type(resources: Resources, kind: str) -> Resources:
    return {name: entry for name, entry in resources.items() if entry["Type"] == kind}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return listed(policy["PolicyDocument"]["Statement"])


def granting(resources: Resources) -> dict[str, list[dict[str, Any]]]:
    """Statements of every policy that belongs to a role or user, by the resource's name."""
    found = {
        name: statements(entry["Properties"])
        for name, entry in of_type(resources, "AWS::IAM::ManagedPolicy").items()
    }
    for name, entry in of_type(resources, "AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in entry["Properties"], name
        policies = entry["Properties"]["Policies"]
        found[name] = [statement for policy in policies for statement in statements(policy)]
    return found


def test_no_right_is_wider_than_this_stack(resources: Resources) -> None:
    found = granting(resources)
    assert set(found) == {"FitRole", "DashboardPolicy"}
    own = ("DatasetBucket", "JobsTable", "FitLogs", "FitApi", "AWS::StackName")
    for name, entries in found.items():
        for statement in entries:
            assert statement["Effect"] == "Allow"
            assert not {"NotAction", "NotResource"} & set(statement)
            for action in listed(statement["Action"]):
                assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action), f"{name}: {action}"
            for resource in listed(statement["Resource"]):
                text = json.dumps(resource)
                assert any(part in text for part in own), f"{name}: {text}"
                # A star stands for the objects under a prefix or the one stack's number.
                stars = re.findall(r"[^\"]*\*", text)
                assert all(
                    star.endswith(("datasets/*", "results/*", "${AWS::StackName}/*"))
                    for star in stars
                ), text


def test_a_fit_may_read_datasets_and_write_its_log(resources: Resources) -> None:
    assert granting(resources)["FitRole"] == [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": {"Fn::Sub": "${DatasetBucket.Arn}/datasets/*"},
        },
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": {"Fn::GetAtt": ["DatasetBucket", "Arn"]},
            "Condition": {"StringLike": {"s3:prefix": "datasets/*"}},
        },
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": ["FitLogs", "Arn"]},
        },
    ]
    role = resources["FitRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert [entry["Principal"] for entry in role] == [{"Service": "lambda.amazonaws.com"}]


def test_the_dashboard_may_do_what_it_calls_and_nothing_else(resources: Resources) -> None:
    granted = {
        action
        for statement in granting(resources)["DashboardPolicy"]
        for action in listed(statement["Action"])
    }
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "dashboard").rglob("*.py")
    )
    called = {name for name in RIGHTS if re.search(rf"\b{name}\b", code)}
    needed = {right for name in called for right in RIGHTS[name]}
    # The table's rights are those that the store's own tests see it use.
    others = {action for action in granted if not action.startswith("dynamodb:")}
    assert others == needed | {"execute-api:Invoke"}


def test_the_dashboard_deletes_results_only(resources: Resources) -> None:
    places = [
        statement["Resource"]
        for statement in granting(resources)["DashboardPolicy"]
        if "s3:DeleteObject" in listed(statement["Action"])
    ]
    assert places == [{"Fn::Sub": "${DatasetBucket.Arn}/results/*"}]


def test_a_caller_may_invoke_two_routes(resources: Resources) -> None:
    (statement,) = [
        statement
        for statement in granting(resources)["DashboardPolicy"]
        if "execute-api:Invoke" in listed(statement["Action"])
    ]
    ends = [entry["Fn::Sub"].partition("${FitApi}")[2] for entry in statement["Resource"]]
    assert ends == ["/$default/POST/tasks", "/$default/GET/health"]


def test_every_route_asks_for_a_signature(resources: Resources) -> None:
    ((_, api),) = of_type(resources, "AWS::ApiGatewayV2::Api").items()
    body = api["Properties"]["Body"]
    routes = {
        (method, path): route["security"]
        for path, methods in body["paths"].items()
        for method, route in methods.items()
    }
    assert routes == {
        ("post", "/tasks"): [{"AWS_IAM": []}],
        ("get", "/health"): [{"AWS_IAM": []}],
    }
    scheme = body["components"]["securitySchemes"]["AWS_IAM"]
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert of_type(resources, "AWS::ApiGatewayV2::Route") == {}
    assert of_type(resources, "AWS::Lambda::Url") == {}


def test_only_the_api_may_invoke_the_function(resources: Resources) -> None:
    permissions = of_type(resources, "AWS::Lambda::Permission")
    assert len(permissions) == 2
    for entry in permissions.values():
        assert entry["Properties"]["Principal"] == "apigateway.amazonaws.com"
        source, names = entry["Properties"]["SourceArn"]["Fn::Sub"]
        assert names["__ApiId__"] == {"Ref": "FitApi"}
        assert source.endswith(("/POST/tasks", "/GET/health"))


def test_the_routes_are_throttled_and_logged(resources: Resources) -> None:
    ((_, stage),) = of_type(resources, "AWS::ApiGatewayV2::Stage").items()
    found = stage["Properties"]
    assert found["RouteSettings"] == {
        "POST /tasks": {
            "ThrottlingRateLimit": {"Ref": "FitRatePerSecond"},
            "ThrottlingBurstLimit": {"Ref": "FitBurst"},
        }
    }
    health = {"Ref": "HealthRatePerSecond"}
    assert found["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": health,
        "ThrottlingBurstLimit": health,
    }
    log = found["AccessLogSettings"]
    assert log["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    record = json.loads(log["Format"])  # one JSON object a line
    assert record["status"] == "$context.status"
    assert record["requestId"] == "$context.requestId"


def test_datasets_are_private_encrypted_and_kept(
    resources: Resources, template: dict[str, Any]
) -> None:
    bucket = resources["DatasetBucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    found = bucket["Properties"]
    assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(found["PublicAccessBlockConfiguration"]) == 4
    (rule,) = found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert found["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    cleaning, forgetting = found["LifecycleConfiguration"]["Rules"]
    assert cleaning["Status"] == "Enabled"
    assert cleaning["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    # Nothing that was uploaded may expire: a job may need it at any time. Results of jobs may,
    # where somebody says so.
    assert not [name for name in cleaning if "Expiration" in name or "Transition" in name]
    condition, results, otherwise = forgetting["Fn::If"]
    assert (condition, otherwise) == ("ForgetsLargeResults", {"Ref": "AWS::NoValue"})
    assert results["Prefix"] == "results/"
    assert results["ExpirationInDays"] == {"Ref": "LargeResultsDays"}
    assert template["Parameters"]["LargeResultsDays"]["Default"] == 0


def test_the_bucket_refuses_connections_without_encryption(resources: Resources) -> None:
    (statement,) = statements(resources["DatasetBucketPolicy"]["Properties"])
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "s3:*"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [
        {"Fn::GetAtt": ["DatasetBucket", "Arn"]},
        {"Fn::Sub": "${DatasetBucket.Arn}/*"},
    ]


def test_jobs_are_encrypted_kept_and_recoverable(resources: Resources) -> None:
    table = resources["JobsTable"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    found = table["Properties"]
    assert found["BillingMode"] == "PAY_PER_REQUEST"
    keys = [(key["AttributeName"], key["KeyType"]) for key in found["KeySchema"]]
    assert keys == [("job_id", "HASH"), ("task_id", "RANGE")]
    assert {entry["AttributeType"] for entry in found["AttributeDefinitions"]} == {"S"}
    assert found["SSESpecification"] == {"SSEEnabled": True}
    assert found["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert found["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_logs_end_some_day(resources: Resources, template: dict[str, Any]) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert set(groups) == {"FitLogs", "AccessLogs"}
    for group in groups.values():
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert template["Parameters"]["LogRetentionDays"]["Default"] == 30
    logging = resources["FitFunction"]["Properties"]["LoggingConfig"]
    assert logging["LogGroup"] == {"Ref": "FitLogs"}
    assert logging["ApplicationLogLevel"] == {"Ref": "LogLevel"}


def test_errors_and_throttles_raise_an_alarm(resources: Resources) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    watched = {
        (entry["Properties"]["Namespace"], entry["Properties"]["MetricName"])
        for entry in alarms.values()
    }
    assert watched == {
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/ApiGateway", "5xx"),
    }
    for entry in alarms.values():
        found = entry["Properties"]
        (dimension,) = found["Dimensions"]
        assert dimension["Value"]["Ref"] in ("FitFunction", "FitApi")
        assert found["TreatMissingData"] == "notBreaching"  # idle is well
        assert found["AlarmActions"]["Fn::If"][:2] == ["SendsAlarms", [{"Ref": "AlarmTopic"}]]
    assert resources["AlarmTopic"]["Condition"] == "SendsAlarms"


def test_the_function_runs_what_the_bundle_is_built_for(
    resources: Resources, template: dict[str, Any]
) -> None:
    found = resources["FitFunction"]["Properties"]
    assert found["Runtime"] == f"python{LAMBDA_PYTHON_VERSION}"
    module, _, name = found["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    assert found["Architectures"] == [{"Ref": "Architecture"}]
    assert template["Parameters"]["Architecture"]["AllowedValues"] == list(ARCHITECTURES)
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"
    metadata = template["Resources"]["FitFunction"]["Metadata"]
    assert metadata == {"BuildMethod": "makefile", "ContextPath": ".", "WorkingDirectory": "."}
    assert found["Timeout"] <= 29  # less than the 30 s after which the gateway gives up


def test_the_function_is_told_what_it_reads(resources: Resources) -> None:
    variables = resources["FitFunction"]["Properties"]["Environment"]["Variables"]
    assert variables[environment.DATASET_BUCKET] == {"Ref": "DatasetBucket"}
    assert variables[environment.DATASET_PREFIX] == "datasets/"
    read = {value for value in vars(environment).values() if isinstance(value, str)}
    ours = {name for name in variables if name.startswith("CENTAURUS_")}
    assert ours <= read


def test_the_outputs_are_those_that_the_dashboard_reads(template: dict[str, Any]) -> None:
    outputs = template["Outputs"]
    assert set(outputs) == {
        "Endpoint",
        "DatasetBucket",
        "JobsTable",
        "Region",
        "MemoryMb",
        "Architecture",
        "FunctionName",
        "ReservedConcurrency",
        "DashboardPolicyArn",
    }
    assert set(NEEDED_OUTPUTS) <= set(outputs)
    assert outputs["Endpoint"]["Value"] == {
        "Fn::Sub": "https://${FitApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    }


def test_every_parameter_has_a_default_and_says_what_it_means(template: dict[str, Any]) -> None:
    for name, parameter in template["Parameters"].items():
        assert "Default" in parameter, name
        assert len(parameter["Description"]) > 20, name
