"""The parts of a stack on this machine: bucket and table made in moto, function and routes read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from cloud_local.function.configuration import Caller
from cloud_local.template import Template

DEVELOPER = Caller("local-developer", "local-developer-secret")
"""Whom clients sign as. Its keys open nothing but a local cloud."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a client and the gateway need to know of a stack."""

    region: str
    bucket: str
    table: str
    function_name: str
    handler: str
    memory_mb: int
    timeout_s: float
    environment: dict[str, str]
    routes: tuple[str, ...]


def deploy(template: Template, region: str, moto_url: str) -> Deployment:
    """Make the template's bucket and table at `moto_url`; describe the rest."""
    access: dict[str, Any] = {
        "config": Config(proxies={}),  # those of the environment are for the world outside
        "endpoint_url": moto_url,
        "region_name": region,
        "aws_access_key_id": DEVELOPER.access_key,
        "aws_secret_access_key": DEVELOPER.secret_key,
    }
    bucket_id, _ = template.only("AWS::S3::Bucket")
    bucket = template.physical_name(bucket_id)
    boto3.client("s3", **access).create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
    )
    table_id, properties = template.only("AWS::DynamoDB::Table")
    table = template.physical_name(table_id)
    _make_table(boto3.client("dynamodb", **access), table, properties)
    function_id, function = template.only("AWS::Serverless::Function")
    return Deployment(
        region=region,
        bucket=bucket,
        table=table,
        function_name=template.physical_name(function_id),
        handler=function["Handler"],
        memory_mb=int(function["MemorySize"]),
        timeout_s=float(function["Timeout"]),
        environment=_variables(function),
        routes=_routes(function),
    )


def _make_table(dynamodb: Any, name: str, properties: dict[str, Any]) -> None:
    dynamodb.create_table(
        TableName=name,
        KeySchema=properties["KeySchema"],
        AttributeDefinitions=properties["AttributeDefinitions"],
        BillingMode=properties["BillingMode"],
    )
    ttl = properties.get("TimeToLiveSpecification")
    if ttl:
        dynamodb.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={
                "AttributeName": ttl["AttributeName"],
                "Enabled": str(ttl["Enabled"]).lower() == "true",
            },
        )


def _variables(function: dict[str, Any]) -> dict[str, str]:
    """Those of the template, and those with which Lambda passes on the settings of logging."""
    given = (function.get("Environment") or {}).get("Variables") or {}
    logging = function.get("LoggingConfig") or {}
    passed_on = {
        "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat"),
        "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel"),
    }
    return {name: str(value) for name, value in {**passed_on, **given}.items() if value}


def _routes(function: dict[str, Any]) -> tuple[str, ...]:
    """ "POST /tasks" for each event of the HTTP API."""
    events = [event["Properties"] for event in function["Events"].values()]
    return tuple(f"{event['Method'].upper()} {event['Path']}" for event in events)
