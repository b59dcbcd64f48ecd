"""The one shape of every error that a person or a program can see, as all tests of it check it."""

from __future__ import annotations

import json
import re
from typing import Any

FIELDS = {"code": str, "message": str, "details": dict, "request_id": str}


def error_in(body: str | bytes, content_type: str) -> dict[str, Any]:
    """The error that an answer holds, after a look at its whole shape."""
    assert content_type.split(";")[0] == "application/json"
    whole = json.loads(body)
    assert whole.keys() == {"error"}
    error: dict[str, Any] = whole["error"]
    check_record(error)
    assert error["request_id"]
    return error


def check_record(error: dict[str, Any]) -> None:
    """The content of the shape: also what is kept of a task that failed, which had no request."""
    assert {name: type(value) for name, value in error.items()} == FIELDS
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", error["code"])
    assert re.match(r"\S.*\s.*[.!?]$", error["message"], re.DOTALL)
    assert "Traceback" not in json.dumps(error)
