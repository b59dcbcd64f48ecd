"""One DynamoDB table, spoken to with patience: what is throttled or cut off is sent again.

Every request is tried until RETRY_S with full jitter: a random part of a bound that doubles. Give
it a client that does not try again by itself (`CLIENT_CONFIG`), so that the deadline holds. Trying
again is safe: writes are conditional or say the same when they are said twice, and a transaction
carries a token by which AWS knows that it was done already.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dashboard.aws.problems import AwsProblem
from dashboard.stores.base import StoreError

#: For the client: short timeouts, and no attempts of its own.
CLIENT_CONFIG = Config(
    connect_timeout=2.0,
    read_timeout=5.0,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=32,
)

RETRY_S = 20.0
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0

#: Limits of DynamoDB per request.
BATCH_WRITE_ITEMS = 25
BATCH_GET_ITEMS = 100

Key = tuple[str, str]
Item = dict[str, Any]
Page = tuple[list[Item], bool]

_CONFLICTS = {"TransactionConflictException", "TransactionInProgressException"}
_CANCELLED_BY_LOAD = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class ConditionFailed(Exception):
    """A condition of the write does not hold: nothing was written."""


class Table:
    """Items are plain dictionaries: text, numbers, bytes, booleans, lists, sets of numbers."""

    def __init__(
        self,
        client: Any,
        name: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._client, self.name = client, name
        self._monotonic, self._sleep = monotonic, sleep
        self._rng = rng or random.Random()

    # -- reading ------------------------------------------------------------------------------

    def get(self, key: Key) -> Item | None:
        """The item as it is now (a strongly consistent read)."""
        answer = self._call("get_item", TableName=self.name, Key=_key(key), ConsistentRead=True)
        return decoded(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: Sequence[Key]) -> list[Item]:
        """Those of the items that exist, as they are now, in no order."""
        found: list[Item] = []
        for start in range(0, len(keys), BATCH_GET_ITEMS):
            wanted = {"Keys": [_key(key) for key in keys[start : start + BATCH_GET_ITEMS]]}
            waiting: dict[str, Any] = {self.name: wanted | {"ConsistentRead": True}}
            waits = self._waits("reading the job store")
            while waiting:
                answer = self._call("batch_get_item", RequestItems=waiting)
                found += map(decoded, answer["Responses"].get(self.name, []))
                waiting = answer.get("UnprocessedKeys") or {}
                if waiting:
                    next(waits)
        return found

    def pages(
        self,
        partition: str,
        *,
        after: str = "",
        through: str = "",
        attributes: Iterable[str] = (),
        limit: int | None = None,
        consistent: bool = True,
    ) -> Iterator[Page]:
        """A partition's items by ascending sort key, a page (at most 1 MB) per request.

        With each page comes whether there may be more. `after` is left out of the answer, `through`
        is in it; `limit` is per page.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "ConsistentRead": consistent,
            "KeyConditionExpression": "job_id = :partition",
        }
        values: dict[str, Any] = {":partition": partition}
        if after:
            request["KeyConditionExpression"] += " AND task_id > :after"
            values[":after"] = after
        elif through:
            request["KeyConditionExpression"] += " AND task_id <= :through"
            values[":through"] = through
        request["ExpressionAttributeValues"] = encoded(values)
        if attributes:
            request["ProjectionExpression"] = ", ".join(f"#{name}" for name in attributes)
            request["ExpressionAttributeNames"] = {f"#{name}": name for name in attributes}
        if limit is not None:
            request["Limit"] = limit
        while True:
            answer = self._call("query", **request)
            more = "LastEvaluatedKey" in answer
            yield [decoded(item) for item in answer["Items"]], more
            if not more:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # -- writing ------------------------------------------------------------------------------

    def update(self, key: Key, change: str, condition: str, values: Mapping[str, Any]) -> Item:
        """The item after the change. Raises ConditionFailed."""
        written = self._written(key, change, condition, values)
        answer = self._call("update_item", **written, ReturnValues="ALL_NEW")
        return decoded(answer["Attributes"])

    def transact(self, actions: Sequence[Item]) -> None:
        """All of the actions or none. Raises ConditionFailed. At most 100, and 4 MB with what
        they change.
        """
        token = str(uuid.uuid4())
        self._call("transact_write_items", TransactItems=actions, ClientRequestToken=token)

    def delete_all(self, keys: Sequence[Key]) -> None:
        """Remove the items, those that are not there included, in batches."""
        for start in range(0, len(keys), BATCH_WRITE_ITEMS):
            batch = keys[start : start + BATCH_WRITE_ITEMS]
            waiting: dict[str, Any] = {
                self.name: [{"DeleteRequest": {"Key": _key(key)}} for key in batch]
            }
            waits = self._waits("deleting from the job store")
            while waiting:
                answer = self._call("batch_write_item", RequestItems=waiting)
                waiting = answer.get("UnprocessedItems") or {}
                if waiting:
                    next(waits)

    # -- the actions of a transaction -----------------------------------------------------------

    def putting(self, item: Item, condition: str = "", values: Mapping[str, Any] = {}) -> Item:
        return {"Put": {"TableName": self.name, "Item": encoded(item)} | _where(condition, values)}

    def updating(self, key: Key, change: str, condition: str, values: Mapping[str, Any]) -> Item:
        return {"Update": self._written(key, change, condition, values)}

    def deleting(self, key: Key, condition: str = "", values: Mapping[str, Any] = {}) -> Item:
        return {"Delete": {"TableName": self.name, "Key": _key(key)} | _where(condition, values)}

    def checking(self, key: Key, condition: str, values: Mapping[str, Any]) -> Item:
        where = _where(condition, values)
        return {"ConditionCheck": {"TableName": self.name, "Key": _key(key)} | where}

    def _written(
        self, key: Key, change: str, condition: str, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "TableName": self.name,
            "Key": _key(key),
            "UpdateExpression": change,
            **_where(condition, values, change),
        }

    # -- patience -----------------------------------------------------------------------------

    def _call(self, operation: str, **request: Any) -> Any:
        """The answer. Raises ConditionFailed, and StoreError with what to do."""
        waits = self._waits("using the job store")
        while True:
            try:
                return getattr(self._client, operation)(**request)
            except (BotoCoreError, ClientError) as error:
                if _is_condition(error):
                    raise ConditionFailed from error
                problem = AwsProblem.of(error, f"using the job store {self.name}")
                if not (problem.transient or _is_conflict(error)):
                    raise StoreError(problem.message) from error
                last = error
            try:
                next(waits)
            except StoreError:
                raise StoreError(problem.message) from last

    def _waits(self, doing: str) -> Iterator[None]:
        """Each `next` waits a little, longer and longer; StoreError when it was long enough."""
        deadline = self._monotonic() + RETRY_S
        bound_s = FIRST_WAIT_S
        while self._monotonic() + bound_s < deadline:
            self._sleep(self._rng.uniform(0.0, bound_s))
            yield
            bound_s = min(2.0 * bound_s, LONGEST_WAIT_S)
        raise StoreError(
            f"While {doing}: DynamoDB put off part of the request for {RETRY_S:g} s. It is"
            f" overloaded: raise the throughput of the table {self.name}, or wait."
        )


