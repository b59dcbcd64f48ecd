"""Waits that end, and have nothing to do with speed.

A wait of a test is a bound against hanging, for a machine with ten times as much to do as this one
at its quietest: whoever waits for something that comes returns the moment it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Found = TypeVar("Found")

#: For whatever a test waits for. Shorter than pytest's own limit, so that the test can say what.
WAIT_S = 240.0
#: For a compiler, which takes half a minute where nothing else runs.
COMPILE_S = 800.0


def pauses(first_s: float = 0.005, longest_s: float = 0.1) -> Iterator[float]:
    """Seconds between two looks, growing: whoever looks all the time keeps a core from the others.

    What is soon there is seen at once, what takes long is seen a tenth later at most.
    """
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(1.5 * pause_s, longest_s)


def until(condition: Callable[[], Found], what: str, timeout_s: float = WAIT_S) -> Found:
    """The first truthy answer of `condition()`; fails the test when there is none in time."""
    deadline, pause = time.monotonic() + timeout_s, pauses()
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(next(pause))
    return found


def until_it_holds(check: Callable[[], None]) -> None:
    """Return when `check()` no longer raises an AssertionError; its last one when time is up."""
    deadline, pause = time.monotonic() + WAIT_S, pauses()
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(next(pause))
