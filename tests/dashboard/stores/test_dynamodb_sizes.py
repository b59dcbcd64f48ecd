"""Items that fit by construction, large results in S3, and jobs that expire."""

from __future__ import annotations

import itertools
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

from dashboard.stores.base import StoreError, TaskOutcome
from dashboard.stores.dynamodb.items import BATCH_BYTES, BATCH_OUTCOMES, OVERFLOW_BYTES
from dashboard.stores.dynamodb.removal import stamp
from dashboard.stores.dynamodb.store import DynamoJobStore
from kmeans_core import ClusterModel, Preparation
from tests.dashboard.conftest import Clock
from tests.dashboard.jobs.made_up import done, failed, fit, job, result, task_id
from tests.dashboard.stores.cloud_place import Place
from tests.error_shape import check_record
from tests.scripted_aws import Script, client, refused

ITEM_LIMIT_BYTES = 400_000
DAY_S = 86_400


@pytest.fixture
def place(moto_url: str) -> Place:
    return Place.made(moto_url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def s3(place: Place) -> Any:
    return client("s3", place.url)


@pytest.fixture
def store(place: Place, clock: Clock, s3: Any) -> DynamoJobStore:
    return place.open(clock, s3=s3)


def items(place: Place) -> list[dict[str, Any]]:
    """Every item of the table, as DynamoDB has it."""
    pages = place.dynamodb().get_paginator("scan").paginate(TableName=place.name)
    return [item for page in pages for item in page["Items"]]


def item_bytes(item: dict[str, Any]) -> int:
    """Size as DynamoDB counts it: names and values, 3 bytes and one for each element of a list."""

    def value_bytes(typed: dict[str, Any]) -> int:
        ((kind, value),) = typed.items()
        if kind == "L":
            return 3 + sum(1 + value_bytes(each) for each in value)
        if kind == "NS":
            return sum(len(each) // 2 + 2 for each in value)
        if kind == "N":
            return len(value) // 2 + 2
        return 1 if kind == "BOOL" else len(value if kind == "B" else value.encode())

    return sum(len(name) + value_bytes(value) for name, value in item.items())


def objects(place: Place) -> list[str]:
    found = client("s3", place.url).list_objects_v2(Bucket=place.name)
    return [each["Key"] for each in found.get("Contents", [])]


def large(number: int, k: int = 64, d: int = 64) -> TaskOutcome:
    """A result with a full covariance for each of `k` clusters in `d` dimensions."""
    random_numbers = np.random.default_rng(number)
    model = ClusterModel(
        covariance_type="full-untied",
        weights=random_numbers.dirichlet(np.ones(k)),
        means=random_numbers.normal(size=(k, d)),
        covariances=random_numbers.normal(size=(k, d, d)),
    )
    preparation = Preparation(
        shift=np.zeros(d), scale=np.ones(d), standardise=True, log_jacobian=0.0
    )
    of_task = task_id(number)
    made = result(of_task, fit(model=model, counts=np.full(k, 5)))
    made = type(made)(of_task, made.fits, preparation, 10_000, made.invocation)
    return TaskOutcome(of_task, "done", 5, result=made)


def assert_same(read: TaskOutcome, written: TaskOutcome) -> None:
    assert read.result is not None
    assert written.result is not None
    for ours, theirs in zip(read.result.fits, written.result.fits, strict=True):
        np.testing.assert_array_equal(ours.model.covariances, theirs.model.covariances)
        np.testing.assert_array_equal(ours.model.means, theirs.model.means)
    assert read.result.to_dict() == written.result.to_dict()


class TestLargeResults:
    def test_the_largest_model_goes_to_s3_and_comes_back(
        self, place: Place, store: DynamoJobStore
    ) -> None:
        job_id = store.create_job(job()).job_id
        written = large(1)
        assert store.record(job_id, [done(0), written, failed(2)]) == 3
        small, read, failure = store.outcomes(job_id).outcomes
        assert_same(read, written)
        assert (small.status, read.status, failure.status) == ("done", "done", "failed")
        (key,) = objects(place)
        assert key.startswith(f"results/{job_id}/")
        assert task_id(1) in key
        assert max(map(item_bytes, items(place))) < 10_000
        record = store.job(job_id)
        assert record is not None
        assert (record.n_done, record.n_failed, record.n_units_done) == (2, 1, 10)

    @pytest.mark.parametrize("message_chars", [OVERFLOW_BYTES * 3, 1_000_000])
    def test_so_does_a_failure_that_has_much_to_say(
        self, place: Place, store: DynamoJobStore, message_chars: int
    ) -> None:
        job_id = store.create_job(job()).job_id
        text = "".join(random.Random(3).choices("abcdefghijklmnopqrstuvwxyzäöü€", k=message_chars))
        store.record(job_id, [failed(0, text)])
        (read,) = store.outcomes(job_id).outcomes
        assert read.error is not None
        assert read.error["message"] == text
        assert len(objects(place)) == 1

    def test_items_stay_below_the_limit_whatever_is_recorded(
        self, place: Place, store: DynamoJobStore
    ) -> None:
        job_id = store.create_job(job()).job_id
        # Just small enough for the table, so that as many as possible come into one item.
        outcomes = [large(number, k=1, d=d) for number, d in enumerate([47, 52, 55] * 20)]
        outcomes += [done(100 + number) for number in range(2 * BATCH_OUTCOMES)]
        written = {outcome.task_id: outcome for outcome in outcomes}
        assert store.record(job_id, outcomes) == len(outcomes)
        sizes = sorted(map(item_bytes, items(place)))
        assert BATCH_BYTES * 0.8 < sizes[-1] < ITEM_LIMIT_BYTES
        read = list(follow(store, job_id))
        assert [outcome.task_id for outcome in read] == [outcome.task_id for outcome in outcomes]
        for outcome in read:
            assert_same(outcome, written[outcome.task_id])

    def test_a_log_of_several_pages(self, place: Place, store: DynamoJobStore) -> None:
        job_id = store.create_job(job()).job_id
        for start in range(0, 90, 10):
            outcomes = [large(start + number, k=1, d=52) for number in range(10)]
            store.record(job_id, outcomes)
        assert sum(map(item_bytes, items(place))) > 2**20  # more than one page
        assert [o.task_id for o in follow(store, job_id)] == [task_id(n) for n in range(90)]
        other = place.open(Clock())
        assert len(other.settled(job_id)) == 90
        assert other.record(job_id, [failed(0), done(1)]) == 0
        assert store.delete_job(job_id) is True
        assert {item["job_id"]["S"] for item in items(place)} == {"#editions"}

    def test_who_comes_too_late_takes_its_objects_away(
        self, place: Place, store: DynamoJobStore, clock: Clock
    ) -> None:
        job_id = store.create_job(job()).job_id
        aws = place.dynamodb()
        late, script = place.open(clock, dynamodb=aws), Script(aws)
        late.settled(job_id)
        first = large(1, k=8)
        script.will("TransactWriteItems", lambda _request: store.record(job_id, [first]) and None)
        assert late.record(job_id, [large(1, k=8), large(2, k=8)]) == 1
        assert len(objects(place)) == 2
        by_task = {outcome.task_id: outcome for outcome in store.outcomes(job_id).outcomes}
        assert_same(by_task[task_id(1)], first)
        assert late.record(job_id, [large(1, k=8)]) == 0
        assert len(objects(place)) == 2

    def test_a_write_whose_answer_was_lost_keeps_its_objects(
        self, place: Place, store: DynamoJobStore, clock: Clock
    ) -> None:
        job_id = store.create_job(job()).job_id
        aws = place.dynamodb()
        writer, script = place.open(clock, dynamodb=aws), Script(aws)

        def written_but_never_told(request: Any) -> Any:
            assert URLLib3Session().send(request).status_code == 200
            raise ReadTimeoutError(endpoint_url=request.url)

        expired = refused(400, "ExpiredTokenException")
        script.will("TransactWriteItems", written_but_never_told, expired)
        with pytest.raises(StoreError, match="expired"):
            writer.record(job_id, [large(1, k=8)])
        assert writer.record(job_id, [large(1, k=8)]) == 0
        (read,) = store.outcomes(job_id).outcomes
        assert_same(read, large(1, k=8))

    def test_objects_go_with_their_job(self, place: Place, store: DynamoJobStore) -> None:
        kept, gone = (store.create_job(job(seed)).job_id for seed in range(2))
        for job_id in (kept, gone):
            store.record(job_id, [large(1, k=4), large(2, k=4)])
        store.delete_job(gone)
        assert len(objects(place)) == 2
        assert all(key.startswith(f"results/{kept}/") for key in objects(place))
        store.create_job(job(1))
        store.record(gone, [large(1, k=4)])
        assert len(store.outcomes(gone).outcomes) == 1

    def test_an_object_that_is_gone_is_a_failed_task(
        self, place: Place, store: DynamoJobStore, s3: Any
    ) -> None:
        job_id = store.create_job(job()).job_id
        store.record(job_id, [done(0), large(1, k=4), done(2)])
        s3.delete_object(Bucket=place.name, Key=objects(place)[0])
        statuses = [outcome.status for outcome in store.outcomes(job_id).outcomes]
        assert statuses == ["done", "failed", "done"]
        lost = store.outcomes(job_id).outcomes[1]
        assert lost.error is not None
        check_record(lost.error)
        assert lost.error["code"] == "result_lost"

    @pytest.mark.parametrize(
        ("operation", "action"), [("PutObject", "s3:PutObject"), ("GetObject", "s3:GetObject")]
    )
    def test_a_bucket_that_refuses(
        self, store: DynamoJobStore, s3: Any, operation: str, action: str
    ) -> None:
        job_id = store.create_job(job()).job_id
        Script(s3).will(operation, refused(403, "AccessDenied"))

        def work() -> list[Any]:
            store.record(job_id, [large(1, k=4)])
            return list(store.outcomes(job_id).outcomes)

        with pytest.raises(StoreError, match=action):
            work()
        assert [outcome.status for outcome in work()] == ["done"]
        record = store.job(job_id)
        assert record is not None
        assert record.n_done == 1

    def test_a_page_holds_only_so_many_large_results(
        self, store: DynamoJobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dashboard.stores.dynamodb.log.PAGE_OVERFLOW_BYTES", 100_000)
        job_id = store.create_job(job()).job_id
        store.record(job_id, [large(number, k=8) for number in range(5)])
        sizes, cursor = [], 0
        for _ in range(6):
            page = store.outcomes(job_id, cursor)
            sizes.append(len(page.outcomes))
            cursor = page.cursor
        assert sizes == [1, 1, 1, 1, 1, 0]


def follow(store: DynamoJobStore, job_id: str) -> Any:
    cursor = 0
    for _ in itertools.count():
        page = store.outcomes(job_id, cursor)
        if not page.outcomes:
            return
        yield from page.outcomes
        cursor = page.cursor


class TestExpiry:
    @pytest.fixture
    def expiring(self, place: Place, clock: Clock) -> DynamoJobStore:
        return place.open(clock, finished_ttl_days=30)

    def run(self, store: DynamoJobStore, n_tasks: int = 12) -> str:
        job_id = store.create_job(job(n_tasks=n_tasks)).job_id
        store.acquire_lease(job_id, "a", 5.0)
        store.set_state(job_id, "running", owner="a")
        for number in range(n_tasks):
            store.record(job_id, [done(number)])
        return job_id

    def expiries(self, place: Place) -> list[str]:
        kept = [item for item in items(place) if item["job_id"]["S"] != "#editions"]
        return [item.get("expires_at", {}).get("N", "never") for item in kept]

    def test_all_items_of_a_finished_job_expire_together(
        self, place: Place, expiring: DynamoJobStore, clock: Clock
    ) -> None:
        job_id = self.run(expiring)
        assert set(self.expiries(place)) == {"never"}
        expiring.set_state(job_id, "done", owner="a")
        assert self.expiries(place) == [str(int(clock.now) + 30 * DAY_S)] * 13

    @pytest.mark.parametrize("state", ["failed", "cancelled"])
    def test_however_it_finished(self, place: Place, expiring: DynamoJobStore, state: Any) -> None:
        job_id = self.run(expiring)
        expiring.set_state(job_id, state, owner="a", error="No.")
        assert "never" not in self.expiries(place)

    def test_a_job_that_goes_on_does_not_expire(
        self, place: Place, expiring: DynamoJobStore
    ) -> None:
        job_id = self.run(expiring)
        expiring.set_state(job_id, "done", owner="a")
        expiring.reopen(job_id)
        assert set(self.expiries(place)) == {"never"}

    def test_reopened_while_it_is_being_stamped(
        self, place: Place, clock: Clock, expiring: DynamoJobStore
    ) -> None:
        aws = place.dynamodb()
        ending = place.open(clock, dynamodb=aws, finished_ttl_days=30)
        job_id = self.run(expiring)  # 12 batches, stamped in two transactions after the header
        script = Script(aws)

        def meanwhile(_request: Any) -> None:
            expiring.reopen(job_id)

        script.will("TransactWriteItems", lambda _request: None, lambda _request: None, meanwhile)
        end = ending.set_state(job_id, "done", owner="a")
        assert end is not None
        assert end.state == "queued"
        assert script.left == 0
        assert set(self.expiries(place)) == {"never"}
        assert len(expiring.outcomes(job_id).outcomes) == 12

    def test_stamped_while_it_is_being_reopened(
        self, place: Place, clock: Clock, expiring: DynamoJobStore
    ) -> None:
        job_id = self.run(expiring)
        expiring.set_state(job_id, "done", owner="a")
        aws = place.dynamodb()
        script, table = Script(aws), expiring._table
        header = table.get(("#jobs", job_id))
        assert header is not None

        def still_stamping(_request: Any) -> None:
            stamp(table, header, header["expires_at"])

        # The batches are freed in two transactions; the header is next.
        script.will(
            "TransactWriteItems", lambda _request: None, lambda _request: None, still_stamping
        )
        place.open(clock, dynamodb=aws).reopen(job_id)
        assert script.left == 0
        assert set(self.expiries(place)) == {"never"}

    def test_an_expired_job_is_gone_and_can_be_made_again(
        self, expiring: DynamoJobStore, clock: Clock
    ) -> None:
        job_id = self.run(expiring)
        expiring.set_state(job_id, "done", owner="a")
        seen = expiring.outcomes(job_id).cursor
        clock.now += 30 * DAY_S - 1
        assert expiring.job(job_id) is not None
        clock.now += 1
        assert expiring.job(job_id) is None
        assert expiring.jobs() == []
        assert expiring.delete_job(job_id) is False
        made = expiring.create_job(job())
        assert (made.state, made.n_done) == ("queued", 0)
        assert expiring.job(job_id) == made
        assert expiring.orphaned(clock.now) == [job_id]
        expiring.record(job_id, [done(3)])
        assert [o.task_id for o in expiring.outcomes(job_id).outcomes] == [task_id(3)]
        assert len(expiring.outcomes(job_id, seen).outcomes) == 1

    @pytest.mark.parametrize("finish", [None, "done"])
    def test_without_the_setting_nothing_expires(
        self, place: Place, store: DynamoJobStore, finish: Any
    ) -> None:
        job_id = self.run(store)
        if finish:
            store.set_state(job_id, finish, owner="a")
        assert set(self.expiries(place)) == {"never"}


def test_what_another_release_wrote_does_not_hide_the_rest(
    place: Place, store: DynamoJobStore, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = store.create_job(job(1)).job_id, store.create_job(job(2)).job_id
    store.record(good, [done(0), done(1)])
    aws = place.dynamodb()

    def replace(key: tuple[str, str], name: str, change: Callable[[Any], Any]) -> None:
        where = {"job_id": {"S": key[0]}, "task_id": {"S": key[1]}}
        item = aws.get_item(TableName=place.name, Key=where)["Item"]
        item[name] = change(item[name])
        aws.put_item(TableName=place.name, Item=item)

    replace(("#jobs", bad), "spec", lambda _: {"B": zlib.compress(b'{"shape": 7}')})
    newer = json.dumps({"result": '{"contract_version": 99}', "error": None}).encode()
    (log_key,) = [item["task_id"]["S"] for item in items(place) if item["job_id"]["S"] == good]
    replace(
        (good, log_key), "payloads", lambda old: {"L": [{"B": zlib.compress(newer)}, old["L"][1]]}
    )
    assert [record.job_id for record in store.jobs()] == [good]
    assert store.job(bad) is None
    assert f"Job {bad} is left out" in caplog.text
    with pytest.raises(StoreError, match=f"job {bad} is there with settings"):
        store.create_job(job(2))
    unreadable, fine = store.outcomes(good).outcomes
    assert (unreadable.status, unreadable.result) == ("failed", None)
    assert unreadable.error is not None
    check_record(unreadable.error)
    assert unreadable.error["code"] == "contract_version"
    assert (fine.status, fine.error) == ("done", None)
    assert store.delete_job(bad) is True
