"""Putting a dataset where the Lambdas read it: once, in parts that survive an interruption.

The table is uploaded first and its manifest last, so that a manifest means a complete table. The
manifest object also notes which version of the table it describes (its ETag): a table that was
overwritten since, with whatever, does not count as being there and is uploaded again.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from compute_lambda.contract.content import checked_dataset_id
from compute_lambda.tables.manifest import ColumnManifest
from dashboard.aws.problems import AwsProblem

PART_BYTES = 8 * 2**20
"""Smallest part; S3 takes nothing below 5 MB and at most 10,000 parts of one object."""

MAX_PARTS = 9_000
PARALLEL_PARTS = 4
WAIT_S = 3_600.0
"""How long a caller waits for another one's upload of the same dataset."""
WAIT_STEP_S = 0.1

TABLE_ETAG = "table-etag"

#: (bytes that are there, bytes of the table); called from several threads, one at a time.
Progress = Callable[[int, int], None]


class S3Datasets:
    """Datasets of `directory` (`<id>.npy`) in `bucket` under `prefix`. Thread-safe.

    A dataset that is there costs two requests. Several callers at once: one uploads, the others
    wait for it. `s3_client` should try again by itself what can be tried again.
    """

    def __init__(
        self, s3_client: Any, bucket: str, directory: Path, prefix: str = "datasets/"
    ) -> None:
        self._s3, self._bucket, self._prefix = s3_client, bucket, prefix
        self._directory = Path(directory)
        self._lock = threading.Lock()
        self._uploading: dict[str, Future[None]] = {}
        self._manifests: dict[str, tuple[int, ColumnManifest]] = {}

    def ensure(
        self,
        dataset_id: str,
        *,
        on_progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Return when the dataset is in the bucket, complete and as it is here.

        Raises AwsProblem: as AWS says, `upload_stopped` when `should_stop()` became true (what is
        uploaded stays and is not sent again), `no_such_dataset` when it is not here either.
        """
        stop = should_stop or (lambda: False)
        deadline = time.monotonic() + WAIT_S
        while True:
            with self._lock:
                leader = self._uploading.get(dataset_id)
                if leader is None:
                    mine: Future[None] = Future()
                    self._uploading[dataset_id] = mine
            if leader is None:
                return self._lead(dataset_id, mine, on_progress or _silent, stop)
            problem = self._wait(leader, stop, deadline)
            if problem is None:
                return None
            if problem.code != "upload_stopped":
                raise problem
            # The other caller gave up, not this one: its turn.

    def _lead(
        self, dataset_id: str, mine: Future[None], on_progress: Progress, stop: Callable[[], bool]
    ) -> None:
        try:
            self._ensure(dataset_id, on_progress, stop)
        except (BotoCoreError, ClientError) as error:
            problem = AwsProblem.of(error, f"uploading a dataset to the bucket {self._bucket}")
            self._leave(dataset_id)
            mine.set_exception(problem)
            raise problem from error
        except BaseException as error:
            self._leave(dataset_id)
            mine.set_exception(error)
            raise
        self._leave(dataset_id)
        mine.set_result(None)

    def _leave(self, dataset_id: str) -> None:
        # Before the result is set: who comes now looks for itself.
        with self._lock:
            del self._uploading[dataset_id]

    def _wait(
        self, leader: Future[None], stop: Callable[[], bool], deadline: float
    ) -> AwsProblem | None:
        while True:
            try:
                return leader.result(WAIT_STEP_S)
            except TimeoutError:
                if stop():
                    raise _stopped() from None
                if time.monotonic() > deadline:
                    raise AwsProblem(
                        "timed_out",
                        f"Another upload of the dataset is not finished after {WAIT_S:g} s. Check"
                        " the network, then run the job again.",
                    ) from None
            except AwsProblem as problem:
                return problem

    def _ensure(self, dataset_id: str, on_progress: Progress, stop: Callable[[], bool]) -> None:
        path = self._directory / f"{checked_dataset_id(dataset_id)}.npy"
        manifest = self._manifest(dataset_id, path)
        key = f"{self._prefix}{dataset_id}.npy"
        manifest_key = f"{self._prefix}{dataset_id}.columns.json"
        if self._is_there(key, manifest_key, manifest):
            return
        upload = _Upload(self._s3, self._bucket, key, path, manifest.n_bytes, on_progress, stop)
        upload.run()
        table = self._head(key)
        if table is None or table["ContentLength"] != manifest.n_bytes:
            raise AwsProblem(
                "upload_changed",
                f"While uploading a dataset to the bucket {self._bucket}: it was deleted or"
                " replaced there meanwhile. Find out who else writes under datasets/, then run"
                " the job again.",
            )
        self._s3.put_object(
            Bucket=self._bucket,
            Key=manifest_key,
            Body=manifest.to_json(),
            ContentType="application/json",
            Metadata={TABLE_ETAG: table["ETag"].strip('"')},
        )

    def _is_there(self, key: str, manifest_key: str, manifest: ColumnManifest) -> bool:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=manifest_key)
        except ClientError as error:
            if not _is_missing(error):
                raise
            return False
        with closing(answer["Body"]) as body:
            same = body.read(2 * len(manifest.to_json())) == manifest.to_json()
        table = self._head(key) if same else None
        return (
            table is not None
            and table["ContentLength"] == manifest.n_bytes
            and table["ETag"].strip('"') == answer["Metadata"].get(TABLE_ETAG)
        )

    def _head(self, key: str) -> Any | None:
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if not _is_missing(error):
                raise
            return None

    def _manifest(self, dataset_id: str, path: Path) -> ColumnManifest:
        """Read once per process and file: it takes a second for each gigabyte."""
        try:
            stamp = path.stat().st_mtime_ns
            known = self._manifests.get(dataset_id)
            if known is not None and known[0] == stamp:
                return known[1]
            manifest = ColumnManifest.of(path)
        except (OSError, ValueError) as error:
            raise AwsProblem(
                "no_such_dataset",
                f"The dataset {dataset_id[:12]} cannot be uploaded, its file is not there or"
                f" damaged ({error}). Upload the table again.",
            ) from error
        self._manifests[dataset_id] = (stamp, manifest)
        return manifest


class _Upload:
    """One file on its way to one key, in parts; parts of an earlier attempt are kept."""

    def __init__(
        self,
        s3: Any,
        bucket: str,
        key: str,
        path: Path,
        n_bytes: int,
        on_progress: Progress,
        stop: Callable[[], bool],
    ) -> None:
        self._s3, self._path, self._n_bytes = s3, path, n_bytes
        self._where = {"Bucket": bucket, "Key": key}
        self._on_progress, self._stop = on_progress, stop
        self._lock = threading.Lock()
        self._sent_bytes = 0
        # A function of the size alone, so that the next attempt cuts in the same places.
        self._part_bytes = max(PART_BYTES, -(-n_bytes // MAX_PARTS))

    def run(self) -> None:
        if self._n_bytes <= self._part_bytes:
            content = self._content(1)
            self._check_stop()
            self._s3.put_object(**self._where, Body=content, ChecksumSHA256=_sha256(content))
            self._count(len(content))
            return
        try:
            self._run_parts()
        except ClientError as error:
            # Another process may have completed the very same upload. Or it was cleared away.
            if self._is_complete():
                self._count(self._n_bytes - self._sent_bytes)
            elif error.response.get("Error", {}).get("Code") == "NoSuchUpload":
                self._sent_bytes = 0
                self._run_parts()
            else:
                raise

    def _run_parts(self) -> None:
        upload_id, there = self._unfinished()
        if upload_id is None:
            answer = self._s3.create_multipart_upload(**self._where, ChecksumAlgorithm="SHA256")
            upload_id = answer["UploadId"]
        numbers = range(1, -(-self._n_bytes // self._part_bytes) + 1)
        with ThreadPoolExecutor(PARALLEL_PARTS) as threads:
            futures = [
                threads.submit(self._part, upload_id, number, there.get(number))
                for number in numbers
            ]
            try:
                parts = [future.result() for future in futures]
            finally:
                threads.shutdown(wait=True, cancel_futures=True)
        self._check_stop()
        self._s3.complete_multipart_upload(
            **self._where, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )

    def _part(self, upload_id: str, number: int, there: dict[str, Any] | None) -> dict[str, Any]:
        """Send one part unless the very same bytes are there already."""
        self._check_stop()
        content = self._content(number)
        checksum = _sha256(content)
        part = {"PartNumber": number, "ChecksumSHA256": checksum}
        if there is not None and _is_same(there, content, checksum):
            etag = there["ETag"]
        else:
            answer = self._s3.upload_part(**self._where, **part, UploadId=upload_id, Body=content)
            etag = answer["ETag"]
        self._count(len(content))
        return part | {"ETag": etag}

    def _unfinished(self) -> tuple[str | None, dict[int, dict[str, Any]]]:
        """The newest unfinished upload to this key, and its parts by number."""
        bucket, key = self._where["Bucket"], self._where["Key"]
        uploads = [
            upload
            for page in self._s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, Prefix=key
            )
            for upload in page.get("Uploads", [])
            # One begun by other means may want its parts with another kind of checksum.
            if upload["Key"] == key and upload.get("ChecksumAlgorithm") == "SHA256"
        ]
        if not uploads:
            return None, {}
        upload_id = max(uploads, key=lambda upload: upload["Initiated"])["UploadId"]
        pages = self._s3.get_paginator("list_parts").paginate(**self._where, UploadId=upload_id)
        return upload_id, {
            part["PartNumber"]: part for page in pages for part in page.get("Parts", [])
        }

    def _is_complete(self) -> bool:
        try:
            return bool(self._s3.head_object(**self._where)["ContentLength"] == self._n_bytes)
        except ClientError:
            return False

    def _content(self, number: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek((number - 1) * self._part_bytes)
            return file.read(self._part_bytes)

    def _check_stop(self) -> None:
        if self._stop():
            raise _stopped()

    def _count(self, n_bytes: int) -> None:
        with self._lock:
            self._sent_bytes += n_bytes
            self._on_progress(self._sent_bytes, self._n_bytes)


def _is_same(there: dict[str, Any], content: bytes, checksum: str) -> bool:
    """Whether a part in S3 has this content: by its SHA-256, or its MD5 where that is the ETag."""
    if there["Size"] != len(content):
        return False
    if "ChecksumSHA256" in there:
        return bool(there["ChecksumSHA256"] == checksum)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return bool(there["ETag"].strip('"') == md5)


def _sha256(content: bytes) -> str:
    """As S3 wants it; it refuses a part that arrives with other bytes."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode("ascii")


def _is_missing(error: ClientError) -> bool:
    code = error.response.get("Error", {}).get("Code")
    return code in ("NoSuchKey", "NotFound", "404")


def _stopped() -> AwsProblem:
    return AwsProblem(
        "upload_stopped",
        "The upload of the dataset was stopped. Run the job again to go on from there.",
    )


def _silent(_sent_bytes: int, _n_bytes: int) -> None:
    """Nobody wants to know."""
