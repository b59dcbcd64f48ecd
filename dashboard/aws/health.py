"""How the fit function is: its GET /health, asked now and then and never waited for twice."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from compute_lambda.contract_version import CONTRACT_VERSION
from dashboard.aws.problems import AwsProblem
from dashboard.backends.api.signing import Signer

PERIOD_S = 30.0
"""An answer counts for so long. Each one is a billed request of a few milliseconds."""

TIMEOUT_S = 10.0
"""A cold start takes well under one second; beyond this nobody is there."""

HERE = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
"""A proxy of the environment is for the world outside, never for this machine."""

_log = logging.getLogger(__name__)


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

    def __init__(self, credentials: Any, region: str) -> None:
        self._credentials, self._region = credentials, region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
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
                response.raise_for_status()
        except Exception as error:  # botocore's too: the credentials are read while signing
            raise AwsProblem.of(error, doing) from error
        answer_ms = (time.perf_counter() - began) * 1e3
        return _health(_answer(response, doing), self._clock(), answer_ms, doing)


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


def _answer(response: httpx.Response, doing: str) -> Mapping[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.get("status") != "ok":
        came = response.headers.get("content-type", "no content type")
        raise AwsProblem(
            "wrong_endpoint",
            f"While {doing}: expected the answer of Centaurus' fit function, got something else "
            f"({came}). Check --endpoint, or the stack's output Endpoint.",
            {"came": came},
        )
    return answer


def _health(answer: Mapping[str, Any], checked_at: float, answer_ms: float, doing: str) -> Health:
    version = answer.get("contract_version")
    if version != CONTRACT_VERSION:
        raise AwsProblem(
            "other_release",
            f"While {doing}: expected contract version {CONTRACT_VERSION}, got {version}. The "
            "stack runs another release than this machine: deploy it again with `make deploy`.",
            {"expected": CONTRACT_VERSION, "came": version},
        )
    return Health(
        checked_at=checked_at,
        answer_ms=answer_ms,
        cold=bool(answer.get("cold")),
        startup_ms=float(answer.get("startup_ms") or 0.0),
        memory_mb=int(answer.get("memory_mb") or 0),
        kernel=str(answer.get("kernel", "")),
    )
