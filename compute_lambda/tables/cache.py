"""What was made of stored tables, kept between tasks of the same process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any, Protocol, TypeVar

BUILD_TIMEOUT_S = 600.0
"""Longest wait for another thread that is making the same thing."""


class Kept(Protocol):
    """Anything that knows its size in memory."""

    @property
    def n_bytes(self) -> int:
        """Bytes that it holds."""
        ...


K = TypeVar("K", bound=Kept)


class TableCache:
    """The most recently used tables, at most `max_bytes` of them. Thread-safe.

    A table is built once even when several threads ask for it at the same moment. The table used
    last is kept even when it alone is larger than `max_bytes`: the tasks that need it hold it in
    memory anyway, and dropping it would mean making it again for every task. Keys of different
    kinds of table are of different types.
    """

    def __init__(self, max_bytes: int = 256 * 2**20) -> None:
        self.max_bytes = max_bytes
        self._tables: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, build: Callable[[], K]) -> K:
        """The table under `key`, from `build()` when it is not there.

        An exception of `build` reaches everyone who waited for it; the next call builds again.
        """
        with self._lock:
            known = self._tables.get(key)
            if known is not None:
                self._tables.move_to_end(key)
            else:
                mine: Future[Any] = Future()
                self._tables[key] = mine
        if known is not None:
            kept: K = known.result(timeout=BUILD_TIMEOUT_S)
            return kept
        try:
            table = build()
        except BaseException as error:
            with self._lock:
                del self._tables[key]
            mine.set_exception(error)
            raise
        mine.set_result(table)
        self._drop_oldest()
        return table

    @property
    def n_bytes(self) -> int:
        """Bytes of everything that is kept."""
        with self._lock:
            return sum(self._ready().values())

    def _drop_oldest(self) -> None:
        with self._lock:
            sizes = self._ready()
            total = sum(sizes.values())
            for key in list(sizes)[:-1]:
                if total <= self.max_bytes:
                    break
                total -= sizes[key]
                del self._tables[key]

    def _ready(self) -> dict[Hashable, int]:
        """Bytes of each finished table, least recently used first. Needs the lock."""
        return {
            key: future.result().n_bytes
            for key, future in self._tables.items()
            if future.done() and future.exception() is None
        }
