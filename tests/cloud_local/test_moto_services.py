"""S3 and DynamoDB over real HTTP, and nothing left afterwards."""

from __future__ import annotations

import socket

import boto3
import pytest

from cloud_local.moto_services import running_moto


def test_both_services_answer_and_the_process_ends() -> None:
    with running_moto() as url:
        access = {
            "endpoint_url": url,
            "region_name": "eu-central-1",
            "aws_access_key_id": "any",
            "aws_secret_access_key": "any",
        }
        s3 = boto3.client("s3", **access)
        s3.create_bucket(
            Bucket="tables", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        s3.put_object(Bucket="tables", Key="datasets/a.npy", Body=b"0123456789")
        ranged = s3.get_object(Bucket="tables", Key="datasets/a.npy", Range="bytes=2-4")
        assert ranged["Body"].read() == b"234"
        assert boto3.client("dynamodb", **access).list_tables()["TableNames"] == []
    port = int(url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
