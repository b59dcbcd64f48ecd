"""Every error that leaves this server over HTTP: one JSON shape, and an id that the log has too."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from compute_lambda.contract.errors import HttpError, ReportedError, error_body, shown

_log = logging.getLogger(__name__)

_OF_THE_BODY = frozenset({"content-type", "content-length"})


def answer_errors(server: Flask, missing: Iterable[type[Exception]] = ()) -> None:
    """Answer whatever is raised while serving a request, also by Dash and Flask, with its JSON.

    `missing` are errors that only say that there is nothing at the address (404).
    """
    server.register_error_handler(Exception, _answer)
    for kind in missing:
        server.register_error_handler(kind, lambda _: error_response(unknown_route(request.path)))


def error_response(error: Exception) -> Response:
    """`{"error": {"code", "message", "details", "request_id"}}` with the error's status."""
    request_id = new_id()
    said = shown(error, request_id)
    _note(error, said, request_id)
    response = jsonify(error_body(said, request_id))
    response.status_code = said.status
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(said.headers)
    return response


def new_id() -> str:
    """Short id that ties an answer to a line of the log."""
    return uuid.uuid4().hex[:12]


def _answer(error: Exception) -> Response | HTTPException:
    if not isinstance(error, HTTPException):
        return error_response(error)
    original = getattr(error, "original_exception", None)
    if original is not None:  # raised where Flask makes a 500 of it by itself
        return error_response(original)
    if error.code is None or error.code < 400:  # an answer on its way, not an error
        return error
    return error_response(_of_http(error))


def _of_http(error: HTTPException) -> HttpError:
    """What Flask and Dash say on their own, with a sentence that says what to do."""
    status = error.code or 500
    headers = {
        name: value for name, value in error.get_headers() if name.lower() not in _OF_THE_BODY
    }
    if status == 404:
        return unknown_route(request.path)
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return wrong_method(request.path, request.method, allowed)
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
    sentence = " ".join(str(error.description or error.name).split())
    if not sentence.endswith((".", "!", "?")):
        sentence += "."
    if status < 500:
        sentence = f"Expected a request that can be answered. {sentence} Correct it and try again."
    return HttpError(status, code, sentence, headers=headers)


def unknown_route(path: str) -> HttpError:
    """404: this server has nothing at `path`."""
    return HttpError(
        404,
        "unknown_route",
        f"Expected an address of this server, got “{path[:80]}”, which it does not have. "
        "Correct the address.",
    )


def wrong_method(path: str, method: str, allowed: str) -> HttpError:
    """405: there is something at `path`, for the methods `allowed` ("GET, HEAD")."""
    return HttpError(
        405,
        "method_not_allowed",
        f"Expected {allowed or 'another method'} for “{path[:80]}”, got {method[:20]}. "
        "Use a method that this address has.",
        headers={"Allow": allowed} if allowed else None,
    )


def _note(error: Exception, said: ReportedError, request_id: str) -> None:
    """A line of the log with the id of the answer; with the stack where the fault is ours."""
    what = f"Request {request_id} ({request.method} {request.path[:200]})"
    if said is not error:
        _log.error("%s failed", what, exc_info=error)
    elif said.status >= 500:
        _log.warning("%s: %s: %s", what, said.code, said.message)
    else:
        _log.info("%s: %s: %s", what, said.code, said.message)
