"""Results that are too large for a DynamoDB item, as objects in S3 that nobody sees."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from dashboard.aws.problems import AwsProblem
from dashboard.stores.base import StoreError

PREFIX = "results/"
PARALLEL = 8
DELETE_OBJECTS = 1_000

T = TypeVar("T")
R = TypeVar("R")


class Overflow:
    """Objects `results/<job id>/<edition>/<task id>-<nonce>.json`, zlib-compressed JSON.

    The nonce tells apart what two writers of the same task wrote: each refers to its own, and the
    one that comes too late removes its own.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def put_all(self, job_id: str, edition: int, payloads: dict[str, bytes]) -> dict[str, str]:
        """Store the payloads, by task; the keys under which they are, by task."""
        keys = _together(lambda task: self._put(job_id, edition, *task), list(payloads.items()))
        return dict(zip(payloads, keys, strict=True))

    def _put(self, job_id: str, edition: int, task_id: str, payload: bytes) -> str:
        key = f"{_edition(job_id, edition)}{task_id}-{uuid.uuid4().hex[:12]}.json"
        self._doing(
            "storing a large result",
            lambda: self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=payload,
                ContentType="application/json",
                ContentEncoding="deflate",
            ),
        )
        return key

    def get_all(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """The payloads by key; None for one that is gone."""
        return dict(zip(keys, _together(self._get, keys), strict=True))

    def delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), DELETE_OBJECTS):
            self._doing(
                "deleting large results", partial(self._delete, keys[start:][:DELETE_OBJECTS])
            )

    def _delete(self, keys: Sequence[str]) -> None:
        objects = [{"Key": key} for key in keys]
        self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})

    def sweep(self, job_id: str, through_edition: int) -> None:
        """Remove everything of the job's editions up to this one."""
        keys = self._doing("looking for large results", lambda: self._keys(job_id))
        self.delete([key for key in keys if int(key.split("/")[2]) <= through_edition])

    def _keys(self, job_id: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{PREFIX}{job_id}/"
        )
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def _get(self, key: str) -> bytes | None:
        def read() -> bytes | None:
            try:
                with closing(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]) as body:
                    return bytes(body.read())
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                    return None
                raise

        return self._doing("reading a large result", read)

    def _doing(self, what: str, request: Callable[[], R]) -> R:
        try:
            return request()
        except (BotoCoreError, ClientError) as error:
            doing = f"{what} in the bucket {self._bucket}"
            raise StoreError(AwsProblem.of(error, doing).message) from error


def _together(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """`work` of each, several at the same time."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(PARALLEL, len(items))) as threads:
        return list(threads.map(work, items))


def _edition(job_id: str, edition: int) -> str:
    return f"{PREFIX}{job_id}/{edition}/"
