"""The log of one job's outcomes in DynamoDB: appended to atomically, read by cursor.

Why a cursor never skips or repeats: the header holds the `seq` of the log's end, and a batch of
outcomes is written in one transaction with the new end, on the condition that the end is still the
one that this writer knows. So writers take turns, batches follow each other without a gap, and a
`seq` is never given twice. A query is not a snapshot: in theory it may show a batch and not yet the
one before. As there are no gaps, a reader sees that and stops before it.

Why counts are exact: the same condition says that the writer knows every outcome so far. Which of
its own are news is decided with that knowledge, and the counts change in the same transaction.

A writer remembers what it knows, so that a batch costs one request, and looks again only when the
condition fails: when somebody else wrote.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from dashboard.stores.base import OutcomePage, OutcomeStatus, StoreError, TaskOutcome
from dashboard.stores.dynamodb.items import (
    BATCH_BYTES,
    BATCH_OUTCOMES,
    FACTS,
    OVERFLOW_BYTES,
    Batch,
    Entry,
    edition_start,
    header_key,
    log_key,
)
from dashboard.stores.dynamodb.overflow import Overflow
from dashboard.stores.dynamodb.table import ConditionFailed, Item, Table

#: Other batches that one transaction changes: together with the new one below its 4 MB.
MAX_TOUCHED = 9
#: Payloads fetched from S3 for one page of outcomes; the next page has the others.
PAGE_OVERFLOW_BYTES = 16 * 2**20
TURN_S = 30.0
TURN_WAIT_S = 0.05

T = TypeVar("T")

_IS_CURRENT = "#edition = :edition AND #seq = :seq AND #n_discards = :n_discards"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a task stands, and where that is written: the batch's sort key and the position in it."""

    status: OutcomeStatus
    batch: str
    position: int


@dataclass
class _Draft:
    """The next batch: what is news among the first `n_taken` entries, and what it replaces."""

    n_taken: int = 0
    n_news: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    replaced: dict[str, set[int]] = field(default_factory=dict)
    n_bytes: int = 0

    @property
    def full(self) -> bool:
        return (
            len(self.entries) >= BATCH_OUTCOMES
            or self.n_bytes > BATCH_BYTES - OVERFLOW_BYTES
            or len(self.replaced) >= MAX_TOUCHED
        )

    def offer(self, entry: Entry, known: Standing | None) -> None:
        """Take the entry unless it changes nothing. A success is news after a failure."""
        self.n_taken += 1
        drafted = self.entries.get(entry.task_id)
        before = drafted.status if drafted else known.status if known else None
        if before is not None and (before, entry.status) != ("failed", "done"):
            return
        self.n_news += 1
        if drafted is not None:
            del self.entries[entry.task_id]  # its bytes stay counted: a bound is all that is needed
        elif known is not None:
            self.replaced.setdefault(known.batch, set()).add(known.position)
        self.entries[entry.task_id] = entry
        if len(entry.payload) <= OVERFLOW_BYTES:
            self.n_bytes += len(entry.payload)


