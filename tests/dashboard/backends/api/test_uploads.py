"""Datasets are made sure of once per run, before the first task is sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from compute_lambda.contract.errors import DatasetError
from dashboard.aws.problems import AwsProblem
from dashboard.backends import TaskEvent
from dashboard.backends.api import ApiBackend
from dashboard.backends.api.uploads import Uploads
from tests.dashboard.backends.api.conftest import MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import WAIT_S, Fault, ScriptedEndpoint
from tests.dashboard.backends.made_up_tasks import GONE, GOOD, OTHER, ids, many, outcomes, table
from tests.waiting import until


class Bucket:
    """Uploads into the folder from which the scripted endpoint reads.

    What is `held` waits until `gate` is set.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.asked: list[str] = []
        self.threads: set[str] = set()
        self.errors: dict[str, Exception] = {}
        self.uploads = True
        self.gate = threading.Event()
        self.held: set[str] = set()
        self.stopped_by_request = False

    def ensure(self, dataset_id: str, *, should_stop: Callable[[], bool] | None = None) -> None:
        self.asked.append(dataset_id)
        self.threads.add(threading.current_thread().name)
        while dataset_id in self.held and not self.gate.wait(0.005):
            if should_stop is not None and should_stop():
                self.stopped_by_request = True
                raise AwsProblem("stopped", "The upload was stopped.")
        if dataset_id in self.errors:
            raise self.errors[dataset_id]
        if self.uploads:
            whole = np.asfortranarray(table(dataset_id))
            np.save(self._directory / f"{dataset_id}.npy", whole)


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(tmp_path)


@pytest.fixture
def backend(make: MakeBackend, bucket: Bucket) -> ApiBackend:
    return make(datasets=bucket, max_in_flight=8)


def run(backend: ApiBackend, tasks: list) -> list[TaskEvent]:
    return list(backend.run(tasks, threading.Event()))


def test_once_per_run_and_dataset_before_anything_is_sent(
    backend: ApiBackend, bucket: Bucket, endpoint: ScriptedEndpoint
) -> None:
    """The dataset is not there before: a task that was sent too early would not find it."""
    tasks = [*many(20, dataset_id=GONE), *many(3, dataset_id=OTHER)]
    done, failed = outcomes(run(backend, tasks))
    assert (set(done), failed) == (set(ids(tasks)), {})
    assert sorted(bucket.asked) == [OTHER, GONE]
    assert endpoint.arrived == dict.fromkeys(ids(tasks), 1)
    assert all(name.startswith("upload") for name in bucket.threads)
    run(backend, tasks[:1])
    assert len(bucket.asked) == 3  # another run makes sure again


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (AwsProblem("no_rights", "Ask for s3:PutObject."), "no_rights", "s3:PutObject"),
        (DatasetError("dataset_not_found", "No such file.", GONE), "dataset_not_found", "No such"),
        (OSError("/secret/path"), "internal", "Something unexpected"),
    ],
)
def test_an_upload_that_fails_fails_its_tasks_and_no_others(
    error: Exception,
    code: str,
    part: str,
    backend: ApiBackend,
    bucket: Bucket,
    endpoint: ScriptedEndpoint,
) -> None:
    bucket.errors[GONE] = error
    bad, good = many(30, dataset_id=GONE), many(3, dataset_id=OTHER)
    done, failed = outcomes(run(backend, [*bad, *good]))
    assert set(done) == set(ids(good))
    assert set(failed) == set(ids(bad))
    assert {failure.error["code"] for failure in failed.values()} == {code}
    for failure in failed.values():
        assert part in failure.error["message"]
        assert "secret" not in str(failure.error)
    assert sorted(bucket.asked) == [OTHER, GONE]
    assert set(endpoint.arrived) == set(ids(good))


