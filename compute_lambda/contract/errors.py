"""The one family of errors that people and programs may see, and the one shape they have.

`{"error": {"code", "message", "details", "request_id"}}`. Whatever is no `ReportedError` was
foreseen by nobody: it is shown as `internal` with an id that the log has too, not by its own text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ReportedError(Exception):
    """An error that may be shown as it is; `str` of it is the message.

    Attributes:
        code: one word in snake_case for programs and tests.
        message: what was expected, what came and what to do; plain text, so it must be escaped
            wherever it is put into HTML (it may quote column names).
        details: plain JSON.
        status: the HTTP status that goes with it.
        headers: those that an HTTP answer needs besides, such as Allow.
    """

    status = 500

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.headers: dict[str, str] = {}

    def __str__(self) -> str:  # those that are a KeyError as well would show it in quotes
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is, whatever its class is made from: errors come back from other processes."""
        return _again, (type(self), self.__dict__)


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


def shown(error: BaseException, request_id: str) -> ReportedError:
    """The error itself; `internal`, which tells the id and nothing else, if nobody foresaw it."""
    if isinstance(error, ReportedError):
        return error
    return ReportedError(
        "internal",
        "Something unexpected went wrong. Try again, and report the id"
        f" {request_id or 'of this request'} if it happens again: the log has the rest.",
    )


def error_record(error: BaseException, request_id: str) -> dict[str, Any]:
    """{"code", "message", "details", "request_id"}: the content of the one error shape.

    Also what is kept of a task that failed; `request_id` is "" where there was no request.
    """
    error = shown(error, request_id)
    return {
        "code": error.code,
        "message": error.message,
        "details": error.details,
        "request_id": request_id,
    }


def error_body(error: BaseException, request_id: str) -> dict[str, Any]:
    """{"error": {...}}: the whole answer to a request that failed."""
    return {"error": error_record(error, request_id)}


def _again(kind: type[ReportedError], state: dict[str, Any]) -> ReportedError:
    error = kind.__new__(kind, state["message"])
    error.__dict__.update(state)
    return error