class JobLog:
    """One job's log as this process writes it. Thread-safe."""

    def __init__(
        self,
        table: Table,
        overflow: Overflow,
        job_id: str,
        clock: Callable[[], float],
        rng: random.Random | None = None,
    ) -> None:
        self._table, self._overflow, self._job_id = table, overflow, job_id
        self._clock, self._rng = clock, rng or random.Random()
        self._lock = threading.Lock()
        self._edition = -1
        self._seq = 0
        self._n_discards = 0
        self._tasks: dict[str, Standing] = {}

    def settled(self) -> dict[str, OutcomeStatus]:
        """Every task that has ended: two requests, and one more for each megabyte of news."""
        with self._lock:
            if self._catch_up() is None:
                return {}
            return {task_id: standing.status for task_id, standing in self._tasks.items()}

    def record(self, outcomes: Sequence[TaskOutcome]) -> int:
        """As `JobStore.record`, with a transaction for each batch."""
        now = self._clock()
        waiting = [Entry.of(outcome, now) for outcome in outcomes]
        with self._lock:
            return self._record(waiting)

    def discard_failures(self) -> int:
        """As `JobStore.discard_failures`, with a transaction for each MAX_TOUCHED batches."""
        n_discarded = 0
        with self._lock:
            turns = taking_turns(self._rng)
            while self._catch_up() is not None:
                failures: dict[str, dict[str, int]] = {}
                for task_id, standing in self._tasks.items():
                    if standing.status == "failed":
                        failures.setdefault(standing.batch, {})[task_id] = standing.position
                some = dict(list(failures.items())[:MAX_TOUCHED])
                if not some:
                    break
                try:
                    n_discarded += self._discard(some)
                except ConditionFailed:
                    next(turns)
        return n_discarded

    # -- writing ------------------------------------------------------------------------------

    def _record(self, waiting: list[Entry]) -> int:
        n_news, turns = 0, taking_turns(self._rng)
        stored: dict[Entry, tuple[int, Entry]] = {}  # what is in S3, and for which edition
        committed: set[str | None] = set()
        knows = self._edition >= 0 or self._catch_up() is not None
        while waiting and knows:
            draft = self._draft(waiting)
            if not draft.entries:
                # Nothing is news, if what this process knows still holds.
                knew = (self._edition, self._n_discards)
                knows = self._catch_up() is not None
                if knew == (self._edition, self._n_discards):
                    break
                continue
            self._move_out(draft, stored)
            try:
                self._append(draft)
            except ConditionFailed:
                next(turns)
                knows = self._catch_up() is not None
                continue
            committed |= {entry.overflow for entry in draft.entries.values()}
            n_news += draft.n_news
            del waiting[: draft.n_taken]
        # Not after an error: the table may refer to them, had only the answer been lost. What
        # nobody refers to goes with its job.
        keys = [entry.overflow for _, entry in stored.values() if entry.overflow]
        self._overflow.delete([key for key in keys if key not in committed])
        return n_news

    def _draft(self, waiting: list[Entry]) -> _Draft:
        draft = _Draft()
        for entry in waiting:
            if draft.full:
                break
            draft.offer(entry, self._tasks.get(entry.task_id))
        return draft

    def _move_out(self, draft: _Draft, stored: dict[Entry, tuple[int, Entry]]) -> None:
        """Put what is too large for the table into S3, once."""
        large = [e for e in draft.entries.values() if len(e.payload) > OVERFLOW_BYTES]
        missing = [e for e in large if stored.get(e, (-1,))[0] != self._edition]
        payloads = {entry.task_id: entry.payload for entry in missing}
        keys = self._overflow.put_all(self._job_id, self._edition, payloads)
        for entry in missing:
            stored[entry] = (self._edition, entry.moved_to(keys[entry.task_id]))
        for entry in large:
            draft.entries[entry.task_id] = stored[entry][1]

    def _append(self, draft: _Draft) -> None:
        """Commit the draft. Raises ConditionFailed when somebody else wrote meanwhile."""
        batch = Batch(self._job_id, self._seq + 1, tuple(draft.entries.values()))
        done = [entry for entry in batch.entries if entry.status == "done"]
        n_replaced = sum(map(len, draft.replaced.values()))
        counts = {
            ":done": len(done),
            ":failed": len(batch.entries) - len(done) - n_replaced,
            ":fits": sum(entry.n_units for entry in done),
            ":last": batch.last,
        }
        header = self._table.updating(
            header_key(self._job_id),
            "SET #seq = :last, #n_done = #n_done + :done, #n_failed = #n_failed + :failed,"
            " #n_fits_done = #n_fits_done + :fits",
            _IS_CURRENT,
            self._current() | counts,
        )
        self._table.transact(
            [header, self._table.putting(batch.to_item()), *self._marking(draft.replaced)]
        )
        self._learn(batch)

    def _discard(self, failures: dict[str, dict[str, int]]) -> int:
        """Mark these failures, by batch and task; how many they are."""
        task_ids = [task_id for tasks in failures.values() for task_id in tasks]
        header = self._table.updating(
            header_key(self._job_id),
            "SET #n_discards = #n_discards + :one, #n_failed = #n_failed - :discarded",
            _IS_CURRENT,
            self._current() | {":one": 1, ":discarded": len(task_ids)},
        )
        positions = {batch: set(tasks.values()) for batch, tasks in failures.items()}
        self._table.transact([header, *self._marking(positions)])
        self._n_discards += 1
        for task_id in task_ids:
            del self._tasks[task_id]
        return len(task_ids)

    def _marking(self, positions: dict[str, set[int]]) -> list[Item]:
        """The actions by which entries of other batches count no more."""
        return [
            self._table.updating(
                (self._job_id, batch),
                "ADD #gone :positions",
                "attribute_exists(task_id)",
                {":positions": gone},
            )
            for batch, gone in positions.items()
        ]

    # -- knowing --------------------------------------------------------------------------------

    def _current(self) -> dict[str, int]:
        return {":edition": self._edition, ":seq": self._seq, ":n_discards": self._n_discards}

    def _catch_up(self) -> Item | None:
        """Read the header and what the log has beyond what is known; None without such a job."""
        header = self._table.get(header_key(self._job_id))
        if header is None:
            self._edition, self._tasks = -1, {}
            return None
        if (header["edition"], header["n_discards"]) != (self._edition, self._n_discards):
            self._edition, self._n_discards = int(header["edition"]), int(header["n_discards"])
            self._seq, self._tasks = edition_start(self._edition), {}
        end = int(header["seq"])
        if end > self._seq:
            for items, _ in self._table.pages(
                self._job_id, after=log_key(self._seq), attributes=FACTS
            ):
                for item in items:
                    batch = Batch.of_item(item)
                    # All up to the header's end was there when it was read. What the query shows
                    # beyond may have gaps, and one of its batches may have the key that the next
                    # one of this process would have: it is read again before this process writes.
                    if batch.last <= end:
                        self._learn(batch)
            self._seq = end
        return header

    def _learn(self, batch: Batch) -> None:
        for seq, entry in batch.standing():
            position = seq - batch.first
            self._tasks[entry.task_id] = Standing(entry.status, batch.key[1], position)
        self._seq = batch.last


