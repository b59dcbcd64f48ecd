"""The two stores side by side: the same operations in any order, the same answers."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.planning.spending import Usage
from dashboard.stores.base import JobRecord, JobStore, TaskOutcome
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.conftest import Clock
from tests.dashboard.jobs.made_up import done, failed, fit, job
from tests.dashboard.stores.cloud_place import Place

N_STEPS = 160
N_TASKS = 12
OWNERS = ("a", "b")


class Side:
    """One kind of store with two handles, and a reader that follows each job by its cursor."""

    def __init__(self, handles: list[JobStore]) -> None:
        self.handles = handles
        self.cursors: dict[str, int] = {}

    def follow(self, handle: int, job_id: str, limit: int) -> list[Any]:
        page = self.handles[handle].outcomes(job_id, self.cursors.get(job_id, 0), limit)
        assert page.cursor >= self.cursors.get(job_id, 0)
        self.cursors[job_id] = page.cursor
        return [plain(outcome) for outcome in page.outcomes]

    def everything(self, handle: int, job_id: str) -> list[Any]:
        outcomes = self.handles[handle].outcomes(job_id, 0, 1_000).outcomes
        seqs = [outcome.seq for outcome in outcomes]
        assert seqs == sorted(set(seqs))
        return [plain(outcome) for outcome in outcomes]


def plain(outcome: TaskOutcome) -> Any:
    """An outcome without its `seq`, of which stores make their own."""
    result = None if outcome.result is None else outcome.result.to_dict()
    return {
        **dataclasses.asdict(dataclasses.replace(outcome, result=None, seq=0)),
        "result": result,
    }


def outcomes(rng: random.Random) -> list[TaskOutcome]:
    return [
        failed(number, f"try {rng.random()}")
        if rng.random() < 0.35
        else done(number, rng.randint(1, 9), fit(bic=rng.uniform(-1e3, 1e3)))
        for number in rng.choices(range(N_TASKS), k=rng.choice((1, 1, 2, 5)))
    ]


def step(rng: random.Random, clock: Clock) -> Callable[[Side], Any]:
    """The next operation, chosen once and done on both sides."""
    handle, seed = rng.randrange(2), rng.randrange(3)
    record = job(seed, n_tasks=N_TASKS, n_units=60, created_at=clock.now)
    job_id, owner = record.job_id, rng.choice(OWNERS)
    batch, limit = outcomes(rng), rng.choice((1, 2, 100))
    ttl_s, n_running = rng.choice((2.0, 50.0)), rng.randrange(4)
    usage = rng.choice((None, Usage(rng.randrange(9), 5, 0.1 * rng.randrange(9))))
    state = rng.choice(("running", "running", "done", "cancelled", "failed", "queued"))
    error = rng.choice((None, None, "No."))
    best = rng.choice((None, {"type": "full-tied", "k": 2, "bic": rng.random()}))
    cap_usd = rng.choice((None, 0.5, 1.25))
    operations: dict[str, tuple[int, Callable[[JobStore], Any]]] = {
        "create": (6, lambda store: store.create_job(record)),
        "record": (24, lambda store: store.record(job_id, batch)),
        "discard": (3, lambda store: store.discard_failures(job_id)),
        "settled": (4, lambda store: store.settled(job_id)),
        "acquire": (8, lambda store: store.acquire_lease(job_id, owner, ttl_s)),
        "renew": (6, lambda store: store.renew_lease(job_id, owner, ttl_s, n_running, usage)),
        "release": (2, lambda store: store.release_lease(job_id, owner)),
        "cancel": (3, lambda store: store.request_cancel(job_id)),
        "state": (
            9,
            lambda store: store.set_state(
                job_id, state, owner=owner, error=error, best=best, usage=usage
            ),
        ),
        "reopen": (3, lambda store: store.reopen(job_id)),
        "cap": (2, lambda store: store.set_spending_cap(job_id, cap_usd)),
        "orphaned": (3, lambda store: store.orphaned(clock.now)),
        "jobs": (3, lambda store: store.jobs()),
        "delete": (2, lambda store: store.delete_job(job_id)),
    }
    (name,) = rng.choices(list(operations), [weight for weight, _ in operations.values()])
    operate = operations[name][1]

    def both(side: Side) -> Any:
        answer = operate(side.handles[handle])
        return [
            name,
            answer,
            side.handles[1 - handle].job(job_id),
            side.follow(handle, job_id, limit),
        ]

    return both


@pytest.mark.parametrize("seed", range(2))
def test_the_same_operations_give_the_same_answers(
    seed: int, moto_url: str, tmp_path: Path
) -> None:
    rng, clock = random.Random(seed), Clock()
    place = Place.made(moto_url)
    sqlite = [SqliteJobStore(tmp_path / "jobs.sqlite3", clock=clock) for _ in range(2)]
    one, other = Side([place.open(clock) for _ in range(2)]), Side(list(sqlite))
    seen: set[str] = set()
    for _ in range(N_STEPS):
        clock.now += rng.choice((0.25, 0.5, 3.0))
        both = step(rng, clock)
        expected = both(other)
        assert both(one) == expected
        seen.add(expected[0])
    assert len(seen) == 14, "some operation never came up"
    for seed_of_job in range(3):
        job_id = job(seed_of_job).job_id
        assert one.everything(0, job_id) == other.everything(0, job_id)
        assert one.handles[1].settled(job_id) == other.handles[1].settled(job_id)
        record = one.handles[0].job(job_id)
        assert_counted(record, one.everything(1, job_id))
    for store in sqlite:
        store.close()


def assert_counted(record: JobRecord | None, standing: list[Any]) -> None:
    """The counts in the record are those of the outcomes that are there."""
    if record is None:
        assert standing == []
        return
    good = [outcome for outcome in standing if outcome["status"] == "done"]
    assert record.n_done == len(good)
    assert record.n_failed == len(standing) - len(good)
    assert record.n_units_done == sum(outcome["n_units"] for outcome in good)
