"""Where the fits of a job are computed; every backend yields the same events."""

from __future__ import annotations

from dashboard.backends.base import Backend, TaskEvent, TaskFailure, TaskResult, TaskStarted
from dashboard.backends.local import LocalBackend

__all__ = ["Backend", "LocalBackend", "TaskEvent", "TaskFailure", "TaskResult", "TaskStarted"]