def encoded(item: Mapping[str, Any]) -> dict[str, Any]:
    """`item` as DynamoDB wants it; None stands for an attribute that is not there."""
    return {name: _typed(value) for name, value in item.items() if value is not None}


def decoded(item: Mapping[str, Any]) -> Item:
    return {name: _plain(value) for name, value in item.items()}


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": repr(value)}  # the shortest text that is this very float64
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, (set, frozenset)):
        return {"NS": [repr(number) for number in sorted(value)]}
    return {"L": [_typed(each) for each in value]}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return _number(content)
    if kind == "NS":
        return {_number(each) for each in content}
    if kind == "L":
        return [_plain(each) for each in content]
    return content


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _key(key: Key) -> dict[str, Any]:
    return encoded({"job_id": key[0], "task_id": key[1]})


def _where(condition: str, values: Mapping[str, Any], change: str = "") -> dict[str, Any]:
    """The parts of a request that belong to `#name`s and `:value`s in its expressions."""
    names = set(re.findall(r"#(\w+)", f"{condition} {change}"))
    where: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
    if names:
        where["ExpressionAttributeNames"] = {f"#{name}": name for name in sorted(names)}
    if values:
        where["ExpressionAttributeValues"] = encoded(values)
    return where


def _is_condition(error: Exception) -> bool:
    """Whether a condition did not hold. Load is not one: such a transaction is sent again."""
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code")
    return code == "ConditionalCheckFailedException" or (
        code == "TransactionCanceledException" and "ConditionalCheckFailed" in _reasons(error)
    )


def _is_conflict(error: Exception) -> bool:
    """Whether another write was under way, or a transaction was cancelled for load alone."""
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code")
    return code in _CONFLICTS or (
        code == "TransactionCanceledException" and bool(_reasons(error) & _CANCELLED_BY_LOAD)
    )


def _reasons(error: ClientError) -> set[str]:
    response: Mapping[str, Any] = error.response
    return {str(reason.get("Code")) for reason in response.get("CancellationReasons", [])}
