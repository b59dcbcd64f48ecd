"""What is particular to the SQLite file: damage, versions, connections."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from dashboard.planning.spending import Usage
from dashboard.stores.base import StoreError
from dashboard.stores.sqlite.schema import SCHEMA_VERSION
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.jobs.made_up import done, job
from tests.error_shape import check_record
from tests.waiting import WAIT_S


def test_it_makes_its_directory_and_keeps_jobs_across_openings(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "jobs.sqlite3"
    first = SqliteJobStore(path)
    job_id = first.create_job(job()).job_id
    first.record(job_id, [done(0)])
    first.close()
    second = SqliteJobStore(path)
    assert [record.n_done for record in second.jobs()] == [1]
    second.close()


def test_it_is_in_wal_mode_with_its_version(tmp_path: Path) -> None:
    store = SqliteJobStore(tmp_path / "jobs.sqlite3")
    with sqlite3.connect(tmp_path / "jobs.sqlite3") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    store.close()


def test_a_file_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"newer Centaurus \(schema 99; this version knows 3\)"):
        SqliteJobStore(path)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_a_file_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    store = SqliteJobStore(path)
    job_id = store.create_job(job()).job_id
    store.close()
    with sqlite3.connect(path) as db:
        for column in ("spending_cap_usd", "usage", "kind", "label_usage"):
            db.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        for table, column in (("jobs", ""), ("jobs", "_done"), ("outcomes", "")):
            db.execute(f"ALTER TABLE {table} RENAME COLUMN n_units{column} TO n_fits{column}")
        db.execute("PRAGMA user_version = 1")
    store = SqliteJobStore(path)
    record = store.job(job_id)
    assert record is not None
    assert (record.spending_cap_usd, record.usage) == (None, Usage())
    store.set_spending_cap(job_id, 0.25)
    assert [found.spending_cap_usd for found in store.jobs()] == [0.25]
    store.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_rubbish_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    path.write_bytes(b"this is no database at all" * 50)
    with pytest.raises(StoreError, match=r"not a database.*choose another data directory"):
        SqliteJobStore(path)
    assert path.read_bytes().startswith(b"this is no database")


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="directory is writable"):
        SqliteJobStore(tmp_path / "data" / "jobs.sqlite3")


def test_a_busy_database_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    store = SqliteJobStore(path)
    job_id = store.create_job(job()).job_id
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, other.execute, ["COMMIT"])
    timer.start()
    assert store.record(job_id, [done(0)]) == 1
    timer.join()
    other.close()
    store.close()


def test_connections_of_ended_threads_are_closed(tmp_path: Path) -> None:
    store = SqliteJobStore(tmp_path / "jobs.sqlite3")
    for _ in range(20):
        thread = threading.Thread(target=store.jobs)
        thread.start()
        thread.join()
    assert len(store._db._opened) <= 2  # the opener's, and at most one that nobody swept yet
    store.close()


def test_closing_waits_for_the_statements_of_other_threads(tmp_path: Path) -> None:
    """SQLite ends the process when a connection is closed under a statement."""
    store = SqliteJobStore(tmp_path / "jobs.sqlite3")
    begun, go_on = threading.Event(), threading.Event()
    found: list[object] = []

    def hold() -> int:
        begun.set()
        return int(go_on.wait(WAIT_S))

    def read() -> None:
        store._db.reading().create_function("hold", 0, hold)
        found.extend(store._db.read("SELECT hold()"))

    reader = threading.Thread(target=read)
    closer = threading.Thread(target=store.close)
    reader.start()
    assert begun.wait(WAIT_S)
    closer.start()
    closer.join(0.2)
    assert closer.is_alive()
    go_on.set()
    for thread in (reader, closer):
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert found == [(1,)]
    assert store._db._opened == []
    assert store.jobs() == []  # who comes later opens it again
    store.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    store = SqliteJobStore(tmp_path / "jobs.sqlite3")
    job_id = store.create_job(job()).job_id

    def break_off() -> None:
        with store._db.writing() as db:
            db.execute("UPDATE jobs SET n_done = 7")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        break_off()
    record = store.job(job_id)
    assert record is not None
    assert record.n_done == 0
    assert store.record(job_id, [done(0)]) == 1
    store.close()


def test_a_full_disk_is_a_sentence_and_passes(tmp_path: Path) -> None:
    store = SqliteJobStore(tmp_path / "jobs.sqlite3")
    job_id = store.create_job(job()).job_id
    connection = store._db.reading()
    (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {n_pages}")
    many = [done(number) for number in range(50)]
    with pytest.raises(StoreError, match=r"full.*Check the free space"):
        store.record(job_id, many)
    record = store.job(job_id)
    assert record is not None
    assert (record.n_done, store.settled(job_id)) == (0, {})
    connection.execute("PRAGMA max_page_count = 100000")
    assert store.record(job_id, many) == 50
    store.close()


def test_what_another_release_wrote_does_not_hide_the_rest(tmp_path: Path) -> None:
    store = SqliteJobStore(tmp_path / "jobs.sqlite3")
    good, bad = store.create_job(job(1)).job_id, store.create_job(job(2)).job_id
    store.record(good, [done(0), done(1)])
    with store._db.writing() as db:
        db.execute("UPDATE jobs SET spec = '{\"shape\": 7}' WHERE job_id = ?", (bad,))
        db.execute("UPDATE outcomes SET result = '{\"contract_version\": 99}' WHERE seq = 1")
    assert [record.job_id for record in store.jobs()] == [good]
    assert store.job(bad) is None
    assert store.delete_job(bad) is True
    unreadable, fine = store.outcomes(good).outcomes
    assert (unreadable.status, unreadable.result) == ("failed", None)
    assert unreadable.error is not None
    check_record(unreadable.error)
    assert unreadable.error["code"] == "contract_version"
    assert (fine.status, fine.error) == ("done", None)
    store.close()
