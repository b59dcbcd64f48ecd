"""Deleting what a removed stack leaves behind on purpose: its bucket and its table."""

from __future__ import annotations

from typing import Any


def delete_bucket(s3: Any, bucket: str) -> None:
    """Empty and delete `bucket`, unfinished uploads included. Raises ClientError."""
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if keys:  # at most 1,000 on a page, which is also what one deletion takes
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)


def delete_table(dynamodb: Any, table: str) -> None:
    """Delete `table` with everything in it. Raises ClientError."""
    dynamodb.delete_table(TableName=table)
