"""Waits that end, and have nothing to do with speed.

A wait of a test is a bound against hanging, for a machine with ten times as much to do as this one
at its quietest: whoever waits for something that comes returns the moment it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

#: For whatever a test waits for. Shorter than pytest's own limit, so that the test can say what.
WAIT_S = 240.0
#: For a compiler, which takes half a minute where nothing else runs.
COMPILE_S = 800.0


def until(condition: Callable[[], Found], what: str, timeout_s: float = WAIT_S) -> Found:
    """The first truthy answer of `condition()`; fails the test when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.005)
    return found


def until_it_holds(check: Callable[[], None]) -> None:
    """Return when `check()` no longer raises an AssertionError; its last one when time is up."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)
