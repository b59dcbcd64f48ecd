"""API Gateway's HTTP API, payload format 2.0: events in, answers and errors out.

Format: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compute_lambda.contract.errors import HttpError, error_body, shown

MAX_BODY_BYTES = 4 * 2**20
"""Lambda takes 6 MB per event and a binary body travels as base64, a third longer."""

MAX_ANSWER_BYTES = 5_500_000
"""Lambda returns at most 6 MB, and the body is escaped once more inside the answer's JSON."""

JSON_HEADERS = {"content-type": "application/json", "cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case, the path has no stage in front."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str
    is_base64: bool

    def json(self) -> Any:
        """The body as JSON. Raises HttpError 413, 415 or 400."""
        content_type = self.headers.get("content-type", "")
        media_type, _, parameters = content_type.partition(";")
        charset = parameters.strip().lower().replace('"', "")
        if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
            raise HttpError(
                415,
                "unsupported_media_type",
                f"Expected content-type application/json in UTF-8, got {content_type!r:.100}."
                " Send the task as JSON and say so in the header.",
            )
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise HttpError(
                415,
                "unsupported_media_type",
                "Expected a body without content-encoding. Send it uncompressed.",
            )
        try:
            return json.loads(
                self._text(),
                parse_constant=_refuse_constant,
                object_pairs_hook=_without_repetition,
            )
        except RecursionError:
            raise _malformed("JSON nested too deeply") from None
        except ValueError as error:
            raise _malformed(str(error)[:200]) from error

    def _text(self) -> str:
        # Four base64 characters hold three bytes: too long is known before decoding.
        n_bytes = len(self.body) * 3 // 4 - 2 if self.is_base64 else len(self.body)
        if n_bytes <= MAX_BODY_BYTES:
            body = self.body.encode("utf-8", "surrogatepass")
            if self.is_base64:
                try:
                    body = base64.b64decode(body, validate=True)
                except binascii.Error as error:
                    raise _malformed(f"base64 that does not decode: {error}") from error
            n_bytes = len(body)
        if n_bytes > MAX_BODY_BYTES:
            raise HttpError(
                413,
                "body_too_large",
                f"Expected a body of at most {MAX_BODY_BYTES:,} bytes, got {n_bytes:,}. Send fewer"
                " K values or experiments per task.",
                {"limit_bytes": MAX_BODY_BYTES},
            )
        return body.decode("utf-8")


def parse(event: object) -> Request:
    """The request in a payload format 2.0 event. Raises HttpError 400 on anything else."""
    try:
        fields: Mapping[str, Any] = dict(event)  # type: ignore[call-overload]
        context = fields["requestContext"]
        method, path = context["http"]["method"], fields["rawPath"]
        stage = context.get("stage", "$default")
        headers = {str(k).lower(): str(v) for k, v in (fields.get("headers") or {}).items()}
        body = fields.get("body") or ""
        if not all(isinstance(text, str) for text in (method, path, body)):
            raise TypeError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise HttpError(
            400,
            "malformed_event",
            "Expected an API Gateway event in payload format 2.0, got something else. Invoke this"
            " function through its HTTP API.",
        ) from None
    # A stage with a name is the first part of rawPath; the routes do not know it.
    if stage != "$default" and (path + "/").startswith(f"/{stage}/"):
        path = path[len(stage) + 1 :]
    is_base64 = bool(fields.get("isBase64Encoded", False))
    return Request(method.upper(), path.rstrip("/") or "/", headers, body, is_base64)


def gateway_request_id(event: object) -> str:
    """The gateway's id of the request, "" when the event has none."""
    if isinstance(event, Mapping) and isinstance(event.get("requestContext"), Mapping):
        return str(event["requestContext"].get("requestId", ""))
    return ""


def answer(content: Mapping[str, Any]) -> dict[str, Any]:
    """A 200 with JSON. Raises HttpError 422 when it is more than Lambda can return."""
    body = json.dumps(content, separators=(",", ":"), allow_nan=False)
    n_bytes = len(body) + body.count('"')  # every quote is escaped on the way out
    if n_bytes > MAX_ANSWER_BYTES:
        raise HttpError(
            422,
            "answer_too_large",
            f"Expected the models of one task to fit in {MAX_ANSWER_BYTES:,} bytes, got"
            f" {n_bytes:,}. Send fewer experiments per task, fewer columns or a smaller K.",
            {"limit_bytes": MAX_ANSWER_BYTES},
        )
    return {
        "statusCode": 200,
        "headers": dict(JSON_HEADERS),
        "body": body,
        "isBase64Encoded": False,
    }


def error_answer(error: BaseException, request_id: str) -> dict[str, Any]:
    """The answer to a failed request, {"error": {...}}; 500 for errors that nobody foresaw."""
    error = shown(error, request_id)
    return {
        "statusCode": error.status,
        "headers": {**JSON_HEADERS, **error.headers},
        "body": json.dumps(error_body(error, request_id)),
        "isBase64Encoded": False,
    }


def _malformed(found: str) -> HttpError:
    return HttpError(
        400,
        "malformed_body",
        f"Expected a body of valid JSON, got: {found}. Correct the JSON.",
    )


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ: of repeated ones, who knows which was meant."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"an object that names {name[:80]!r} twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name}, which JSON does not have")
