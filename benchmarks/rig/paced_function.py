"""A function that waits instead of computing, for benchmarks of what stands around a fit.

It answers a task with a stored result, under that task's id, a fixed time after it was called.
Nothing but the standard library: two hundred environments start quickly.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

_PAUSE_S = float(os.environ["PAUSE_MS"]) / 1e3
_BEFORE, _AFTER = Path(os.environ["ANSWER_FILE"]).read_text(encoding="utf-8").split("TASK_ID")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The stored result for the task in the event's body."""
    began = time.perf_counter()
    task = json.loads(event["body"])
    del task["resume"], task["kind"]  # no part of the id of a fit, see FitTask.content
    content = json.dumps(task, sort_keys=True, separators=(",", ":"))
    task_id = hashlib.sha256(content.encode()).hexdigest()
    time.sleep(max(0.0, _PAUSE_S - (time.perf_counter() - began)))
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": f"{_BEFORE}{task_id}{_AFTER}",
    }
