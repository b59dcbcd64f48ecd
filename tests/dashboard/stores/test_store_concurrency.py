"""Threads and processes on one store: exact counts, no cursor skipped or repeated."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dashboard.stores.base import JobStore, TaskOutcome
from tests.dashboard.conftest import StoreUnderTest
from tests.dashboard.jobs.made_up import done, failed, job, task_id
from tests.dashboard.stores.processes import start, until_ready, worker
from tests.waiting import WAIT_S, until

PROCESS_S = WAIT_S


class Follower(threading.Thread):
    """Reads a job by its cursor, as a page does, until every task has come in as done."""

    def __init__(self, store: JobStore, job_id: str, limit: int) -> None:
        super().__init__(daemon=True)
        self.store, self.job_id, self.limit = store, job_id, limit
        self.seen: list[TaskOutcome] = []
        self.stop = threading.Event()

    def run(self) -> None:
        cursor = 0
        while True:
            last = self.stop.is_set()
            page = self.store.outcomes(self.job_id, after=cursor, limit=self.limit)
            self.seen += page.outcomes
            cursor = page.cursor
            if last and not page.outcomes:
                return


@contextmanager
def followers(stores: StoreUnderTest, job_id: str) -> Iterator[list[Follower]]:
    readers = [Follower(stores.open(), job_id, limit) for limit in (1, 7)]
    for reader in readers:
        reader.start()
    yield readers
    for reader in readers:
        reader.stop.set()
        reader.join(PROCESS_S)
        assert not reader.is_alive()


def assert_complete(store: JobStore, job_id: str, n_tasks: int, readers: list[Follower]) -> None:
    """Each task is there once, the counts are exact, and no reader missed or repeated anything."""
    record = store.job(job_id)
    assert record is not None
    assert (record.n_done, record.n_failed, record.n_units_done) == (n_tasks, 0, 5 * n_tasks)
    in_store = store.outcomes(job_id, limit=10 * n_tasks).outcomes
    assert sorted(o.task_id for o in in_store) == [task_id(n) for n in range(n_tasks)]
    for reader in readers:
        seqs = [o.seq for o in reader.seen]
        assert seqs == sorted(set(seqs))
        done_seen = [(o.seq, o.task_id) for o in reader.seen if o.status == "done"]
        assert done_seen == [(o.seq, o.task_id) for o in in_store]


def test_threads_recording_the_same_tasks(stores: StoreUnderTest) -> None:
    store, n_tasks = stores.open(), stores.n_tasks
    job_id = store.create_job(job(n_tasks=n_tasks)).job_id
    news: list[int] = []
    start = threading.Barrier(6)

    def write(number: int) -> None:
        mine = stores.open() if number % 2 else store  # handles shared and of their own
        tasks = range(n_tasks) if number < 3 else reversed(range(n_tasks))
        start.wait(WAIT_S)
        for task in tasks:
            if task % 3 == number % 3:
                mine.record(job_id, [failed(task)])
            news.append(mine.record(job_id, [done(task), done((task + 1) % n_tasks)]))

    with followers(stores, job_id) as readers:
        threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PROCESS_S)
            assert not thread.is_alive()
    assert sum(news) == n_tasks
    assert_complete(store, job_id, n_tasks, readers)


def test_processes_recording_the_same_tasks(stores: StoreUnderTest) -> None:
    store, n_tasks = stores.open(), stores.n_tasks
    job_id = store.create_job(job(n_tasks=n_tasks)).job_id
    processes = [
        worker(stores, "record_all", job_id, str(n_tasks), order, str(n_failing))
        for order, n_failing in (
            ("forwards", 0),
            ("backwards", n_tasks // 3),
            ("forwards", 2 * n_tasks // 3),
        )
    ]
    try:
        until_ready(processes)
        with followers(stores, job_id) as readers:
            start(processes)
            news = [int(process.communicate(timeout=PROCESS_S)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0, 0, 0]
    # Every task is news once as done; failures that came before their success are news as well.
    n_failures_seen = sum(o.status == "failed" for o in readers[0].seen)
    assert n_tasks <= sum(news) <= n_tasks + 2 * n_tasks // 3
    assert n_failures_seen <= sum(news) - n_tasks
    assert_complete(store, job_id, n_tasks, readers)


def test_one_process_gets_the_lease(stores: StoreUnderTest) -> None:
    store = stores.open()
    job_ids = [store.create_job(job(seed)).job_id for seed in range(2)]
    contenders = [
        (job_id, owner, worker(stores, "take_lease", job_id, owner))
        for job_id in job_ids
        for owner in ("a", "b")
    ]
    try:
        until_ready([process for _, _, process in contenders])
        start([process for _, _, process in contenders])
        won = {
            (job_id, owner): process.communicate(timeout=PROCESS_S)[0].strip()
            for job_id, owner, process in contenders
        }
    finally:
        for _, _, process in contenders:
            process.kill()
            process.wait()
    for job_id in job_ids:
        assert sorted(won[job_id, owner] for owner in ("a", "b")) == ["0", "1"]
        winner = next(owner for owner in ("a", "b") if won[job_id, owner] == "1")
        record = store.job(job_id)
        assert record is not None
        assert record.owner == winner


def test_one_of_many_threads_gets_an_expired_lease(stores: StoreUnderTest) -> None:
    store = stores.open()
    job_id = store.create_job(job()).job_id
    store.acquire_lease(job_id, "dead", 5.0)
    stores.clock.now += 6.0
    won: list[str] = []
    start = threading.Barrier(8)

    def contend(owner: str) -> None:
        start.wait(WAIT_S)
        if store.acquire_lease(job_id, owner, 5.0):
            won.append(owner)

    threads = [threading.Thread(target=contend, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PROCESS_S)
    until(lambda: len(won) == 1, "one thread has the lease")
    record = store.job(job_id)
    assert record is not None
    assert [record.owner] == won
