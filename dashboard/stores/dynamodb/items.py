"""What the items of the jobs table look like.

    job_id      task_id                what
    "#jobs"     job id                 the job's header: everything of its JobRecord, and the log's
                                       end
    "#open"     job id                 there is one for each job that is queued or running
    "#editions" "#last"                the number of the last edition, see below
    job id      16 digits              a batch: outcomes that were recorded together; the key is the
                                       `seq` of the last one

A job that is deleted and made again is another *edition* of the same job. Editions are numbered
through the whole table, and a `seq` is edition x 2**24 + position: every `seq` of the new edition
is larger than all before, so that readers with an old cursor see it. The outcomes of an edition
form a log without gaps.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compute_lambda.contract.errors import ReportedError, error_record
from dashboard.planning.job_kinds import job_kind
from dashboard.planning.spec import SpecError
from dashboard.planning.spending import Usage
from dashboard.stores.base import FINISHED_STATES, JobRecord, OutcomeStatus, TaskOutcome
from dashboard.stores.dynamodb.table import Item, Key
from dashboard.stores.outcome_text import error_text, read_outcome, result_text

_log = logging.getLogger(__name__)

JOBS, OPEN = "#jobs", "#open"
EDITIONS: Key = ("#editions", "#last")

EDITION_SIZE = 2**24
"""Outcomes that an edition has room for. JavaScript's integers (2**53) leave 2**29 editions."""

OVERFLOW_BYTES = 32 * 2**10
"""A larger payload (compressed) goes to S3, where a byte costs a hundredth."""

BATCH_BYTES = 256 * 2**10
"""All payloads of one item, at most. With 30 KB for the entries it is below DynamoDB's 400 KB."""

BATCH_OUTCOMES = 200
"""Outcomes in one item, at most."""

_JOB_ID = re.compile(r"[0-9A-Za-z_-]{1,100}")
_FLOATS = ("created_at", "started_at", "finished_at", "lease_expires_at", "spending_cap_usd")
"""Fields of a JobRecord that DynamoDB gives back as int where they are whole."""

_JSON = ("best", "usage")
_LABELS = {"n_requests": "label_requests", "billed_ms": "label_ms", "usd": "label_usd"}
"""Attributes that add up to `JobRecord.label_usage`: numbers, so that DynamoDB can add to them."""
"""Fields of a JobRecord that are kept as JSON text, and only once there is something in them."""

ATTRIBUTES = {"n_units": "n_fits", "n_units_done": "n_fits_done"}
"""Fields of a JobRecord whose attribute has another name: it dates from when fits were the only
work, and the jobs of earlier releases are still to be read."""

EARLIEST_KIND = "analysis"
"""The kind of the jobs that were made before there were others."""


def is_job_id(job_id: str) -> bool:
    """Whether a job can have this id. No id is the name of one of the table's own partitions."""
    return isinstance(job_id, str) and _JOB_ID.fullmatch(job_id) is not None


def header_key(job_id: str) -> Key:
    """Key of the item that holds the job record."""
    return (JOBS, job_id)


def open_key(job_id: str) -> Key:
    """Key of the item that is there while the job is queued or running."""
    return (OPEN, job_id)


def log_key(seq: int) -> str:
    """Sort key of the batch that ends with `seq`."""
    return f"{seq:016d}"


def edition_start(edition: int) -> int:
    """One less than the first `seq` of the edition."""
    return edition * EDITION_SIZE


# -- jobs -------------------------------------------------------------------------------------


def header_item(record: JobRecord, edition: int) -> Item:
    """The header of a new job."""
    names = {field.name for field in dataclasses.fields(JobRecord)}
    names -= {"job_id", "spec", "label_usage", *_JSON}
    item = {ATTRIBUTES.get(name, name): getattr(record, name) for name in names}
    return item | {
        "job_id": JOBS,
        "kind": record.spec.kind,
        "task_id": record.job_id,
        # Compressed, because every heartbeat is billed by the kilobytes of the whole item.
        "spec": zlib.compress(json.dumps(record.spec.to_dict()).encode()),
        "edition": edition,
        "seq": edition_start(edition),
        "n_discards": 0,
    }


def usage_text(usage: Usage | None) -> str | None:
    """`usage` as JSON text; None stays None."""
    return None if usage is None else json.dumps(dataclasses.asdict(usage))


def label_additions(usage: Usage) -> tuple[str, dict[str, Any]]:
    """The change that adds `usage` to what labels cost, and its values."""
    amounts = {attribute: getattr(usage, name) for name, attribute in _LABELS.items()}
    change = ", ".join(f"#{attribute} :{attribute}" for attribute in amounts)
    return f"ADD {change}", {f":{attribute}": amount for attribute, amount in amounts.items()}


def job_record(item: Item) -> JobRecord | None:
    """The record in a header; None, with a line in the log, when its settings are unreadable."""
    names = {field.name for field in dataclasses.fields(JobRecord)}
    names -= {"job_id", "spec", "usage", "label_usage"}
    stored = {name: ATTRIBUTES.get(name, name) for name in names}
    values = {name: item[attribute] for name, attribute in stored.items() if attribute in item}
    values |= {name: float(values[name]) for name in _FLOATS if name in values}
    if "best" in values:
        values["best"] = json.loads(values["best"])
    if "usage" in item:
        values["usage"] = Usage(**json.loads(item["usage"]))
    values["label_usage"] = Usage(
        n_requests=int(item.get(_LABELS["n_requests"], 0)),
        billed_ms=int(item.get(_LABELS["billed_ms"], 0)),
        usd=float(item.get(_LABELS["usd"], 0.0)),
    )
    try:
        kind = job_kind(item.get("kind", EARLIEST_KIND))
        spec = kind.read(json.loads(zlib.decompress(item["spec"])))
    except SpecError as error:
        # Written by a release with other settings or kinds. Other jobs are not held up by it.
        job_id = item["task_id"]
        _log.warning("Job %s is left out, its settings are unreadable: %s", job_id, error)
        return None
    return JobRecord(job_id=item["task_id"], spec=spec, **values)


