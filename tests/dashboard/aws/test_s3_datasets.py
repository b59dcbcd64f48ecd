"""Datasets on their way to S3: sent once, resumed after an interruption, repaired when changed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compute_lambda import ContractError
from compute_lambda.tables.s3_columns import S3Columns
from dashboard.aws.problems import AwsProblem
from dashboard.aws.s3_datasets import PART_BYTES, S3Datasets
from tests.scripted_aws import Script, client, passes, refused, unreachable
from tests.waiting import WAIT_S, until

SMALL, LARGE = "ab" * 32, "cd" * 32
#: 2 columns of 1.2 million rows: three parts, the last one smaller.
N_LARGE = 1_200_000
N_PARTS = 3
_numbers = itertools.count()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("datasets")
    random = np.random.default_rng(1)
    np.save(root / f"{SMALL}.npy", np.asfortranarray(random.normal(size=(500, 3))))
    np.save(root / f"{LARGE}.npy", np.asfortranarray(random.normal(size=(N_LARGE, 2))))
    assert -(-(root / f"{LARGE}.npy").stat().st_size // PART_BYTES) == N_PARTS
    return root


@pytest.fixture
def s3(moto_url: str) -> Any:
    return client("s3", moto_url)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"uploads-{next(_numbers)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name


@pytest.fixture
def script(s3: Any, bucket: str) -> Script:  # noqa: ARG001 - making the bucket is not counted
    return Script(s3)


@pytest.fixture
def datasets(s3: Any, bucket: str, directory: Path) -> S3Datasets:
    return S3Datasets(s3, bucket, directory)


def assert_stored(s3: Any, bucket: str, directory: Path, dataset_id: str) -> None:
    """The same bytes as the catalogue's file, in the form that a Lambda reads and verifies."""
    other = client("s3", s3.meta.endpoint_url)
    stored = other.get_object(Bucket=bucket, Key=f"datasets/{dataset_id}.npy")["Body"].read()
    assert stored == (directory / f"{dataset_id}.npy").read_bytes()
    table = np.load(directory / f"{dataset_id}.npy")
    columns = S3Columns(bucket, client=other).read(dataset_id, (1, 0))
    np.testing.assert_array_equal(columns, table[:, [1, 0]])


def test_a_small_dataset_is_sent_once(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path
) -> None:
    progress: list[tuple[int, int]] = []
    datasets.ensure(SMALL, on_progress=lambda *now: progress.append(now))
    n_bytes = (directory / f"{SMALL}.npy").stat().st_size
    assert progress == [(n_bytes, n_bytes)]
    assert script.sent == {"GetObject": 1, "PutObject": 2, "HeadObject": 1}
    assert_stored(s3, bucket, directory, SMALL)
    progress.clear()
    datasets.ensure(SMALL, on_progress=lambda *now: progress.append(now))
    assert (script.sent["PutObject"], progress) == (2, [])
    assert (script.sent["GetObject"], script.sent["HeadObject"]) == (2, 2)  # two more requests


def test_a_large_dataset_goes_in_parts_with_progress(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path
) -> None:
    progress: list[tuple[int, int]] = []
    datasets.ensure(LARGE, on_progress=lambda *now: progress.append(now))
    n_bytes = (directory / f"{LARGE}.npy").stat().st_size
    sent = [so_far for so_far, _ in progress]
    assert (len(sent), sent, sent[-1]) == (N_PARTS, sorted(sent), n_bytes)
    assert {total for _, total in progress} == {n_bytes}
    assert (script.sent["UploadPart"], script.sent["PutObject"]) == (N_PARTS, 1)
    assert_stored(s3, bucket, directory, LARGE)


def test_the_manifest_comes_last(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script
) -> None:
    script.will("PutObject", refused(403, "AccessDenied"))  # the manifest is the only one
    with pytest.raises(AwsProblem) as caught:
        datasets.ensure(LARGE)
    assert (caught.value.code, caught.value.details["action"]) == ("no_rights", "s3:PutObject")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == [f"datasets/{LARGE}.npy"]
    datasets.ensure(LARGE)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 2


@pytest.mark.parametrize("failing_part", [1, N_PARTS])
def test_an_interrupted_upload_goes_on_where_it_was(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path, failing_part: int
) -> None:
    def fail_one(request: Any) -> Any:
        return unreachable(request) if f"partNumber={failing_part}&" in request.url else None

    script.will("UploadPart", fail_one, fail_one, fail_one)
    with pytest.raises(AwsProblem) as caught:
        datasets.ensure(LARGE)
    assert caught.value.code == "unreachable"
    (upload,) = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    answer = s3.list_parts(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    n_there = len(answer.get("Parts", []))
    script.sent.clear()
    S3Datasets(s3, bucket, directory).ensure(LARGE)  # as another process would
    assert script.sent["UploadPart"] == N_PARTS - n_there
    assert "CreateMultipartUpload" not in script.sent
    assert_stored(s3, bucket, directory, LARGE)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_parts_with_other_bytes_are_sent_again(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path
) -> None:
    key = f"datasets/{LARGE}.npy"
    content = (directory / f"{LARGE}.npy").read_bytes()
    begun = s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")
    upload_id = begun["UploadId"]
    s3.create_multipart_upload(Bucket=bucket, Key=key)  # somebody else's, without checksums
    wrong = bytes(PART_BYTES)  # the right size
    for number, part in ((1, wrong), (2, content[PART_BYTES : 2 * PART_BYTES]), (3, b"short")):
        s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=part)
    script.sent.clear()
    datasets.ensure(LARGE)
    assert script.sent["UploadPart"] == 2
    assert_stored(s3, bucket, directory, LARGE)