def read_outcomes(
    table: Table, overflow: Overflow, job_id: str, after: int, limit: int
) -> OutcomePage:
    """A page of the log: one request, unless all that came first counts no more.

    Large results come from S3, with a request each; a page ends early rather than hold very many.
    """
    found: list[tuple[int, Entry]] = []
    cursor, overflow_bytes = after, 0
    for items, _ in table.pages(job_id, after=log_key(max(after, 0)), limit=min(limit, 1_000)):
        for item in items:
            batch = Batch.of_item(item)
            if not batch.follows(cursor):
                return _page(overflow, found, cursor)
            for seq, entry in batch.standing(cursor):
                if len(found) == limit or overflow_bytes > PAGE_OVERFLOW_BYTES:
                    return _page(overflow, found, cursor)
                found.append((seq, entry))
                overflow_bytes += entry.overflow_bytes
                cursor = seq
            cursor = max(cursor, batch.last)
        if found:
            break
    return _page(overflow, found, cursor)


def _page(overflow: Overflow, found: list[tuple[int, Entry]], cursor: int) -> OutcomePage:
    large = overflow.get_all([entry.overflow for _, entry in found if entry.overflow])
    outcomes = (
        entry.outcome(seq, large[entry.overflow] if entry.overflow else entry.payload)
        for seq, entry in found
    )
    return OutcomePage(tuple(outcomes), cursor)


def taking_turns(rng: random.Random) -> Iterator[None]:
    """One step for each try of a write; between two tries, who lost to another writer waits.

    Raises StoreError when that goes on for TURN_S.
    """
    deadline = time.monotonic() + TURN_S
    while time.monotonic() < deadline:
        yield
        time.sleep(rng.uniform(0.0, TURN_WAIT_S))
    raise StoreError(
        f"The job store could not be written for {TURN_S:g} s: others wrote to the same job all the"
        " time. Check how many processes work on it."
    )


def in_turn(rng: random.Random, attempt: Callable[[], T]) -> T:
    """What `attempt` returns, once it does not raise ConditionFailed."""
    turns = taking_turns(rng)
    while True:
        next(turns)
        try:
            return attempt()
        except ConditionFailed:
            continue
