"""Threads that help with one call of the compiled kernel."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def call_with_help(
    library: ctypes.CDLL,
    n_threads: int,
    n_doubles: int,
    call: Callable[[int | None, int], None],
) -> None:
    """call(crew, memory) on this thread, while n_threads - 1 others help; all are done after it.

    crew and memory are addresses for the kernel, crew None for a thread on its own; every thread
    has memory of its own for n_doubles numbers.
    """
    if n_threads < 2:
        memory = np.empty(n_doubles)
        call(None, memory.ctypes.data)
        return
    memories = np.empty((n_threads, n_doubles))
    crew = np.zeros(4, dtype=np.int64)
    with ThreadPoolExecutor(n_threads - 1, "kernel") as pool:
        try:
            for memory in memories[1:]:
                pool.submit(library.centaurus_help, crew.ctypes.data, memory.ctypes.data)
            call(crew.ctypes.data, memories[0].ctypes.data)
        finally:
            library.centaurus_dismiss(crew.ctypes.data)
