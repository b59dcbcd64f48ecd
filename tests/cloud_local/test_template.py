"""What the template says is what the local cloud has."""

from __future__ import annotations

import boto3
import pytest
import yaml

from cloud_local.cloud import LocalCloud
from cloud_local.template import TEMPLATE_PATH, Template, TemplateLoader, TemplateProblem

SMALL = """
Parameters:
  Stage: {Type: String, Default: test}
  MemoryMb: {Type: Number, Default: 512}
Conditions:
  IsTest: !Equals [!Ref Stage, test]
  IsLive: !Not [Condition: IsTest]
Globals:
  Function:
    Timeout: 12
    Environment: {Variables: {SHARED: "1", OWN: globally}}
Resources:
  Bucket: {Type: "AWS::S3::Bucket"}
  OtherBucket: {Type: "AWS::S3::Bucket", Condition: IsLive}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: !Sub "${AWS::StackName}-${Stage}-jobs"}
  Fit:
    Type: AWS::Serverless::Function
    Properties:
      MemorySize: !Ref MemoryMb
      Role: !If [IsLive, live, !Ref AWS::NoValue]
      Environment:
        Variables:
          OWN: !Join ["/", [!Ref Bucket, !If [IsTest, "a", "b"]]]
          ARN: !GetAtt Table.Arn
          LITERAL: !Sub "${!Stage} of ${Bucket.Arn}"
"""


def test_references_globals_and_conditions_are_resolved() -> None:
    template = Template(SMALL, stack="mine", region="eu-north-1")
    assert template.only("AWS::S3::Bucket") == ("Bucket", {})
    assert template.physical_name("Bucket") == "mine-bucket"
    assert template.physical_name("Table") == "mine-test-jobs"
    name, function = template.only("AWS::Serverless::Function")
    assert name == "Fit"
    assert function == {
        "Timeout": 12,
        "MemorySize": 512,
        "Environment": {
            "Variables": {
                "SHARED": "1",
                "OWN": "mine-bucket/a",
                "ARN": "arn:aws:dynamodb:eu-north-1:123456789012:mine-test-jobs",
                "LITERAL": "${Stage} of arn:aws:s3:::mine-bucket",
            }
        },
    }


def test_parameters_choose() -> None:
    live = Template(SMALL, parameters={"Stage": "live", "MemoryMb": "1024"})
    _, function = live.only("AWS::Serverless::Function")
    assert function["MemorySize"] == "1024"
    assert function["Role"] == "live"
    assert function["Environment"]["Variables"]["OWN"] == "centaurus-local-bucket/b"
    with pytest.raises(TemplateProblem, match=r"got \['Bucket', 'OtherBucket'\]"):
        live.only("AWS::S3::Bucket")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Ref": "Nothing"}, "Nothing"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue"),
    ],
)
def test_what_it_cannot_read_is_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(TemplateProblem, match=message):
        Template(SMALL).resolved(change)
    with pytest.raises(TemplateProblem, match="Size"):
        Template(SMALL, parameters={"Size": "1"})


def test_the_cloud_has_what_the_template_says(cloud: LocalCloud) -> None:
    source = yaml.load(TEMPLATE_PATH.read_text(), TemplateLoader)["Resources"]
    (wanted,) = (r["Properties"] for r in source.values() if r["Type"] == "AWS::DynamoDB::Table")
    access = {
        "endpoint_url": cloud.moto_url,
        "region_name": cloud.region,
        "aws_access_key_id": "any",
        "aws_secret_access_key": "any",
    }
    dynamodb = boto3.client("dynamodb", **access)
    table = dynamodb.describe_table(TableName=cloud.table)["Table"]
    assert table["KeySchema"] == wanted["KeySchema"]
    assert table["AttributeDefinitions"] == wanted["AttributeDefinitions"]
    assert table["BillingModeSummary"]["BillingMode"] == wanted["BillingMode"]
    ttl = dynamodb.describe_time_to_live(TableName=cloud.table)["TimeToLiveDescription"]
    assert ttl == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": wanted["TimeToLiveSpecification"]["AttributeName"],
    }
    buckets = boto3.client("s3", **access).list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == [cloud.bucket]


def test_any_client_finds_the_cloud_by_its_variables(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    session = boto3.session.Session()
    assert session.region_name == cloud.region
    session.client("s3").head_bucket(Bucket=cloud.bucket)
    assert session.client("dynamodb").list_tables()["TableNames"] == [cloud.table]
