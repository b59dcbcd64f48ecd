"""One SQLite connection per thread, with write transactions that wait their turn."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dashboard.stores.base import StoreError

STATEMENT_S = 30.0
"""The longest that a statement takes once it need not wait for others."""

_log = logging.getLogger(__name__)


class Connections:
    """Opens `path` (and creates it from `schema`) and hands each thread its own connection.

    Raises StoreError when the directory is not writable, the file is not a SQLite database, or it
    was written by a newer version of the program.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        version: int,
        busy_timeout_s: float,
        upgrades: Mapping[int, str] | None = None,
    ) -> None:
        """`upgrades[v]` are the statements that lead from version v to the next one."""
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._local = threading.local()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._n_in_use: Counter[int] = Counter()
        """Statements that run now, by process: a forked child has none of its parent's."""
        self._opened: list[tuple[int, threading.Thread, sqlite3.Connection]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._use_wal()
            self._create(schema, version, upgrades or {})
        except StoreError:
            self.close()
            raise
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise StoreError(
                f"The job store {path} cannot be opened ({error}). Check that the directory is "
                "writable and the file is not damaged, or choose another data directory."
            ) from error

    def reading(self) -> sqlite3.Connection:
        """This thread's connection, outside a transaction: each query sees one snapshot."""
        # A forked child must not use the parent's connection: it gets its own.
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.connection = self._open()
            self._local.pid = os.getpid()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def read(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """All rows that the query finds. Raises StoreError when the file is gone, damaged, locked
        for too long, or the like.
        """
        try:
            with self._in_use():
                return self.reading().execute(query, values).fetchall()
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.ProgrammingError):  # ours: no state of the file
                raise
            raise StoreError(
                f"The job store {self._path} cannot be read ({error}). Check that the file is "
                "there and not damaged; where it is gone, a restart makes a new one."
            ) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: commits at the end, rolls back on an exception.

        IMMEDIATE takes the write lock at the start. A transaction that begins by reading and then
        writes fails at once, without waiting, when another one wrote in between. Raises StoreError
        when the disk is full, the file is gone or locked for too long, or the like.
        """
        with self._in_use():
            connection: sqlite3.Connection | None = None
            try:
                connection = self.reading()
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise StoreError(
                    f"The job store {self._path} cannot be written ({error}). Check the free space "
                    "and the permissions of its directory."
                ) from error
            finally:
                # After an exception. A full disk may have ended the transaction already.
                if connection is not None and connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Keeps `close` from closing a connection under a statement, which ends the process."""
        with self._lock:
            pid = os.getpid()
            self._n_in_use[pid] += 1
        try:
            yield
        finally:
            with self._idle:
                self._n_in_use[pid] -= 1
                self._idle.notify_all()

    def close(self) -> None:
        """Close every connection, once the statements of other threads have ended.

        A thread that comes later opens one of its own.
        """
        with self._idle:
            pid = os.getpid()
            longest_s = self._busy_timeout_s + STATEMENT_S
            if not self._idle.wait_for(lambda: not self._n_in_use[pid], longest_s):
                _log.warning("The job store %s stays open: a statement does not end", self._path)
                return
            for pid, _, connection in self._opened:
                if pid == os.getpid():
                    connection.close()
            self._opened = [entry for entry in self._opened if entry[0] != os.getpid()]
            self._local = threading.local()

    def _open(self) -> sqlite3.Connection:
        # check_same_thread=False only so that `close` and the sweep below may close it.
        connection = sqlite3.connect(
            self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        pid = os.getpid()
        with self._lock:
            kept = []
            for entry in self._opened:
                opened_by, thread, opened = entry
                # Those of the process that forked us stay: closing them is its business.
                if thread.is_alive() or opened_by != pid:
                    kept.append(entry)
                else:
                    opened.close()
            self._opened = [*kept, (pid, threading.current_thread(), connection)]
        return connection

    def _use_wal(self) -> None:
        # Switching to WAL does not honour the busy timeout when several processes open the new file
        # at the same moment, hence a loop of its own.
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                self.reading().execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _create(self, schema: str, version: int, upgrades: Mapping[int, str]) -> None:
        with self.writing() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found > version:
                raise StoreError(
                    f"The job store {self._path} was written by a newer Centaurus (schema {found}; "
                    f"this version knows {version}). Update Centaurus, or choose another data "
                    "directory."
                )
            if found < version:
                steps = [schema] if found == 0 else [upgrades[v] for v in range(found, version)]
                # Not executescript: that would commit the transaction first.
                for statement in ";".join(steps).split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {version}")
