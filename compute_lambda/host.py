"""The process that runs a task."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """A process as its results report it; see Invocation."""

    worker: str = ""
    cold: bool = False
    startup_ms: float = 0.0
    memory_mb: int = 0
