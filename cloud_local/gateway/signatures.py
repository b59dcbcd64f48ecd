"""The IAM authoriser: recompute the AWS Signature Version 4 of a request and compare.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from cloud_local.function.configuration import Caller

SERVICE = "execute-api"
MAX_CLOCK_SKEW_S = 300

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,]+)"
    r"/(?P<service>[^/,]+)/aws4_request, *SignedHeaders=(?P<signed>[a-z0-9;_.-]+),"
    r" *Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers. Header names are lower case; `target` is the raw path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class _Signer(SigV4Auth):
    """botocore's signer for one caller, over the headers of a request that were signed.

    The day's signing key is kept: deriving it takes four of the five hashes of a signature.
    """

    def __init__(self, caller: Caller, region: str) -> None:
        credentials = Credentials(caller.access_key, caller.secret_key, caller.session_token)
        super().__init__(credentials, SERVICE, region)
        self._day_and_key = ("", b"")

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        return request.headers

    def payload(self, request: AWSRequest) -> str:
        # The base class prepares a whole request to get at its body.
        return hashlib.sha256(request.data).hexdigest()

    def signature(self, string_to_sign: str, request: AWSRequest) -> str:
        day = request.context["timestamp"][:8]
        if self._day_and_key[0] != day:
            key = f"AWS4{self.credentials.secret_key}".encode()
            for part in (day, self._region_name, SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day_and_key = (day, key)
        return hmac.digest(self._day_and_key[1], string_to_sign.encode(), "sha256").hex()

    def signature_of(self, request: AWSRequest, timestamp: str) -> str:
        request.context["timestamp"] = timestamp
        canonical = self.canonical_request(request)
        return self.signature(self.string_to_sign(request, canonical), request)


class Authoriser:
    """Knows the callers of one region. `clock` gives Unix seconds."""

    def __init__(
        self, callers: Sequence[Caller], region: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._callers = {caller.access_key: caller for caller in callers}
        self._signers = {caller.access_key: _Signer(caller, region) for caller in callers}
        self._region = region
        self._clock = clock

    def caller_of(self, request: SignedRequest) -> Caller | None:
        """Who signed the request; None when nobody known did, not correctly, or too long ago."""
        claim = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        caller = self._callers.get(claim["key"]) if claim else None
        if claim is None or caller is None:
            return None
        timestamp = request.headers.get("x-amz-date", "")
        signed = claim["signed"].split(";")
        acceptable = (
            (claim["region"], claim["service"]) == (self._region, SERVICE)
            and claim["date"] == timestamp[:8]
            and self._is_fresh(timestamp)
            and request.headers.get("x-amz-security-token") == caller.session_token
            and _covers_enough(signed, request.headers)
            and _hash_is_true(request)
        )
        if not acceptable:
            return None
        url = f"http://{request.headers['host']}{request.target}"
        headers = {name: request.headers[name] for name in signed}
        given = AWSRequest(request.method, url, headers, request.body)
        expected = self._signers[caller.access_key].signature_of(given, timestamp)
        return caller if hmac.compare_digest(expected, claim["signature"]) else None

    def _is_fresh(self, timestamp: str) -> bool:
        signed_at = _unix_s(timestamp)
        return signed_at is not None and abs(self._clock() - signed_at) <= MAX_CLOCK_SKEW_S


@lru_cache(maxsize=16)  # hundreds of requests are signed in the same second
def _unix_s(timestamp: str) -> int | None:
    try:
        return timegm(time.strptime(timestamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def _covers_enough(signed: Sequence[str], headers: Mapping[str, str]) -> bool:
    """The host and every x-amz-* header must be signed, and what is signed must be there."""
    required = {"host", *(name for name in headers if name.startswith("x-amz-"))}
    # The load balancer in front of the real one adds this header after the signing.
    required.discard("x-amzn-trace-id")
    return required <= set(signed) <= set(headers) and list(signed) == sorted(set(signed))


def _hash_is_true(request: SignedRequest) -> bool:
    """A hash that the sender gives along must be the body's."""
    given = request.headers.get("x-amz-content-sha256")
    return given is None or given == hashlib.sha256(request.body).hexdigest()
