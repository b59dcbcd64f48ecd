"""A jobs table and a bucket of their own in moto, and stores on them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboard.stores.dynamodb.store import DynamoJobStore
from tests.scripted_aws import REGION, client


@dataclass(frozen=True)
class Place:
    """Where jobs are, such that a worker process can be told in one word."""

    url: str
    name: str

    @classmethod
    def made(cls, url: str) -> Place:
        place = cls(url, f"jobs-{uuid.uuid4().hex[:12]}")
        client("s3", url).create_bucket(
            Bucket=place.name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        place.dynamodb().create_table(
            TableName=place.name,
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("job_id", "task_id")
            ],
            KeySchema=[
                {"AttributeName": "job_id", "KeyType": "HASH"},
                {"AttributeName": "task_id", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        return place

    @classmethod
    def at(cls, address: str) -> Place:
        return cls(*address.split("|"))

    def __str__(self) -> str:
        return f"{self.url}|{self.name}"

    def dynamodb(self) -> Any:
        return client("dynamodb", self.url)

    def open(self, clock: Callable[[], float], **settings: Any) -> DynamoJobStore:
        """A store with clients of its own, as another process would have, unless given."""
        clients = {"dynamodb": self.dynamodb(), "s3": client("s3", self.url)}
        return DynamoJobStore(self.name, self.name, **{**clients, **settings}, clock=clock)
