"""Errors with a message for people, and the one shape in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ReportedError(Exception):
    """An error that may be shown as it is.

    `code` is one word for programs; `message` says what was expected, what came and what to do;
    `details` is plain JSON; `status` the HTTP status that goes with it.
    """

    status = 500

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})


class ContractError(ReportedError, ValueError):
    """A payload does not follow the contract; `details["field"]` names the offending field."""

    status = 422


class DatasetError(ReportedError):
    """A dataset is not there (`dataset_not_found`) or cannot be read.

    `dataset_damaged` is not what was stored, `dataset_forbidden` a right that this side lacks,
    `dataset_unavailable` a storage that does not answer now: the same request may succeed later.
    """

    STATUS: ClassVar[dict[str, int]] = {
        "dataset_not_found": 404,
        "dataset_forbidden": 403,
        "dataset_unavailable": 503,
    }

    def __init__(self, code: str, message: str, dataset_id: str) -> None:
        super().__init__(code, message, {"dataset_id": dataset_id})
        self.status = self.STATUS.get(code, 500)


class HttpError(ReportedError):
    """A request that cannot be served, with its status and any headers the answer needs."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message, details)
        self.status = status
        self.headers = dict(headers or {})


def error_record(error: BaseException, request_id: str) -> dict[str, Any]:
    """{"code", "message", "details", "request_id"}: the content of the one error shape.

    An error that nobody foresaw is shown as an id to look up in the log, never by its own text.
    """
    if not isinstance(error, ReportedError):
        error = ReportedError(
            "internal",
            "Something unexpected went wrong while computing; it is not your input. Try again, and"
            f" report the id {request_id or 'of this request'} if it happens again.",
        )
    return {
        "code": error.code,
        "message": error.message,
        "details": error.details,
        "request_id": request_id,
    }
