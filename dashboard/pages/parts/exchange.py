"""What the browser and the server hand each other through the page's stores."""

from __future__ import annotations

from typing import Any

NO_JOB: dict[str, Any] = {"job_id": None}
FOLLOW: dict[str, Any] = {"type": None, "k": None, "follow": True}
