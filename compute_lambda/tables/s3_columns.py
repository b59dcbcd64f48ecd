"""Reading a task's columns from S3: ranges of one object, each column verified by its hash.

Two rounds of requests: the manifest, then the columns, as many at once as are worth it. botocore
takes longer to import than everything else here together, so that happens at the first read;
`/health` and a wrong request never pay for it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compute_lambda.contract.content import checked_dataset_id
from compute_lambda.contract.errors import DatasetError
from compute_lambda.tables.columns import check_positions
from compute_lambda.tables.manifest import ColumnManifest

DEFAULT_PREFIX = "datasets/"

PIECE_BYTES = 8 * 2**20
"""Largest range of one request. One connection to S3 gives some 80 MB/s; several add up."""

MAX_PARALLEL = 8
CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 5.0
ATTEMPTS = 3
READ_DEADLINE_S = 20.0
"""A transfer that broke is begun again until then. The gateway waits 30 s for the whole fit."""

MAX_MANIFEST_BYTES = 2 * 2**20  # 10,000 columns need 0.7 MB

_MISSING = {"NoSuchKey", "NoSuchBucket", "NotFound", "404"}
_CHANGED = {"InvalidRange", "416"}


class S3Columns:
    """Tables as `<prefix><dataset id>.npy` in `bucket`, with `<dataset id>.columns.json` beside it.

    No other key can be read: an id is 64 hexadecimal digits or refused. `client` is an S3 client of
    botocore or boto3; without one it is made at the first read, from the environment. Thread-safe.
    """

    def __init__(self, bucket: str, prefix: str = DEFAULT_PREFIX, client: Any = None) -> None:
        self.bucket, self.prefix = bucket, prefix
        self._client = client
        self._lock = threading.Lock()

    def read(self, dataset_id: str, positions: Sequence[int]) -> NDArray[np.float64]:
        """As `ColumnStore.read`. DatasetError is `dataset_not_found`, `dataset_forbidden`,
        `dataset_damaged` (also when it was changed meanwhile) or `dataset_unavailable`.
        """
        reading = _Reading(self._s3(), self.bucket, self.prefix, checked_dataset_id(dataset_id))
        return reading.columns(positions)

    def _s3(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _client()
            return self._client


def _client() -> Any:
    import botocore.session
    from botocore.config import Config
    from botocore.loaders import Loader

    class FewServices(Loader):
        """Knows which services there are without looking into 400 folders: 25 ms of each start.

        Beside S3, those where botocore gets credentials: Lambda hands them over ready to use, but
        a role that is assumed or a single sign-on asks for them.
        """

        def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
            return ["s3", "sts", "sso", "sso-oidc"]

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=MAX_PARALLEL,
        response_checksum_validation="when_required",  # every column has its own hash
    )
    session = botocore.session.get_session()
    session.register_component("data_loader", FewServices())
    return session.create_client("s3", config=config)


class _Reading:
    """One read of one dataset."""

    def __init__(self, client: Any, bucket: str, prefix: str, dataset_id: str) -> None:
        self._client, self._bucket, self._dataset_id = client, bucket, dataset_id
        self._stem = f"{prefix}{dataset_id}"
        self._deadline = time.monotonic() + READ_DEADLINE_S

    def columns(self, positions: Sequence[int]) -> NDArray[np.float64]:
        manifest = self._manifest()
        check_positions(positions, len(manifest.sha256))
        wanted = sorted(set(positions))
        table = np.empty((len(wanted), manifest.n_rows), dtype="<f8")
        pieces = _pieces(wanted, manifest, table.reshape(-1).view(np.uint8).data)
        if len(pieces) == 1:
            self._fill(manifest, *pieces[0])
        else:
            with ThreadPoolExecutor(min(MAX_PARALLEL, len(pieces))) as threads:
                futures = [threads.submit(self._fill, manifest, *piece) for piece in pieces]
                try:
                    for future in futures:
                        future.result()
                finally:
                    threads.shutdown(wait=True, cancel_futures=True)
        for row, position in zip(table, wanted, strict=True):
            if hashlib.sha256(row.data).hexdigest() != manifest.sha256[position]:
                raise self._damaged(f"column {position} holds other numbers than were uploaded")
        if wanted != list(positions):
            table = table[[wanted.index(position) for position in positions]]
        return table.T

    def _manifest(self) -> ColumnManifest:
        answer, body = self._get(f"{self._stem}.columns.json", None, MAX_MANIFEST_BYTES)
        if answer["ContentLength"] > MAX_MANIFEST_BYTES:
            raise self._damaged(f"its manifest has {answer['ContentLength']:,} bytes")
        try:
            return ColumnManifest.from_json(body)
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"its manifest cannot be read, {error}") from None

    def _fill(self, manifest: ColumnManifest, start: int, target: memoryview) -> None:
        """Read the bytes from `start` on into all of `target`."""
        span = f"bytes={start}-{start + len(target) - 1}"
        answer, _ = self._get(f"{self._stem}.npy", span, target)
        expected = f"bytes {start}-{start + len(target) - 1}/{manifest.n_bytes}"
        if answer.get("ContentRange") != expected:
            raise self._damaged(
                f"{answer.get('ContentRange', 'the whole object')} instead of {expected}"
            )

    def _get(self, key: str, span: str | None, into: memoryview | int) -> tuple[Any, bytes]:
        """The answer and its body, at most `into` bytes of it, or the body read into `into`."""
        from botocore.exceptions import BotoCoreError, ClientError

        request = {"Bucket": self._bucket, "Key": key} | ({"Range": span} if span else {})
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._client.get_object(**request)
            except ClientError as error:
                raise self._refused(error.response, key) from error
            except BotoCoreError as error:  # the client has tried that often enough
                raise self._unavailable(type(error).__name__) from error
            # What breaks while the body comes in is beyond the client's own retries.
            try:
                with closing(answer["Body"]) as body:
                    if isinstance(into, int):
                        return answer, body.read(into)
                    if _read_into(body, into):
                        return answer, b""
                cause = "a body that ends too early"
            except (BotoCoreError, OSError) as error:
                cause = type(error).__name__
            if attempt == ATTEMPTS or time.monotonic() > self._deadline:
                break
        raise self._unavailable(cause)

    def _refused(self, answer: Any, key: str) -> DatasetError:
        code = str(answer.get("Error", {}).get("Code", ""))
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code in _MISSING or status == 404 or (status == 403 and self._is_absent(key)):
            return self._problem(
                "dataset_not_found",
                f"Expected dataset {self._dataset_id} in the bucket, got nothing: it was never"
                " uploaded, its upload did not finish, or it was deleted. Run the job again from"
                " the dashboard, which uploads it.",
            )
        if code in _CHANGED or status == 416:
            return self._damaged("fewer bytes than its manifest says")
        if status is not None and (status >= 500 or status == 429 or code == "SlowDown"):
            return self._unavailable(code or f"status {status}")
        return self._problem(
            "dataset_forbidden",
            f"Expected the right to read dataset {self._dataset_id} in the bucket, got"
            f" {code or f'status {status}'}. Give the function s3:GetObject and s3:ListBucket on"
            " the dataset prefix (deploying the template again does).",
        )

    def _is_absent(self, key: str) -> bool:
        """Whether a refusal means that there is nothing to read.

        S3 says 403, not 404, to those who may not list the whole bucket. Under the prefix the
        function may list.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        except (BotoCoreError, ClientError):
            return False
        return bool(listed["KeyCount"] == 0)

    def _damaged(self, found: str) -> DatasetError:
        return self._problem(
            "dataset_damaged",
            f"Expected the stored dataset {self._dataset_id} as it was uploaded, got: {found}."
            " Delete it from the bucket and run the job again from the dashboard, which uploads"
            " it.",
        )

    def _unavailable(self, came: str) -> DatasetError:
        return self._problem(
            "dataset_unavailable",
            f"Expected S3 to deliver dataset {self._dataset_id}, got {came}. Try again.",
        )

    def _problem(self, code: str, message: str) -> DatasetError:
        return DatasetError(code, message, self._dataset_id)


def _pieces(
    wanted: Sequence[int], manifest: ColumnManifest, table: memoryview
) -> list[tuple[int, memoryview]]:
    """What to request: (offset in the object, where its bytes go), at most PIECE_BYTES each.

    `wanted` ascends. Adjacent columns are adjacent in the object and in `table`: one range.
    """
    size = manifest.column_bytes
    runs: list[list[int]] = []
    for position in wanted:
        if runs and position == runs[-1][-1] + 1:
            runs[-1].append(position)
        else:
            runs.append([position])
    pieces, filled = [], 0
    for run in runs:
        start = manifest.header_bytes + run[0] * size
        length = len(run) * size
        for offset in range(0, length, PIECE_BYTES):
            n_bytes = min(PIECE_BYTES, length - offset)
            pieces.append((start + offset, table[filled + offset : filled + offset + n_bytes]))
        filled += length
    return pieces


def _read_into(body: Any, target: memoryview) -> bool:
    """Fill `target`; False when the body is shorter."""
    while len(target):
        n_bytes = body.readinto(target)
        if not n_bytes:
            return False
        target = target[n_bytes:]
    return True
