"""What an answer of the endpoint means: a result, or a problem and what to do about it."""

from __future__ import annotations

import dataclasses
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from compute_lambda import ContractError, Result, Task
from compute_lambda.contract.errors import ReportedError, error_record
from compute_lambda.tasks.registry import kind_of, read_result
from dashboard.aws.problems import AwsProblem
from dashboard.backends.api.connection import Answer

SHOWN_CHARACTERS = 200
"""How much is shown to people of an answer that does not follow the contract."""

Remedy = Literal["later", "reach", "again", "never", "stop", "upload"]
"""What to do about a problem.

- "later": the endpoint is busy; send the task again when it may be free.
- "reach": the endpoint cannot be reached; keep trying for a while.
- "again": something broke on the way; send the task again, a few times.
- "never": the task itself is wrong; it fails.
- "stop": every further task would be refused as well; the run ends.
- "upload": the dataset is missing or damaged; upload it, then send the task again.
"""

_BUSY = frozenset({429, 503})
_WORTH_A_RETRY = frozenset({408, 425, 500, 502, 504})
_NO_SUCH_FUNCTION = frozenset(
    {
        "unknown_route",
        "method_not_allowed",
        "not_configured",
        "contract_version",
        "incomplete",
        "unknown_kind",
    }
)
"""What every further task would be told as well: it is another function, or not a whole one."""

_NO_WAY_IN = frozenset({401, 403, 404, 405})
"""Answers of the gateway itself that every further request would get as well."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer of `url` as it came, `waited_ms` after the request was sent."""

    answer: Answer
    url: httpx.URL
    waited_ms: float

    @property
    def body(self) -> bytes:
        return self.answer.body


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no result. `error` is {"code", "message", "details", "request_id"}.

    `congested` tells that fewer requests at once may help. `busy_ms` is how long the function may
    have been running, and is billed, without having reported it.
    """

    remedy: Remedy
    error: dict[str, Any]
    congested: bool = False
    busy_ms: float = 0.0


def read(reply: Reply, task: Task, task_id: str) -> Result | Problem:
    """The result in the answer to `task` (maybe unfinished, with `resume`), or what is wrong.

    `task_id` is that of `task`, which takes a while to compute.
    """
    status = reply.answer.status
    if status == 200:
        return _ran(_result(reply, task, task_id), reply)
    ours = _our_error(reply)
    if ours is not None:
        return _ran(_reported(status, ours), reply)
    if status in _NO_WAY_IN:
        return Problem("stop", _no_way_in(reply))
    came = {"status": status, "came": excerpt(reply.body)}
    message = f"Expected a result from {_host(reply)}, got HTTP {status}{_quoted(reply.body)}."
    error = _error("service_error", message, came, reply)
    if status in _BUSY:
        return Problem("later", {**error, "code": "throttled"}, congested=True)
    if status in _WORTH_A_RETRY:
        # An HTTP API says 500 when the function has crashed, whenever that was, and may say it when
        # Lambda has too few functions free.
        return _ran(Problem("again", error, congested=status == 500), reply)
    if 400 <= status < 500:
        return Problem("never", {**error, "code": "refused"})
    return Problem("again", {**error, "code": "malformed_answer"})


def lost(error: Exception, host: str, waited_ms: float) -> Problem:
    """The problem behind an exception of the connection: no answer at all."""
    if isinstance(error, httpx.LocalProtocolError):
        message = (
            f"Expected credentials that fit into a request to {host}, got some with characters that"
            " no header may hold. Look for blanks and line ends in them."
        )
        return Problem("stop", _plain("no_credentials", message, {"came": str(error)[:200]}))
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        message = (
            f"Expected a certificate of {host} that this machine trusts, got another one"
            f" ({error.__cause__.verify_message}). Check the address, the clock of this machine and"
            " what stands in between."
        )
        return Problem("stop", _plain("untrusted_certificate", message))
    out_of_reach = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    if isinstance(error, (TimeoutError, httpx.TimeoutException)) and not isinstance(
        error, out_of_reach
    ):
        message = (
            f"Expected an answer from {host}, got none within {waited_ms / 1e3:,.1f} s. Rerun the"
            " task; if that happens again, give the function more memory."
        )
        return Problem("again", _plain("timed_out", message), busy_ms=waited_ms)
    if isinstance(error, out_of_reach):
        problem = AwsProblem.of(error, f"sending a task to {host}")
        return Problem("reach", error_record(problem, ""), congested=True)
    if not isinstance(error, httpx.RequestError):  # no credentials
        problem = AwsProblem.of(error, f"sending a task to {host}")
        return Problem("stop", error_record(problem, ""))
    kind = type(error).__name__
    message = (
        f"Expected an answer from {host}, got a connection that broke off ({kind}). Rerun the task."
    )
    return Problem("again", _plain("connection_lost", message, {"came": kind}), busy_ms=waited_ms)


def excerpt(body: bytes) -> str:
    """The beginning of an answer, safe to show: one line, printable, at most 200 characters."""
    text = body[: 4 * SHOWN_CHARACTERS].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:SHOWN_CHARACTERS] + ("…" if len(line) > SHOWN_CHARACTERS else "")


def _no_number(name: str) -> None:
    """NaN and infinity, which Python's reader takes for JSON."""
    raise ValueError(name)


