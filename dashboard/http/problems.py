"""The one shape of every error that a client sees, and what becomes of unexpected ones."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from flask import Response, jsonify
from werkzeug.exceptions import HTTPException

_log = logging.getLogger(__name__)


class RequestError(Exception):
    """A request that cannot be answered; ``message``: what was expected, what came, what to do."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details


def error_response(error: RequestError) -> Response:
    """``{"error": {"code", "message", "details", "request_id"}}`` with the error's status."""
    response = jsonify(
        error={
            "code": error.code,
            "message": error.message,
            "details": error.details,
            "request_id": new_id(),
        }
    )
    response.status_code = error.status
    return response


def unexpected_response(error: Exception) -> Response:
    """Any other exception: logged under an id, and the id is all that leaves the server."""
    if isinstance(error, HTTPException) and error.code is not None:
        return error_response(RequestError(error.code, "http_error", f"{error.description}"))
    request_id = new_id()
    _log.error("Request %s failed", request_id, exc_info=error)
    response = jsonify(
        error={
            "code": "internal_error",
            "message": f"Something went wrong on the server; its log knows more ({request_id}).",
            "details": {},
            "request_id": request_id,
        }
    )
    response.status_code = 500
    return response


def new_id() -> str:
    """Short id that ties an answer to a line of the log."""
    return uuid.uuid4().hex[:12]
