"""Where a task runs: the process, and what it finds there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compute_lambda.tables.cache import TableCache
    from compute_lambda.tables.columns import ColumnStore


@dataclass(frozen=True, slots=True)
class Process:
    """A process as its results report it; see `Invocation`."""

    worker: str = ""
    cold: bool = False
    startup_ms: float = 0.0
    memory_mb: int = 0


def never() -> bool:
    """There is time enough."""
    return False


@dataclass(frozen=True, slots=True)
class Host:
    """What a task finds where it runs.

    `store` has the stored tables, `cache` keeps what was made of them for the next task. A task
    asks `should_stop` now and then; once it says so, the task returns what it has and a state to
    go on from. `request_id` names this invocation.
    """

    store: ColumnStore
    cache: TableCache
    process: Process = Process()
    request_id: str = ""
    should_stop: Callable[[], bool] = never