def _result(reply: Reply, task: Task, task_id: str) -> Result | Problem:
    try:
        raw = json.loads(reply.body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return _malformed("no valid JSON", reply)
    try:
        result = read_result(raw)
    except ContractError as error:
        if error.code == "contract_version":
            return Problem("stop", error_record(error, _request_id(reply)))
        return _malformed(f"JSON of another shape ({error.details.get('field') or '?'})", reply)
    if result.task_id != task_id:
        return _malformed(f"the answer to another task, {result.task_id[:16]}", reply)
    if result.kind != task.kind:
        return _malformed(f"the answer to a task of another kind, {result.kind}", reply)
    wrong = kind_of(task.kind).mismatch(task, result)
    return _malformed(wrong, reply) if wrong else result


def n_missing(task: Task, result: Result) -> int:
    """How much of the task a result that says it is complete does not have."""
    return kind_of(task.kind).n_missing(task, result)


def incomplete(n_missing: int) -> Problem:
    """A result that says it is finished and is not."""
    message = f"Expected a finished task, got one without {n_missing:,} of its parts. Rerun it."
    return Problem("again", _plain("malformed_answer", message, {"missing": n_missing}))


def no_progress() -> Problem:
    """An unfinished result that goes on from where the one before it already was."""
    message = (
        "Expected the function to go on with an unfinished task, got the state that it was given:"
        " one step of it takes longer than its time limit. Give it more memory, or fewer rows."
    )
    return Problem("again", _plain("no_progress", message))


def _ran(found: Result | Problem, reply: Reply) -> Result | Problem:
    """Of an invocation that does not say how long it ran: as long as was waited, at most."""
    if isinstance(found, Result):
        return found
    return dataclasses.replace(found, busy_ms=reply.waited_ms)


def _reported(status: int, error: dict[str, Any]) -> Problem:
    """A problem that the function itself has reported, in the one error shape."""
    code = error["code"]
    if code in ("dataset_not_found", "dataset_damaged"):
        return Problem("upload", error)
    if status in _BUSY:
        return Problem("later", error, congested=True)
    if status >= 500 and code in ("internal", "timed_out"):
        return Problem("again", error)
    if code in _NO_SUCH_FUNCTION:
        return Problem("stop", error)
    return Problem("never", error)


def _our_error(reply: Reply) -> dict[str, Any] | None:
    """The content of the one error shape; None when the answer has another one."""
    try:
        error = json.loads(reply.body)["error"]
        code, message = error["code"], error["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (isinstance(code, str) and isinstance(message, str)):
        return None
    details = error.get("details")
    request_id = error.get("request_id") or _request_id(reply)
    said = ReportedError(
        code[:100], message[:2_000], details if isinstance(details, dict) else None
    )
    return error_record(said, str(request_id)[:200])


def _malformed(what: str, reply: Reply) -> Problem:
    message = (
        f"Expected a result from {_host(reply)}, got {what}{_quoted(reply.body)}. Rerun the task;"
        " if that happens again, check what stands between this machine and the endpoint."
    )
    came = {"came": excerpt(reply.body), "n_bytes": len(reply.body)}
    return Problem("again", _error("malformed_answer", message, came, reply))


def _no_way_in(reply: Reply) -> dict[str, Any]:
    doing, status = f"sending a task to {_host(reply)}", reply.answer.status
    # AWS puts the name of the error into a header.
    said = reply.answer.headers.get("x-amzn-errortype", "").encode() + b" " + reply.body
    request = httpx.Request("POST", reply.url)
    response = httpx.Response(status, content=said, request=request)
    refused = httpx.HTTPStatusError(f"HTTP {status}", request=request, response=response)
    problem = AwsProblem.of(refused, doing)
    details = {**problem.details, "came": excerpt(reply.body)}
    return _error(problem.code, problem.message, details, reply)


def _quoted(body: bytes) -> str:
    shown = excerpt(body)
    return f": {shown}" if shown else " and nothing else"


def _host(reply: Reply) -> str:
    return reply.url.host


def _request_id(reply: Reply) -> str:
    headers = reply.answer.headers
    return str(headers.get("apigw-requestid") or headers.get("x-amzn-requestid") or "")


def _error(code: str, message: str, details: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    return error_record(ReportedError(code, message, details), _request_id(reply))


def _plain(code: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return error_record(ReportedError(code, message, details), "")
