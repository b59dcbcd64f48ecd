"""Columns from S3: the right numbers, few requests, and every fault as a sentence."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compute_lambda import ContractError
from compute_lambda.contract.errors import DatasetError
from compute_lambda.environment import Environment
from compute_lambda.handler import Worker
from compute_lambda.tables import s3_columns
from compute_lambda.tables.manifest import ColumnManifest
from compute_lambda.tables.s3_columns import S3Columns
from tests.scripted_aws import Script, body, client, passes, refused, unreachable

DATASET = "ef" * 32
NPY, MANIFEST = f"datasets/{DATASET}.npy", f"datasets/{DATASET}.columns.json"
N_ROWS, N_COLUMNS = 1_000, 8
_numbers = itertools.count()


@pytest.fixture
def table() -> np.ndarray:
    made = np.random.default_rng(3).normal(size=(N_ROWS, N_COLUMNS))
    made[7, 2], made[8, 3] = np.nan, np.inf
    return np.asfortranarray(made)


@pytest.fixture
def s3(moto_url: str) -> Any:
    return client("s3", moto_url)


@pytest.fixture
def bucket(s3: Any, table: np.ndarray, tmp_path: Path) -> str:
    name = f"columns-{next(_numbers)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    path = tmp_path / "table.npy"
    np.save(path, table)
    s3.put_object(Bucket=name, Key=NPY, Body=path.read_bytes())
    s3.put_object(Bucket=name, Key=MANIFEST, Body=ColumnManifest.of(path).to_json())
    return name


@pytest.fixture
def script(s3: Any, bucket: str) -> Script:  # noqa: ARG001 - what is uploaded is not counted
    return Script(s3)


@pytest.mark.parametrize(
    ("positions", "n_ranges"),
    [
        ((2,), 1),
        ((2, 3, 4), 1),
        ((4, 2, 3), 1),
        ((0, 1, 5, 6, 7), 2),
        ((7, 0, 3), 3),
        ((5, 5), 1),
        (tuple(range(N_COLUMNS)), 1),
    ],
)
def test_the_chosen_columns_in_as_few_ranges_as_there_are_gaps(
    s3: Any,
    bucket: str,
    script: Script,
    table: np.ndarray,
    positions: tuple[int, ...],
    n_ranges: int,
) -> None:
    columns = S3Columns(bucket, client=s3).read(DATASET, positions)
    np.testing.assert_array_equal(columns, table[:, list(positions)])
    assert (columns.dtype, columns.flags.f_contiguous) == (np.float64, True)
    assert script.sent == {"GetObject": 1 + n_ranges}


def test_only_the_needed_bytes_travel(s3: Any, bucket: str) -> None:
    received = []
    s3.meta.events.register(
        "after-call.s3.GetObject", lambda parsed, **_: received.append(parsed["ContentLength"])
    )
    S3Columns(bucket, client=s3).read(DATASET, (1, 2, 6))
    assert sorted(received[1:]) == [8 * N_ROWS, 16 * N_ROWS]


def test_large_ranges_are_cut_and_read_at_the_same_time(
    s3: Any, bucket: str, script: Script, table: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_columns, "PIECE_BYTES", 3_000)  # 24,000 bytes, 8 pieces
    columns = S3Columns(bucket, client=s3).read(DATASET, (4, 5, 6))
    np.testing.assert_array_equal(columns, table[:, 4:7])
    assert script.sent == {"GetObject": 1 + 8}


def test_a_table_of_one_row_and_one_of_one_column(s3: Any, bucket: str, tmp_path: Path) -> None:
    for shape in ((1, 5), (5, 1)):
        path = tmp_path / "small.npy"
        np.save(path, np.arange(5.0).reshape(shape, order="F"))
        s3.put_object(Bucket=bucket, Key=NPY, Body=path.read_bytes())
        s3.put_object(Bucket=bucket, Key=MANIFEST, Body=ColumnManifest.of(path).to_json())
        last = S3Columns(bucket, client=s3).read(DATASET, (shape[1] - 1,))
        np.testing.assert_array_equal(last[-1], [4.0])


@pytest.mark.parametrize(
    "dataset_id",
    ["../secret", "a" * 63, "A" * 64, "a" * 63 + "/", "", "a" * 64 + "\n", f"../{DATASET}"],
)
def test_no_id_leads_to_another_key(s3: Any, bucket: str, script: Script, dataset_id: str) -> None:
    with pytest.raises(ContractError) as caught:
        S3Columns(bucket, client=s3).read(dataset_id, (0,))
    assert caught.value.code == "bad_dataset_id"
    assert script.sent == {}


@pytest.mark.parametrize("positions", [(0, N_COLUMNS), (-1,)])
def test_positions_beyond_the_table(s3: Any, bucket: str, positions: tuple[int, ...]) -> None:
    with pytest.raises(ContractError) as caught:
        S3Columns(bucket, client=s3).read(DATASET, positions)
    assert (caught.value.code, caught.value.status) == ("unknown_column", 422)


def fault(s3: Any, bucket: str, positions: tuple[int, ...] = (1, 2)) -> tuple[str, int]:
    with pytest.raises(DatasetError) as caught:
        S3Columns(bucket, client=s3).read(DATASET, positions)
    assert caught.value.details == {"dataset_id": DATASET}
    assert bucket not in caught.value.message  # a client need not know where
    return caught.value.code, caught.value.status


@pytest.mark.parametrize("gone", [NPY, MANIFEST])
def test_a_missing_dataset(s3: Any, bucket: str, gone: str) -> None:
    s3.delete_object(Bucket=bucket, Key=gone)
    assert fault(s3, bucket) == ("dataset_not_found", 404)


def test_a_missing_bucket(s3: Any) -> None:
    assert fault(s3, "nowhere-at-all") == ("dataset_not_found", 404)


@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "InvalidAccessKeyId"])
def test_no_rights_is_said_at_once(s3: Any, bucket: str, script: Script, code: str) -> None:
    script.will("GetObject", passes, refused(403, code))
    assert fault(s3, bucket) == ("dataset_forbidden", 403)
    script.will("GetObject", refused(403, code))
    script.will("ListObjectsV2", refused(403, code))
    assert fault(s3, bucket) == ("dataset_forbidden", 403)
    assert (script.sent, script.left) == ({"GetObject": 3, "ListObjectsV2": 2}, 0)


def test_a_refusal_for_lack_of_anything_to_read(s3: Any, bucket: str, script: Script) -> None:
    # So S3 answers those who may not list the whole bucket.
    s3.delete_object(Bucket=bucket, Key=MANIFEST)
    script.sent.clear()
    script.will("GetObject", refused(403, "AccessDenied"))
    assert fault(s3, bucket) == ("dataset_not_found", 404)
    assert script.sent == {"GetObject": 1, "ListObjectsV2": 1}


@pytest.mark.parametrize(
    "answer", [refused(503, "SlowDown"), refused(500, "InternalError"), unreachable]
)
def test_a_storage_that_does_not_answer_can_be_tried_again(
    s3: Any, bucket: str, script: Script, answer: Any
) -> None:
    script.will("GetObject", answer)
    assert fault(s3, bucket) == ("dataset_unavailable", 503)


def test_changed_bytes_under_the_same_key(s3: Any, bucket: str, table: np.ndarray) -> None:
    stored = bytearray(s3.get_object(Bucket=bucket, Key=NPY)["Body"].read())
    stored[128 + 8 * N_ROWS * 2 + 5] ^= 1  # one bit of column 2
    s3.put_object(Bucket=bucket, Key=NPY, Body=bytes(stored))
    assert fault(s3, bucket, (1, 2)) == ("dataset_damaged", 500)
    untouched = S3Columns(bucket, client=s3).read(DATASET, (0, 1, 3))
    np.testing.assert_array_equal(untouched, table[:, [0, 1, 3]])


def test_changed_between_two_ranges(s3: Any, bucket: str, script: Script) -> None:
    def change(_request: Any) -> None:
        other = client("s3", s3.meta.endpoint_url)
        n_bytes = 128 + 8 * N_ROWS * N_COLUMNS
        other.put_object(Bucket=bucket, Key=NPY, Body=bytes(n_bytes))

    script.will("GetObject", passes, change)
    assert fault(s3, bucket, (0, 4)) == ("dataset_damaged", 500)


@pytest.mark.parametrize("n_bytes", [0, 900, 128 + 8 * N_ROWS * 3, 128 + 8 * N_ROWS * 9])
def test_another_size(s3: Any, bucket: str, n_bytes: int) -> None:
    stored = s3.get_object(Bucket=bucket, Key=NPY)["Body"].read()
    s3.put_object(Bucket=bucket, Key=NPY, Body=(stored + bytes(8 * N_ROWS))[:n_bytes])
    assert fault(s3, bucket) == ("dataset_damaged", 500)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"format": 2}',
        json.dumps({"format": 1, "header_bytes": 128, "n_rows": 0, "sha256": []}).encode(),
        json.dumps({"format": 1, "header_bytes": 128, "n_rows": 5, "sha256": ["x"]}).encode(),
        b"[" * 100_000,
        b" " * (s3_columns.MAX_MANIFEST_BYTES + 1),
    ],
)
def test_a_damaged_manifest(s3: Any, bucket: str, text: bytes) -> None:
    s3.put_object(Bucket=bucket, Key=MANIFEST, Body=text)
    assert fault(s3, bucket) == ("dataset_damaged", 500)


def test_a_body_that_breaks_off_is_read_again(
    s3: Any, bucket: str, script: Script, table: np.ndarray
) -> None:
    n_bytes = 16 * N_ROWS
    broken = body(b"\x00" * 100, status=206, length=n_bytes)
    script.will("GetObject", passes, broken, broken)
    np.testing.assert_array_equal(S3Columns(bucket, client=s3).read(DATASET, (1, 2)), table[:, 1:3])
    assert script.sent == {"GetObject": 4}
    script.will("GetObject", passes, broken, broken, broken)
    assert fault(s3, bucket) == ("dataset_unavailable", 503)
    assert (script.sent["GetObject"], script.left) == (8, 0)


def test_an_answer_to_another_range_is_refused(s3: Any, bucket: str, script: Script) -> None:
    whole = body(bytes(16 * N_ROWS), content_range=f"bytes 0-{16 * N_ROWS - 1}/64128")
    script.will("GetObject", passes, whole)
    assert fault(s3, bucket) == ("dataset_damaged", 500)


def test_a_function_with_a_bucket_reads_from_it(
    moto_url: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_S3": moto_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)

    def search(*_: object) -> None:
        raise AssertionError("the folders of all services are searched")

    monkeypatch.setattr("botocore.loaders.Loader.list_available_services", search)
    worker = Worker(Environment.read({"CENTAURUS_DATASET_BUCKET": bucket}))
    task = {
        "kind": "fit",
        "dataset_id": DATASET,
        "columns": [0, 5],
        "standardise": True,
        "covariance_type": "full-tied",
        "n_clusters": [2],
        "experiments": [0],
        "n_restarts": 1,
        "seed": 0,
    }
    fitted = _post(worker, task)
    assert (fitted[0], fitted[1]["n_rows"]) == (200, N_ROWS)
    status, answer = _post(worker, task | {"dataset_id": "12" * 32})
    assert (status, answer["error"]["code"]) == (404, "dataset_not_found")
    assert answer["error"]["details"] == {"dataset_id": "12" * 32}


ROLE = "arn:aws:iam::123456789012:role/fit"
PROFILES = f"""
[profile fit]
role_arn = {ROLE}
source_profile = own
[profile own]
aws_access_key_id = test
aws_secret_access_key = test
"""


@pytest.mark.parametrize("kind", ["web identity", "assumed role"])
def test_credentials_may_come_from_a_role(
    kind: str, moto_url: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    token, profiles = tmp_path / "token", tmp_path / "profiles"
    token.write_text("a token")
    profiles.write_text(PROFILES)
    common = {
        "AWS_ENDPOINT_URL_S3": moto_url,
        "AWS_ENDPOINT_URL_STS": moto_url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }
    of_kind = {
        "web identity": {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE},
        "assumed role": {"AWS_CONFIG_FILE": str(profiles), "AWS_PROFILE": "fit"},
    }
    for name, value in (common | of_kind[kind]).items():
        monkeypatch.setenv(name, value)
    assert S3Columns(bucket, "datasets/").read(DATASET, [0, 5]).shape == (N_ROWS, 2)


def _post(worker: Worker, task: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    event = {
        "version": "2.0",
        "rawPath": "/tasks",
        "headers": {"content-type": "application/json"},
        "requestContext": {"requestId": "g", "http": {"method": "POST", "path": "/tasks"}},
        "body": json.dumps(task),
        "isBase64Encoded": False,
    }
    context: Any = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 30_000)
    answer = worker.handle(event, context)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("prefix", ["datasets", "/datasets/"])
def test_a_prefix_that_would_open_other_keys_is_named(prefix: str) -> None:
    with pytest.raises(ValueError, match="CENTAURUS_DATASET_PREFIX"):
        Environment.read({"CENTAURUS_DATASET_BUCKET": "b", "CENTAURUS_DATASET_PREFIX": prefix})