def test_stopping_keeps_what_is_there(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path
) -> None:
    stop = threading.Event()
    with pytest.raises(AwsProblem) as caught:
        datasets.ensure(LARGE, on_progress=lambda *_: stop.set(), should_stop=stop.is_set)
    assert caught.value.code == "upload_stopped"
    n_sent = script.sent["UploadPart"]
    assert 1 <= n_sent <= N_PARTS
    assert "CompleteMultipartUpload" not in script.sent
    datasets.ensure(LARGE)
    assert script.sent["UploadPart"] == N_PARTS
    assert_stored(s3, bucket, directory, LARGE)


def test_an_upload_that_was_cleared_away_begins_anew(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path
) -> None:
    script.will("UploadPart", passes, refused(404, "NoSuchUpload"))
    abort = client("s3", s3.meta.endpoint_url)

    def clear(_request: Any) -> None:
        (upload,) = abort.list_multipart_uploads(Bucket=bucket)["Uploads"]
        abort.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    script.will("HeadObject", clear)  # when it looks whether somebody else has finished it
    datasets.ensure(LARGE)
    assert script.sent["CreateMultipartUpload"] == 2
    assert_stored(s3, bucket, directory, LARGE)


def test_an_upload_that_another_process_finished_is_taken_as_it_is(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path
) -> None:
    other = S3Datasets(client("s3", s3.meta.endpoint_url), bucket, directory)
    script.will("CompleteMultipartUpload", lambda _request: other.ensure(LARGE))
    datasets.ensure(LARGE)
    assert script.left == 0
    assert_stored(s3, bucket, directory, LARGE)


def test_many_callers_upload_once(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path
) -> None:
    start = threading.Barrier(12)
    errors: list[BaseException] = []

    def call() -> None:
        start.wait(WAIT_S)
        try:
            datasets.ensure(LARGE)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert errors == []
    assert (script.sent["UploadPart"], script.sent["PutObject"]) == (N_PARTS, 1)
    assert_stored(s3, bucket, directory, LARGE)


def test_who_waits_takes_over_when_the_first_one_stops(
    datasets: S3Datasets, s3: Any, bucket: str, script: Script, directory: Path
) -> None:
    waiting, stop = threading.Event(), threading.Event()
    codes: list[str] = []

    def hold(_request: Any) -> None:
        assert waiting.wait(WAIT_S)
        stop.set()

    def first() -> None:
        try:
            datasets.ensure(LARGE, should_stop=stop.is_set)
        except AwsProblem as problem:
            codes.append(problem.code)

    def second_waits() -> bool:
        waiting.set()
        return False

    script.will("CreateMultipartUpload", hold)
    one = threading.Thread(target=first)
    one.start()
    until(lambda: script.sent["CreateMultipartUpload"], "the first one has begun")
    datasets.ensure(LARGE, should_stop=second_waits)
    one.join(WAIT_S)
    assert codes == ["upload_stopped"]
    assert_stored(s3, bucket, directory, LARGE)


def overwritten(s3: Any, bucket: str) -> None:
    key = f"datasets/{SMALL}.npy"
    stored = bytearray(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    stored[-3] ^= 1
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(stored))


def deleted(s3: Any, bucket: str) -> None:
    s3.delete_object(Bucket=bucket, Key=f"datasets/{SMALL}.npy")


def cut(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key=f"datasets/{SMALL}.npy", Body=b"cut")


def manifest_damaged(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key=f"datasets/{SMALL}.columns.json", Body=b"{}")


@pytest.mark.parametrize("damage", [overwritten, deleted, cut, manifest_damaged])
def test_what_is_not_as_it_was_sent_is_sent_again(
    datasets: S3Datasets,
    s3: Any,
    bucket: str,
    directory: Path,
    damage: Callable[[Any, str], None],
) -> None:
    datasets.ensure(SMALL)
    damage(s3, bucket)
    datasets.ensure(SMALL)
    assert_stored(s3, bucket, directory, SMALL)


@pytest.mark.parametrize(
    ("operation", "answer", "code"),
    [
        ("GetObject", refused(403, "AccessDenied"), "no_rights"),
        ("GetObject", refused(400, "ExpiredToken"), "expired_credentials"),
        ("PutObject", refused(503, "SlowDown"), "throttled"),
        ("PutObject", unreachable, "unreachable"),
    ],
)
def test_a_refusal_is_a_sentence_and_passes(
    datasets: S3Datasets, script: Script, operation: str, answer: Any, code: str
) -> None:
    script.will(operation, answer)
    with pytest.raises(AwsProblem, match="uploading a dataset to the bucket uploads-") as caught:
        datasets.ensure(SMALL)
    assert caught.value.code == code
    assert script.sent[operation] == 1
    datasets.ensure(SMALL)


def test_a_missing_bucket_is_named(s3: Any, directory: Path) -> None:
    with pytest.raises(AwsProblem, match="nowhere-at-all") as caught:
        S3Datasets(s3, "nowhere-at-all", directory).ensure(SMALL)
    assert caught.value.code == "not_found"


def test_a_dataset_that_is_not_here_either(
    datasets: S3Datasets, script: Script, directory: Path
) -> None:
    with pytest.raises(AwsProblem) as caught:
        datasets.ensure("12" * 32)
    assert caught.value.code == "no_such_dataset"
    (directory / f"{'34' * 32}.npy").write_bytes(b"no table")
    with pytest.raises(AwsProblem) as caught:
        datasets.ensure("34" * 32)
    assert caught.value.code == "no_such_dataset"
    with pytest.raises(ContractError):
        datasets.ensure("../secret")
    assert script.sent == {}
