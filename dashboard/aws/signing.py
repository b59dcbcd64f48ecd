"""AWS Signature Version 4 for the endpoint's requests, with the credentials of this very moment."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import CredentialRetrievalError, NoCredentialsError

SERVICE = "execute-api"
ALGORITHM = "AWS4-HMAC-SHA256"

RENEWAL_S = 60.0
"""How long renewing credentials may take; a program that asks a person for a code may never end."""


class FrozenCredentials(Protocol):
    """One key that does not change any more."""

    access_key: str
    secret_key: str
    token: str | None


class Signer:
    """Signs requests to API Gateway. Not thread-safe.

    `credentials` is botocore's object, which renews itself, or a function that returns frozen
    credentials. They are asked for every request, so a renewed key is used from then on. `clock`
    gives Unix seconds. botocore's own SigV4Auth signs the same, through a prepared request that
    takes five times as long to make.
    """

    def __init__(
        self,
        credentials: Any | Callable[[], FrozenCredentials],
        region: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._clock = clock
        self._keys: dict[tuple[str, str], bytes] = {}

    async def current(self) -> FrozenCredentials:
        """The key to use now. Raises what botocore raises when there is none or none new."""
        needs_refresh = getattr(self._credentials, "refresh_needed", None)
        if needs_refresh is not None and needs_refresh():
            # Renewing asks a server of AWS, or runs a program: not in the event loop.
            try:
                async with asyncio.timeout(RENEWAL_S):
                    return await asyncio.to_thread(self._freeze)
            except TimeoutError:
                late = f"they were not renewed within {RENEWAL_S:g} s"
                raise CredentialRetrievalError(provider="aws", error_msg=late) from None
        return self._freeze()

    def headers(
        self, key: FrozenCredentials, method: str, url: str, body: bytes, headers: dict[str, str]
    ) -> dict[str, str]:
        """`headers`, and those that carry the signature over all of them, the address and `body`.

        Names are in lower case and `host` is among them.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
        """
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        signed = {**headers, "x-amz-date": now}
        if key.token:
            signed["x-amz-security-token"] = key.token
        names = sorted(signed)
        values = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in names)
        covered = ";".join(names)
        content = hashlib.sha256(body).hexdigest()
        canonical = f"{_target(method, url)}{values}\n{covered}\n{content}"
        scope = f"{now[:8]}/{self._region}/{SERVICE}/aws4_request"
        to_sign = f"{ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(key, scope), to_sign.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{ALGORITHM} Credential={key.access_key}/{scope}, SignedHeaders={covered},"
            f" Signature={signature}"
        )
        return signed

    def _signing_key(self, key: FrozenCredentials, scope: str) -> bytes:
        """The day's key, remembered: one HMAC a request instead of five."""
        known = self._keys.get((key.secret_key, scope))
        if known is None:
            known = f"AWS4{key.secret_key}".encode()
            for part in scope.split("/"):
                known = hmac.digest(known, part.encode(), "sha256")
            self._keys.clear()  # yesterday's, or that of credentials since replaced
            self._keys[key.secret_key, scope] = known
        return known

    def _freeze(self) -> FrozenCredentials:
        if callable(self._credentials):
            return self._credentials()
        if self._credentials is None:
            raise NoCredentialsError
        frozen: FrozenCredentials = self._credentials.get_frozen_credentials()
        return frozen


@lru_cache(maxsize=16)
def _target(method: str, url: str) -> str:
    """The canonical request down to its headers: method, path and query, a line each.

    botocore knows how they are escaped and ordered; the same for every request to a route.
    """
    anyone = Credentials("", "")
    request = AWSRequest(method, url, headers={"host": "", "x-amz-content-sha256": ""})
    request.context["timestamp"] = ""
    canonical: str = SigV4Auth(anyone, SERVICE, "").canonical_request(request)
    return "".join(canonical.splitlines(keepends=True)[:3])
