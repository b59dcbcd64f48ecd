"""Threads that help with calls of the compiled kernel.

They are started once and kept, as starting one takes longer than many a call.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from kmeans_core.points.arrays import IntArray


class _Helpers:
    """A pool that grows with the largest number of helpers that anybody has asked for."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """After a fork: the threads are the parent's."""
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._size = 0

    def submit(self, n_helpers: int, call: Callable[[], None]) -> Future[None] | None:
        """None when there is nobody: no thread can be started, or the program is about to end."""
        with self._lock:
            try:
                if self._pool is None or self._size < n_helpers:
                    if self._pool is not None:
                        self._pool.shutdown(wait=False)  # what it has begun, it ends
                    self._pool = ThreadPoolExecutor(n_helpers, thread_name_prefix="kernel")
                    self._size = n_helpers
                return self._pool.submit(call)
            except RuntimeError:
                return None


_helpers = _Helpers()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_helpers.forget)


def call_with_help(
    library: ctypes.CDLL,
    n_threads: int,
    n_doubles: int,
    call: Callable[[int | None, int], None],
) -> None:
    """call(crew, memory) on this thread, while n_threads - 1 others help; all are done after it.

    crew and memory are addresses for the kernel, crew None for a thread on its own; every thread
    has memory of its own for n_doubles numbers. Helpers may be busy with another call: then this
    one goes on without them.
    """
    if n_threads < 2:
        memory = np.empty(n_doubles)
        call(None, memory.ctypes.data)
        return
    memories = np.empty((n_threads, n_doubles))
    crew = np.zeros(6, dtype=np.int64)
    with _help(library, crew, memories[1:]):
        call(crew.ctypes.data, memories[0].ctypes.data)


@contextlib.contextmanager
def _help(library: ctypes.CDLL, crew: IntArray, memories: NDArray[np.float64]) -> Iterator[None]:
    """Helpers, one for each of `memories`, until the end: then none of them uses its memory."""

    def help_with(memory: NDArray[np.float64]) -> Callable[[], None]:
        # Holds on to both arrays for as long as it may run, whatever happens to the caller.
        return lambda: library.centaurus_help(crew.ctypes.data, memory.ctypes.data)

    futures: list[Future[None]] = []
    try:
        for memory in memories:
            future = _helpers.submit(len(memories), help_with(memory))
            if future is not None:
                futures.append(future)
        yield
    finally:
        library.centaurus_dismiss(crew.ctypes.data)
        for future in futures:
            if not future.cancel():
                future.result()
