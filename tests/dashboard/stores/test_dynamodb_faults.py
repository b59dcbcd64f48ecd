"""What can go wrong between a store and DynamoDB, scripted: exact requests, exact contents."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from dashboard.stores.base import JobRecord, StoreError
from dashboard.stores.dynamodb.items import BATCH_OUTCOMES
from dashboard.stores.dynamodb.store import DynamoJobStore
from dashboard.stores.dynamodb.table import LONGEST_WAIT_S, RETRY_S, Table
from tests.dashboard.conftest import Clock
from tests.dashboard.jobs.made_up import done, failed, job, task_id
from tests.dashboard.stores.cloud_place import Place
from tests.scripted_aws import Script, answered, client, passes, refused, unreachable

BUSY = refused(400, "ProvisionedThroughputExceededException")
THROTTLED = refused(400, "ThrottlingException")
BROKEN = refused(500, "InternalServerError")
CONFLICT = refused(400, "TransactionConflictException")


def cancelled(*codes: str) -> Callable:
    """A transaction that was cancelled for these reasons, one for each action."""
    reasons = [{"Code": code} for code in codes]
    return refused(400, "TransactionCanceledException", CancellationReasons=reasons)


class NoWaiting(random.Random):
    """Jitter that is always nothing; remembers the bounds that it was asked for."""

    def __init__(self) -> None:
        super().__init__(0)
        self.bounds: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        assert a == 0.0  # full jitter
        self.bounds.append(b)
        return 0.0


@pytest.fixture
def place(moto_url: str) -> Place:
    return Place.made(moto_url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jitter() -> NoWaiting:
    return NoWaiting()


@pytest.fixture
def aws(place: Place) -> Any:
    return place.dynamodb()


@pytest.fixture
def store(place: Place, clock: Clock, aws: Any, jitter: NoWaiting) -> DynamoJobStore:
    return place.open(clock, dynamodb=aws, rng=jitter)


@pytest.fixture
def other(place: Place, clock: Clock) -> DynamoJobStore:
    """Another process's handle, which nothing goes wrong for."""
    return place.open(clock)


@pytest.fixture
def script(aws: Any) -> Script:
    return Script(aws)


def counts(record: JobRecord | None) -> tuple[int, int, int]:
    assert record is not None
    return record.n_done, record.n_failed, record.n_units_done


def assert_holds(store: DynamoJobStore, job_id: str, numbers: list[int]) -> None:
    """These tasks are done, in this order, each once, and counted so."""
    outcomes = store.outcomes(job_id, limit=10_000).outcomes
    assert [outcome.task_id for outcome in outcomes] == [task_id(number) for number in numbers]
    seqs = [outcome.seq for outcome in outcomes]
    assert seqs == sorted(set(seqs))
    assert counts(store.job(job_id)) == (len(numbers), 0, 5 * len(numbers))


