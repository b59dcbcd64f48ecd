"""How the fit function is: its GET /health, asked now and then and never waited for twice."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import httpx

from compute_lambda.contract.errors import ContractError
from compute_lambda.contract.fields import Fields, shown
from compute_lambda.contract.version import CONTRACT_VERSION, WIRE_VERSION
from dashboard.aws.problems import AwsProblem
from dashboard.aws.signing import RenewingCredentials, Signer

PERIOD_S = 30.0
"""An answer counts for so long. Each one is a billed request of a few milliseconds."""

TIMEOUT_S = 10.0
"""A cold start takes well under one second; beyond this nobody is there."""

MAX_MESSAGE_CHARACTERS = 2_000
"""The function's own messages are a few sentences; a longer one is not its."""

HERE = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
"""A proxy of the environment is for the world outside, never for this machine."""

_log = logging.getLogger(__name__)

RELEASE = {"contract_version": CONTRACT_VERSION, "wire_version": WIRE_VERSION}
"""What a function of this release says of itself."""


@dataclass(frozen=True, slots=True)
class Health:
    """One answer of the fit function, or the problem that came instead.

    `checked_at` is Unix time in seconds, `answer_ms` how long the answer took, network included.
    """

    checked_at: float
    answer_ms: float = 0.0
    cold: bool = False
    startup_ms: float = 0.0
    memory_mb: int = 0
    kernel: str = ""
    problem: AwsProblem | None = None


class SignedRequests(httpx.Auth):
    """Signs each request with the credentials of that moment; raises what botocore raises."""

    requires_request_body = True

    def __init__(self, credentials: RenewingCredentials, region: str) -> None:
        self._credentials, self._region = credentials, region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Called by httpx: the request with the headers of Signature Version 4."""
        signer = Signer(self._credentials, self._region)
        signed = signer.headers(
            self._credentials.get_frozen_credentials(),
            request.method,
            str(request.url),
            request.content,
            {"host": request.url.netloc.decode("ascii")},
        )
        request.headers.update(signed)
        yield request


class EndpointHealth:
    """Asks the endpoint over signed HTTP; `auth` signs. Raises AwsProblem."""

    def __init__(
        self,
        endpoint: str,
        auth: httpx.Auth,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint, self._auth, self._transport, self._clock = endpoint, auth, transport, clock

    def __call__(self) -> Health:
        doing = f"asking {self._endpoint} for its health"
        began = time.perf_counter()
        try:
            with httpx.Client(
                auth=self._auth,
                transport=self._transport,
                mounts=None if self._transport else HERE,
                timeout=TIMEOUT_S,
            ) as client:
                response = client.get(f"{self._endpoint}/health")
                if (reported := _reported(response, doing)) is not None:
                    raise reported
                response.raise_for_status()
        except Exception as error:  # botocore's too: the credentials are read while signing
            raise AwsProblem.of(error, doing) from error
        answer_ms = (time.perf_counter() - began) * 1e3
        return _health(response, self._clock(), answer_ms, doing)


class HealthMonitor:
    """The last known health. A fresh one is fetched in the background, when somebody asks for it
    and the last one is older than `period_s`; so nobody waits, and nobody asks when nobody looks.
    """

    def __init__(
        self,
        ask: Callable[[], Health],
        *,
        period_s: float = PERIOD_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ask, self._period_s, self._clock = ask, period_s, clock
        self._changed = threading.Condition()
        self._health: Health | None = None
        self._asking = False

    def latest(self, wait_s: float = 0.0) -> Health | None:
        """What is known. None before the first answer, for which `wait_s` is waited at most."""
        with self._changed:
            known = self._health
            old = known is None or self._clock() - known.checked_at >= self._period_s
            if old and not self._asking:
                self._asking = True
                threading.Thread(target=self._refresh, name="health", daemon=True).start()
            if self._health is None and wait_s > 0:
                self._changed.wait_for(lambda: self._health is not None, wait_s)
            return self._health

    def _refresh(self) -> None:
        try:
            health = self._ask()
        except AwsProblem as problem:
            health = Health(self._clock(), problem=problem)
        except Exception as error:
            _log.exception("The health of the endpoint could not be asked for")
            unforeseen = AwsProblem.of(error, "asking the endpoint for its health")
            health = Health(self._clock(), problem=unforeseen)
        with self._changed:
            self._health, self._asking = health, False
            self._changed.notify_all()


def _reported(response: httpx.Response, doing: str) -> AwsProblem | None:
    """What the function says is wrong with it; None when it did not speak.

    That it speaks is known by the one error shape: the gateway's own errors have another.
    """
    if response.status_code < 400:
        return None
    try:
        whole = Fields(_json(response), ("error",))
        said = Fields(whole.value("error"), ("code", "message", "details", "request_id"))
        code, message = said.text("code"), said.text("message", MAX_MESSAGE_CHARACTERS)
    except ContractError:
        return None
    details = {"came": response.status_code, "where": response.request.url.host}
    return AwsProblem(code, f"While {doing}: {message}", details)


def _json(response: httpx.Response) -> object:
    """The body; None when it is no JSON."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _health(response: httpx.Response, checked_at: float, answer_ms: float, doing: str) -> Health:
    """What a 200 says. Raises AwsProblem `other_release`, or `wrong_endpoint` when the answer is
    none that the fit function gives.
    """
    answer = _json(response)
    if not isinstance(answer, dict) or answer.get("status") != "ok":
        raise _foreign(response, doing)
    for name, expected in RELEASE.items():
        came = answer.get(name)
        if came != expected:
            raise AwsProblem(
                "other_release",
                f"While {doing}: expected {name.replace('_', ' ')} {expected}, got {shown(came)}. "
                "The stack runs another release than this machine: deploy it again with `make "
                "deploy`.",
                {"expected": expected, "came": came},
            )
    fields = Fields(answer, answer)
    try:
        return Health(
            checked_at=checked_at,
            answer_ms=answer_ms,
            cold=fields.boolean("cold"),
            startup_ms=fields.number("startup_ms", 0.0),
            memory_mb=fields.integer("memory_mb", 0, 2**31),
            kernel=fields.text("kernel"),
        )
    except ContractError as error:
        raise _foreign(response, doing) from error


def _foreign(response: httpx.Response, doing: str) -> AwsProblem:
    came = response.headers.get("content-type", "no content type")
    return AwsProblem(
        "wrong_endpoint",
        f"While {doing}: expected the answer of Centaurus' fit function, got something else "
        f"({came}). Check --endpoint, or the stack's output Endpoint.",
        {"came": came},
    )
