"""One build at a time: the others wait and find it done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bundle.target import BuildProblem

LOCK_TIMEOUT_S = 600.0
_POLL_S = 0.1


@contextmanager
def exclusive(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold the lock file `path` while inside; the system frees it when the process dies.

    Raises BuildProblem when it is still held after `timeout_s`.
    """
    import fcntl  # Linux and macOS; the bundle itself is only ever for Linux

    deadline = time.monotonic() + timeout_s
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise BuildProblem(
                        f"Expected {path} to be free within {timeout_s:.0f} s, another build still"
                        " holds it. End that build and try again."
                    ) from None
                time.sleep(_POLL_S)
        yield