def is_finished(header: Item) -> bool:
    """Whether the job runs nowhere and does not start again by itself."""
    return header["state"] in FINISHED_STATES


def is_free(header: Item, now: float) -> bool:
    """Whether nobody holds the job's lease."""
    return "owner" not in header or float(header["lease_expires_at"]) <= now


# -- outcomes ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome in a batch: its facts, and as `payload` its result or error as compressed JSON.

    A large payload is an object in S3 instead: `overflow` is its key, else None.
    """

    task_id: str
    status: OutcomeStatus
    n_units: int
    attempts: int
    recorded_at: float
    payload: bytes = b""
    overflow: str | None = None
    overflow_bytes: int = 0

    @classmethod
    def of(cls, outcome: TaskOutcome, recorded_at: float) -> Entry:
        """The entry of an outcome recorded at that Unix time, its payload compressed."""
        texts = {"result": result_text(outcome), "error": error_text(outcome)}
        return cls(
            outcome.task_id,
            outcome.status,
            outcome.n_units,
            outcome.attempts,
            recorded_at,
            # Level 1: digits hardly compress better with more work.
            zlib.compress(json.dumps(texts).encode(), 1),
        )

    def moved_to(self, key: str) -> Entry:
        """The same entry after its payload was stored as the object `key`."""
        size = len(self.payload)
        return dataclasses.replace(self, payload=b"", overflow=key, overflow_bytes=size)

    def outcome(self, seq: int, payload: bytes | None) -> TaskOutcome:
        """The outcome; with `payload` None, whose object is gone, a failure that says so."""
        if payload is None:
            texts = {"result": None, "error": json.dumps(error_record(_LOST, ""))}
        else:
            texts = json.loads(zlib.decompress(payload))
        return read_outcome(
            self.task_id,
            "failed" if payload is None else self.status,
            n_units=self.n_units,
            result=texts["result"],
            error=texts["error"],
            attempts=self.attempts,
            seq=seq,
            recorded_at=self.recorded_at,
        )


_LOST = ReportedError(
    "result_lost",
    "This result was too large for the table, and its object in the bucket is gone."
    " Delete the job and run it again.",
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Outcomes that were recorded together; their `seq` are `first`, `first` + 1, and so on.

    `gone` holds the indices in `entries` that count no more: failures that were discarded, or
    replaced by a success. The entries stay, so that the log has no gaps: a gap then tells a reader
    that a batch is not visible yet.
    """

    job_id: str
    first: int
    entries: tuple[Entry, ...]
    gone: frozenset[int] = frozenset()

    @property
    def last(self) -> int:
        """`seq` of the last entry."""
        return self.first + len(self.entries) - 1

    @property
    def edition(self) -> int:
        """Number of the edition of the job that this belongs to."""
        return self.first // EDITION_SIZE

    @property
    def key(self) -> Key:
        """Where it is in the table: after all earlier batches of the job."""
        return (self.job_id, log_key(self.last))

    def standing(self, after: int = 0) -> Iterable[tuple[int, Entry]]:
        """The entries that count and have a `seq` larger than `after`, each with its `seq`."""
        for position, entry in enumerate(self.entries):
            seq = self.first + position
            if seq > after and position not in self.gone:
                yield seq, entry

    def follows(self, seq: int) -> bool:
        """Whether no outcome is missing between `seq` and this batch."""
        return self.first <= max(seq, edition_start(self.edition)) + 1

    def to_item(self) -> Item:
        """The item of a new batch. `gone` is left out: later updates add to it."""
        rows: list[list[Any]] = [
            [
                e.task_id,
                e.status,
                e.n_units,
                e.attempts,
                e.recorded_at,
                e.overflow,
                e.overflow_bytes,
            ]
            for e in self.entries
        ]
        job_id, task_id = self.key
        return {
            "job_id": job_id,
            "task_id": task_id,
            "first": self.first,
            "entries": zlib.compress(json.dumps(rows).encode()),
            "payloads": [entry.payload for entry in self.entries],
        }

    @classmethod
    def of_item(cls, item: Item) -> Batch:
        """The batch in `item`; payloads are empty when the item was read without them (`FACTS`)."""
        rows = json.loads(zlib.decompress(item["entries"]))
        payloads = item.get("payloads") or [b""] * len(rows)
        entries = tuple(
            Entry(task_id, status, n_units, attempts, recorded_at, payload, overflow, size)
            for (task_id, status, n_units, attempts, recorded_at, overflow, size), payload in zip(
                rows, payloads, strict=True
            )
        )
        gone = frozenset(int(position) for position in item.get("gone", ()))
        return cls(item["job_id"], int(item["first"]), entries, gone)


FACTS = ("job_id", "task_id", "first", "entries", "gone")
"""Attributes that `Batch.of_item` needs for a batch without payloads."""