class TestCost:
    def test_a_look_at_a_running_job_is_two_requests(
        self, store: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(number) for number in range(5)])
        cursor = 0
        for _ in range(2):
            script.sent.clear()
            store.job(job_id)
            cursor = store.outcomes(job_id, cursor).cursor
            assert script.sent == {"GetItem": 1, "Query": 1}

    def test_a_run_writes_once_for_each_heartbeat_and_each_batch(
        self, store: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        script.sent.clear()
        store.acquire_lease(job_id, "a", 5.0)
        store.renew_lease(job_id, "a", 5.0, 3)
        assert script.sent == {"UpdateItem": 2}
        store.record(job_id, [done(0)])  # looks once at what is there
        assert script.sent == {"UpdateItem": 2, "GetItem": 1, "TransactWriteItems": 1}
        script.sent.clear()
        store.record(job_id, [done(number) for number in range(1, 1 + BATCH_OUTCOMES)])
        assert script.sent == {"TransactWriteItems": 1}

    def test_looking_for_orphans_is_one_request_when_nothing_runs(
        self, store: DynamoJobStore, script: Script
    ) -> None:
        for seed in range(3):
            job_id = store.create_job(job(seed, n_tasks=0)).job_id
            store.acquire_lease(job_id, "a", 5.0)
            store.set_state(job_id, "done", owner="a")
        script.sent.clear()
        assert store.orphaned(1e12) == []
        assert script.sent == {"Query": 1}


class TestThrottling:
    @pytest.mark.parametrize(
        "answer",
        [BUSY, THROTTLED, BROKEN, CONFLICT, unreachable]
        + [cancelled("None", code) for code in ("ThrottlingError", "TransactionConflict")],
    )
    def test_a_write_that_is_put_off_is_sent_again(
        self,
        store: DynamoJobStore,
        other: DynamoJobStore,
        script: Script,
        jitter: NoWaiting,
        answer: Callable,
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0)])
        script.sent.clear()
        script.will("TransactWriteItems", *[answer] * 4)
        assert store.record(job_id, [done(1), done(2)]) == 2
        assert (script.sent, script.left) == ({"TransactWriteItems": 5}, 0)
        assert jitter.bounds == [0.05, 0.1, 0.2, 0.4]
        assert_holds(other, job_id, [0, 1, 2])

    @pytest.mark.parametrize("operation", ["GetItem", "Query", "UpdateItem"])
    def test_so_are_reads_and_heartbeats(
        self, store: DynamoJobStore, script: Script, operation: str
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0)])
        script.sent.clear()
        script.will(operation, BUSY, THROTTLED)
        assert counts(store.job(job_id)) == (1, 0, 5)
        assert len(store.outcomes(job_id).outcomes) == 1
        assert store.acquire_lease(job_id, "a", 5.0) is True
        assert script.sent == {**{"GetItem": 1, "Query": 1, "UpdateItem": 1}, operation: 3}

    def test_throttling_without_an_end_is_a_sentence(self, place: Place, aws: Any) -> None:
        now, waits = [0.0], []

        def sleep(wait_s: float) -> None:
            waits.append(wait_s)
            now[0] += wait_s

        script = Script(aws)
        script.will("GetItem", *[BUSY] * 1_000)
        table = Table(aws, place.name, monotonic=lambda: now[0], sleep=sleep, rng=random.Random(7))
        with pytest.raises(StoreError, match=f"using the job store {place.name}: AWS limits"):
            table.get(("#jobs", "x"))
        assert RETRY_S - LONGEST_WAIT_S <= now[0] <= RETRY_S
        assert max(waits) <= LONGEST_WAIT_S
        assert script.sent["GetItem"] == len(waits) + 1
        assert len(set(waits)) == len(waits)

    def test_the_next_flush_writes_what_could_not_be_written(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        script.will("TransactWriteItems", refused(400, "AccessDeniedException"))
        with pytest.raises(StoreError, match="dynamodb:PutItem"):
            store.record(job_id, [done(0), done(1)])
        assert counts(other.job(job_id)) == (0, 0, 0)
        assert store.record(job_id, [done(0), done(1), done(2)]) == 3
        assert_holds(other, job_id, [0, 1, 2])


class TestConditions:
    def test_another_writer_in_between(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0)])
        script.sent.clear()

        def meanwhile(_request: Any) -> None:
            assert other.record(job_id, [done(2), failed(3)]) == 2

        script.will("TransactWriteItems", meanwhile)
        assert store.record(job_id, [done(1), done(2), done(3)]) == 2  # 1, and 3 made good
        assert script.sent == {"TransactWriteItems": 2, "GetItem": 1, "Query": 1}
        assert_holds(other, job_id, [0, 2, 1, 3])

    def test_a_writer_that_always_comes_too_late_gets_its_turn(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        others = iter(range(100, 106))
        script.will(
            "TransactWriteItems",
            *[lambda _request: other.record(job_id, [done(next(others))]) and None] * 6,
        )
        assert store.record(job_id, [done(0)]) == 1
        assert script.sent["TransactWriteItems"] == 1 + 6 + 1  # the first one made the job
        assert_holds(other, job_id, [*range(100, 106), 0])

    def test_an_answer_that_is_lost(
        self, place: Place, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0)])

        def written_but_never_told(request: Any) -> Any:
            place.dynamodb().transact_write_items(**json.loads(request.body, object_hook=_binary))
            raise ReadTimeoutError(endpoint_url=request.url)

        script.sent.clear()
        script.will("TransactWriteItems", written_but_never_told)
        store.record(job_id, [done(1), failed(2)])
        assert counts(other.job(job_id)) == (2, 1, 10)
        assert [o.task_id for o in other.outcomes(job_id).outcomes] == [
            task_id(number) for number in range(3)
        ]

    def test_a_repeated_transaction_has_the_same_token(
        self, store: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        tokens: list[str] = []

        def note(request: Any) -> Any:
            tokens.append(json.loads(request.body)["ClientRequestToken"])
            return BUSY(request) if len(tokens) < 3 else None

        script.will("TransactWriteItems", note, note, note)
        store.record(job_id, [done(0)])
        store.record(job_id, [done(1)])
        assert len(tokens) == 3
        assert len(set(tokens)) == 1

    def test_failures_discarded_by_another_process_can_fail_again(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [failed(0), failed(1), done(2)])
        assert other.discard_failures(job_id) == 2
        script.sent.clear()
        assert store.record(job_id, [failed(0)]) == 1  # what it remembers does not hold any more
        assert script.sent == {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}
        assert counts(store.job(job_id)) == (1, 1, 5)
        assert other.settled(job_id) == {task_id(2): "done", task_id(0): "failed"}

    def test_a_writer_does_not_trust_what_a_query_shows_beyond_the_end(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        other.record(job_id, [done(0)])
        hidden: list[Any] = []

        def two_more_of_which_one_shows(_request: Any) -> None:
            other.record(job_id, [done(1)])
            other.record(job_id, [done(2)])
            hidden.extend(other._table.get(key) for key in self.log_keys(other, job_id)[1:2])
            other._table.delete_all([(job_id, hidden[0]["task_id"])])

        def all_shows(_request: Any) -> None:
            other._table.transact([other._table.putting(hidden[0])])

        script.will("Query", two_more_of_which_one_shows)
        script.will("TransactWriteItems", all_shows)
        assert store.record(job_id, [done(1), done(3)]) == 1
        assert_holds(other, job_id, [0, 1, 2, 3])
        assert script.left == 0

    def test_a_failure_that_shows_beyond_the_end_is_made_good_in_the_batch_that_it_has(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        other.record(job_id, [done(0)])
        script.will("Query", lambda _request: other.record(job_id, [failed(1)]) and None)
        # At the end that the writer knows, its own batch would have the key of the failure's.
        assert store.record(job_id, [done(1)]) == 1
        assert counts(other.job(job_id))[:2] == (2, 0)
        assert_holds(other, job_id, [0, 1])
        assert script.left == 0

    def log_keys(self, store: DynamoJobStore, job_id: str) -> list[tuple[str, str]]:
        items = [item for found, _ in store._table.pages(job_id) for item in found]
        return [(job_id, item["task_id"]) for item in items]

    def test_failures_discarded_while_they_are_made_good(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [failed(0), failed(1)])
        script.will("TransactWriteItems", lambda _request: other.discard_failures(job_id) and None)
        assert store.record(job_id, [done(0), failed(1)]) == 2
        assert counts(other.job(job_id)) == (1, 1, 5)
        assert other.settled(job_id) == {task_id(0): "done", task_id(1): "failed"}

    def test_a_job_made_again_by_another_process_is_another_one(
        self, store: DynamoJobStore, other: DynamoJobStore
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0), done(1)])
        seen = store.outcomes(job_id).cursor
        other.delete_job(job_id)
        assert store.record(job_id, [done(2)]) == 0
        other.create_job(job())
        assert store.record(job_id, [done(1)]) == 1
        assert_holds(store, job_id, [1])
        assert [o.task_id for o in store.outcomes(job_id, seen).outcomes] == [task_id(1)]

    @pytest.mark.parametrize("change", ["lease", "cancel", "outcomes"])
    def test_a_state_is_decided_again_when_something_changed(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script, change: str
    ) -> None:
        job_id = store.create_job(job(n_tasks=1)).job_id
        store.acquire_lease(job_id, "a", 5.0)
        store.set_state(job_id, "running", owner="a")
        store.record(job_id, [failed(0)])
        if change == "cancel":
            store.request_cancel(job_id)
        changes: dict[str, Callable[[], Any]] = {
            "lease": lambda: other.release_lease(job_id, "a"),
            "cancel": lambda: other.reopen(job_id),
            "outcomes": lambda: other.discard_failures(job_id),
        }
        script.sent.clear()
        script.will("TransactWriteItems", lambda _request: changes[change]() and None)
        end = store.set_state(job_id, "cancelled" if change == "cancel" else "done", owner="a")
        if change == "lease":
            assert end is None
            assert script.sent == {"GetItem": 2, "TransactWriteItems": 1}
        else:
            assert end is not None
            assert (end.state, end.owner) == ("queued", None)
            assert script.sent == {"GetItem": 3, "TransactWriteItems": 2}

    def test_a_lost_lease_is_one_request(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script, clock: Clock
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.acquire_lease(job_id, "a", 5.0)
        clock.now += 6.0
        assert other.acquire_lease(job_id, "b", 5.0) is True
        script.sent.clear()
        assert store.renew_lease(job_id, "a", 5.0, 1) is None
        store.release_lease(job_id, "a")
        assert script.sent == {"UpdateItem": 2}
        assert counts(other.job(job_id)) == (0, 0, 0)


class TestBatches:
    def test_what_is_not_processed_is_sent_again(
        self, place: Place, store: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        for number in range(60):
            store.record(job_id, [done(number)])
        sizes: list[int] = []

        def some(request: Any) -> Any:
            """Leaves out the last ones, as DynamoDB does under load."""
            asked = json.loads(request.body, object_hook=_binary)["RequestItems"][place.name]
            sizes.append(len(asked))
            some_of_it, left = asked[: -len(asked) // 4], asked[-len(asked) // 4 :]
            place.dynamodb().batch_write_item(RequestItems={place.name: some_of_it})
            return answered({"UnprocessedItems": {place.name: left}})(request)

        script.will("BatchWriteItem", some, some, passes, BUSY)
        assert store.delete_job(job_id) is True
        # 25, the 7 that were left, the 2 that were left then; 25, refused once; 10.
        assert sizes == [25, 7]
        assert (script.sent["BatchWriteItem"], script.left) == (6, 0)
        assert store.outcomes(job_id).outcomes == ()
        assert [item for items, _ in store._table.pages(job_id) for item in items] == []

    def test_reads_that_are_not_processed_are_asked_again(
        self, place: Place, store: DynamoJobStore, script: Script
    ) -> None:
        made = [store.create_job(job(seed)).job_id for seed in range(3)]

        def none(request: Any) -> Any:
            asked = json.loads(request.body)["RequestItems"]
            return answered({"Responses": {place.name: []}, "UnprocessedKeys": asked})(request)

        script.will("BatchGetItem", none, none)
        assert sorted(store.orphaned(0.0)) == sorted(made)
        assert script.sent["BatchGetItem"] == 3

    def test_more_than_a_hundred_reads(self, store: DynamoJobStore, script: Script) -> None:
        table = store._table
        keys = [("many", f"{number:03d}") for number in range(130)]
        for start in (0, 65):
            table.transact(
                [
                    table.putting({"job_id": first, "task_id": second})
                    for first, second in keys[start : start + 65]
                ]
            )
        found = table.get_all([*keys, ("many", "not there")])
        assert sorted(item["task_id"] for item in found) == [second for _, second in keys]
        assert script.sent["BatchGetItem"] == 2

    def test_an_interrupted_deletion_is_finished_when_the_job_is_made_again(
        self, store: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        for number in range(3):
            store.record(job_id, [done(number)])
        seen = store.outcomes(job_id).cursor
        script.will("BatchWriteItem", refused(400, "AccessDeniedException"))
        with pytest.raises(StoreError, match="dynamodb:BatchWriteItem"):
            store.delete_job(job_id)
        assert store.job(job_id) is None
        store.create_job(job())
        store.record(job_id, [done(7)])
        assert_holds(store, job_id, [7])
        assert len(store.outcomes(job_id, seen).outcomes) == 1

    def test_a_reader_stops_before_what_is_not_there_yet(
        self, place: Place, store: DynamoJobStore, aws: Any
    ) -> None:
        # A query is no snapshot: as if it had read the third batch, and the second too early.
        job_id = store.create_job(job()).job_id
        for number in range(3):
            store.record(job_id, [done(2 * number), done(2 * number + 1)])
        keys = [item["task_id"] for items, _ in store._table.pages(job_id) for item in items]
        where = {"job_id": {"S": job_id}, "task_id": {"S": keys[1]}}
        hidden = aws.get_item(TableName=place.name, Key=where)["Item"]
        aws.delete_item(TableName=place.name, Key=where)
        early = store.outcomes(job_id)
        assert [o.task_id for o in early.outcomes] == [task_id(0), task_id(1)]
        assert store.outcomes(job_id, early.cursor).cursor == early.cursor
        aws.put_item(TableName=place.name, Item=hidden)
        late = store.outcomes(job_id, early.cursor)
        assert [o.task_id for o in late.outcomes] == [task_id(n) for n in range(2, 6)]

    def test_discarding_failures_of_many_batches(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        for number in range(20):
            store.record(job_id, [failed(number), done(100 + number)])
        seen = store.outcomes(job_id).cursor
        script.sent.clear()
        assert store.discard_failures(job_id) == 20
        assert script.sent["TransactWriteItems"] == 3  # nine batches in each
        assert_holds(other, job_id, [100 + number for number in range(20)])
        assert store.record(job_id, [done(number) for number in range(20)]) == 20
        assert [o.task_id for o in other.outcomes(job_id, seen).outcomes] == [
            task_id(number) for number in range(20)
        ]

    def test_failures_made_good_in_many_batches(
        self, store: DynamoJobStore, other: DynamoJobStore, script: Script
    ) -> None:
        job_id = store.create_job(job()).job_id
        for number in range(20):
            store.record(job_id, [failed(number)])
        script.sent.clear()
        assert store.record(job_id, [done(number) for number in range(20)]) == 20
        assert script.sent == {"TransactWriteItems": 3}  # each changes at most nine other batches
        assert_holds(other, job_id, list(range(20)))


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (refused(400, "AccessDeniedException"), "dynamodb:GetItem"),
            (refused(400, "ExpiredTokenException"), "credentials have expired"),
            (refused(400, "UnrecognizedClientException"), "does not accept the credentials"),
            (refused(400, "ResourceNotFoundException"), "make deploy"),
            (refused(400, "ValidationException", "Nonsense."), "Nonsense"),
        ],
    )
    def test_what_waiting_does_not_cure_is_said_at_once(
        self, store: DynamoJobStore, script: Script, answer: Callable, words: str
    ) -> None:
        script.will("GetItem", answer)
        with pytest.raises(StoreError, match=words):
            store.job("x")
        assert script.sent == {"GetItem": 1}

    def test_a_table_that_is_not_there(self, moto_url: str, clock: Clock) -> None:
        store = Place(moto_url, "nowhere").open(clock)
        with pytest.raises(StoreError, match="using the job store nowhere: AWS has nothing"):
            store.jobs()

    def test_an_endpoint_that_is_not_there(self, clock: Clock, monkeypatch: Any) -> None:
        monkeypatch.setattr("dashboard.stores.dynamodb.table.RETRY_S", 0.2)
        nobody = "http://127.0.0.1:9"
        store = DynamoJobStore(
            "t", "b", dynamodb=client("dynamodb", nobody), s3=client("s3", nobody), clock=clock
        )
        with pytest.raises(StoreError, match=r"no connection to http://127\.0\.0\.1:9") as caught:
            store.jobs()
        assert isinstance(caught.value.__cause__, EndpointConnectionError)

    @pytest.mark.parametrize("name", ["#jobs", "#open", "", "a/b", "x" * 2_000])
    def test_the_tables_own_partitions_are_no_jobs(
        self, store: DynamoJobStore, script: Script, name: str
    ) -> None:
        store.create_job(job())
        script.sent.clear()
        assert store.job(name) is None
        assert store.outcomes(name).outcomes == ()
        assert store.settled(name) == {}
        assert store.record(name, [done(0)]) == 0
        assert store.discard_failures(name) == 0
        assert store.acquire_lease(name, "a", 5.0) is False
        assert store.request_cancel(name) is False
        assert store.delete_job(name) is False
        assert script.sent == {}


def _binary(pairs: dict[str, Any]) -> dict[str, Any]:
    """Of a request's JSON: bytes travel as base64, and a client encodes them again."""
    if set(pairs) == {"B"}:
        return {"B": base64.b64decode(pairs["B"])}
    return pairs
