"""Prepared data and seeds, kept between tasks of the same process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

from compute_lambda.contract import FitTask
from kmeans_core import PreparedData, SeedBank

BUILD_TIMEOUT_S = 600.0
"""Longest wait for another thread that is preparing the same data."""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What prepared data and seeds depend on."""

    dataset_id: str
    columns: tuple[int, ...]
    standardise: bool
    seed: int

    @classmethod
    def of(cls, task: FitTask) -> CacheKey:
        return cls(task.dataset_id, task.columns, task.standardise, task.seed)


@dataclass(frozen=True, slots=True)
class PreparedTable:
    """Prepared columns of one dataset, and the seeds that were drawn on them so far."""

    data: PreparedData
    seeds: SeedBank

    @property
    def n_rows(self) -> int:
        return int(self.data.columns.shape[1])

    @property
    def n_bytes(self) -> int:
        return int(self.data.columns.nbytes)


class PreparedCache:
    """The most recently used tables, at most `max_bytes` of them. Thread-safe.

    A table is built once even when several threads ask for it at the same moment. The table used
    last is kept even when it alone is larger than `max_bytes`: the fits that need it hold it in
    memory anyway, and dropping it would mean preparing it again for every task.
    """

    def __init__(self, max_bytes: int = 256 * 2**20) -> None:
        self.max_bytes = max_bytes
        self._tables: OrderedDict[CacheKey, Future[PreparedTable]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: CacheKey, build: Callable[[], PreparedTable]) -> PreparedTable:
        """The table under `key`, from `build()` when it is not there.

        An exception of `build` reaches everyone who waited for it; the next call builds again.
        """
        with self._lock:
            known = self._tables.get(key)
            if known is not None:
                self._tables.move_to_end(key)
            else:
                mine: Future[PreparedTable] = Future()
                self._tables[key] = mine
        if known is not None:
            return known.result(timeout=BUILD_TIMEOUT_S)
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

    def _ready(self) -> dict[CacheKey, int]:
        """Bytes of each finished table, least recently used first. Needs the lock."""
        return {
            key: future.result().n_bytes
            for key, future in self._tables.items()
            if future.done() and future.exception() is None
        }