def test_a_dataset_that_vanishes_is_uploaded_once_more(
    backend: ApiBackend, bucket: Bucket, endpoint: ScriptedEndpoint, tmp_path: Path
) -> None:
    tasks = many(40, dataset_id=GONE)
    deleted = threading.Event()

    def delete_after_ten(_: object) -> Fault:
        if endpoint.answered.total() >= 10 and not deleted.is_set():
            deleted.set()
            (tmp_path / f"{GONE}.npy").unlink()
        return Fault()

    endpoint.script = delete_after_ten
    done, failed = outcomes(run(backend, tasks))
    assert deleted.is_set()
    assert (set(done), failed) == (set(ids(tasks)), {})
    assert bucket.asked == [GONE, GONE]
    assert set(endpoint.arrived.values()) <= {1, 2}
    assert endpoint.answered == dict.fromkeys(ids(tasks), 1)


def test_what_was_sent_during_the_second_upload_is_sent_again(bucket: Bucket) -> None:
    """It did not find the dataset, but nobody can say yet that it never will."""

    async def scenario(threads: ThreadPoolExecutor) -> None:
        uploads = Uploads(bucket, threads, lambda: False)
        assert await uploads.ready((GONE,)) is None
        bucket.held.add(GONE)
        before = uploads.version((GONE,))
        assert uploads.again((GONE,), before)
        meanwhile = uploads.version((GONE,))
        assert not uploads.state((GONE,))[0]
        bucket.gate.set()
        async with asyncio.timeout(WAIT_S):
            assert await uploads.ready((GONE,)) is None
        assert uploads.again((GONE,), meanwhile)
        assert not uploads.again((GONE,), uploads.version((GONE,)))

    with ThreadPoolExecutor(1) as threads:
        asyncio.run(scenario(threads))
    assert bucket.asked == [GONE, GONE]


def test_a_dataset_that_the_function_never_finds_fails(
    backend: ApiBackend, bucket: Bucket, endpoint: ScriptedEndpoint
) -> None:
    bucket.uploads = False
    bad = many(20, dataset_id=GONE)
    good = many(5, dataset_id=OTHER)
    done, failed = outcomes(run(backend, [*bad, *good]))
    assert set(done) == set(ids(good))
    assert {failure.error["code"] for failure in failed.values()} == {"dataset_not_found"}
    assert set(failed) == set(ids(bad))
    assert bucket.asked.count(GONE) == 2
    assert max(endpoint.arrived.values()) <= 2


def test_without_a_bucket_it_fails_at_once(make: MakeBackend, endpoint: ScriptedEndpoint) -> None:
    bad = many(4, dataset_id=GONE)
    done, failed = outcomes(run(make(datasets=None), bad))
    assert (done, len(failed)) == ({}, 4)
    assert set(endpoint.arrived.values()) == {1}


def test_cancelled_while_it_uploads(
    backend: ApiBackend, bucket: Bucket, endpoint: ScriptedEndpoint
) -> None:
    bucket.held.add(GOOD)
    cancelled = threading.Event()
    found: list[TaskEvent] = []
    runner = threading.Thread(
        target=lambda: found.extend(backend.run(many(5), cancelled)), daemon=True
    )
    runner.start()
    until(lambda: bucket.asked == [GOOD], "the upload has begun")
    cancelled.set()
    runner.join(WAIT_S)
    assert not runner.is_alive()
    assert found == []
    assert endpoint.seen == []
    until(lambda: bucket.stopped_by_request, "the upload was stopped")


def test_an_upload_holds_up_nobody_else(backend: ApiBackend, bucket: Bucket) -> None:
    run(backend, many(1, dataset_id=OTHER))
    bucket.held.add(GONE)
    stuck: list[TaskEvent] = []
    waiting = threading.Thread(
        target=lambda: stuck.extend(run(backend, many(2, dataset_id=GONE))), daemon=True
    )
    waiting.start()
    until(lambda: bucket.asked == [OTHER, GONE], "the upload has begun")
    done, failed = outcomes(run(backend, many(3, dataset_id=OTHER)))
    assert (len(done), failed, stuck) == (3, {}, [])
    bucket.gate.set()
    waiting.join(WAIT_S)
    assert len(outcomes(stuck)[0]) == 2
