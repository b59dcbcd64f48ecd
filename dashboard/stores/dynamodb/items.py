"""What the items of the jobs table look like.

    job_id      task_id                what
    "#jobs"     job id                 the job's header: everything of its JobRecord, and the log's
                                       end
    "#open"     job id                 there is one for each job that is queued or running
    "#editions" "#last"                how often a job was made in this table, see below
    job id      16 digits, a `seq`     outcomes that were recorded together; the last one's `seq`

An *edition* is one making of a job: deleted and made again, it is another edition. Editions are
numbered through the whole table, and a `seq` is edition x 2**24 + position, so that the cursors of
a job made again are later than all before. The outcomes of an edition form a log without gaps.
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

#: Positions in one edition; 2**29 editions fit into the integers that JavaScript knows.
EDITION_SIZE = 2**24

#: Payloads above this (compressed) go to S3: there a byte costs a hundredth.
OVERFLOW_BYTES = 32 * 2**10
#: Payloads in one item, and how many. With the index, 30 KB at most, below the limit of 400 KB.
BATCH_BYTES = 256 * 2**10
BATCH_OUTCOMES = 200

_JOB_ID = re.compile(r"[0-9A-Za-z_-]{1,100}")
_FLOATS = ("created_at", "started_at", "finished_at", "lease_expires_at", "spending_cap_usd")
_JSON = ("best", "usage")

ATTRIBUTES = {"n_units": "n_fits", "n_units_done": "n_fits_done"}
"""Attributes with the names that they had while fits were the only work: the jobs of earlier
releases go on."""

EARLIEST_KIND = "analysis"
"""The kind of the jobs that were made before there were others."""


def is_job_id(job_id: str) -> bool:
    """Whether there can be such a job; the table's own partitions are none."""
    return isinstance(job_id, str) and _JOB_ID.fullmatch(job_id) is not None


def header_key(job_id: str) -> Key:
    return (JOBS, job_id)


def open_key(job_id: str) -> Key:
    return (OPEN, job_id)


def log_key(seq: int) -> str:
    """Sort key of the batch that ends with `seq`."""
    return f"{seq:016d}"


def edition_start(edition: int) -> int:
    """The `seq` before the first one of the edition."""
    return edition * EDITION_SIZE


# -- jobs -------------------------------------------------------------------------------------


def header_item(record: JobRecord, edition: int) -> Item:
    """The header of a new job."""
    names = {field.name for field in dataclasses.fields(JobRecord)}
    names -= {"job_id", "spec", *_JSON}
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
    return None if usage is None else json.dumps(dataclasses.asdict(usage))


def job_record(item: Item) -> JobRecord | None:
    """The record in a header; None, with a line in the log, when its settings are unreadable."""
    names = {field.name for field in dataclasses.fields(JobRecord)} - {"job_id", "spec", "usage"}
    stored = {name: ATTRIBUTES.get(name, name) for name in names}
    values = {name: item[attribute] for name, attribute in stored.items() if attribute in item}
    values |= {name: float(values[name]) for name in _FLOATS if name in values}
    if "best" in values:
        values["best"] = json.loads(values["best"])
    if "usage" in item:
        values["usage"] = Usage(**json.loads(item["usage"]))
    try:
        kind = job_kind(item.get("kind", EARLIEST_KIND))
        spec = kind.read(json.loads(zlib.decompress(item["spec"])))
    except SpecError as error:
        # Of a release with other settings or kinds. Nobody can run it; the others are not held up.
        job_id = item["task_id"]
        _log.warning("Job %s is left out, its settings are unreadable: %s", job_id, error)
        return None
    return JobRecord(job_id=item["task_id"], spec=spec, **values)


def is_finished(header: Item) -> bool:
    return header["state"] in FINISHED_STATES


def is_free(header: Item, now: float) -> bool:
    """Whether nobody holds the job's lease."""
    return "owner" not in header or float(header["lease_expires_at"]) <= now


# -- outcomes ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome as a batch holds it: its facts, and the rest as `payload` or an object in S3."""

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
        """The same, with its payload in the object `key`."""
        size = len(self.payload)
        return dataclasses.replace(self, payload=b"", overflow=key, overflow_bytes=size)

    def outcome(self, seq: int, payload: bytes | None) -> TaskOutcome:
        """The outcome; `payload` None when its object is gone."""
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
    """Outcomes that were recorded together: positions `first`, `first` + 1, ... of the log.

    `gone` are those (counted from 0) that count no more: failures, discarded or made good. They
    keep their place, so that a reader can tell what is missing from what is not there yet.
    """

    job_id: str
    first: int
    entries: tuple[Entry, ...]
    gone: frozenset[int] = frozenset()

    @property
    def last(self) -> int:
        return self.first + len(self.entries) - 1

    @property
    def edition(self) -> int:
        return self.first // EDITION_SIZE

    @property
    def key(self) -> Key:
        return (self.job_id, log_key(self.last))

    def standing(self, after: int = 0) -> Iterable[tuple[int, Entry]]:
        """The entries that count, with their `seq`, if it is larger than `after`."""
        for position, entry in enumerate(self.entries):
            seq = self.first + position
            if seq > after and position not in self.gone:
                yield seq, entry

    def follows(self, seq: int) -> bool:
        """Whether nothing is missing between what ends with `seq` and this."""
        return self.first <= max(seq, edition_start(self.edition)) + 1

    def to_item(self) -> Item:
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
        """Without payloads when they were not asked for."""
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


#: What `Batch.of_item` needs when nobody wants the results.
FACTS = ("job_id", "task_id", "first", "entries", "gone")
