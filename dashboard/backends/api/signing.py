"""AWS Signature Version 4 for the endpoint's requests, with the credentials of this very moment."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import CredentialRetrievalError, NoCredentialsError

SERVICE = "execute-api"

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
    credentials. They are asked for every request, so a renewed key is used from then on.
    """

    def __init__(self, credentials: Any | Callable[[], FrozenCredentials], region: str) -> None:
        self._credentials = credentials
        self._region = region
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
        """`headers` and those that carry the signature over method, address, headers and body."""
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        _Sigv4(key, self._region, self._keys).add_auth(request)
        return dict(request.headers.items())

    def _freeze(self) -> FrozenCredentials:
        if callable(self._credentials):
            return self._credentials()
        if self._credentials is None:
            raise NoCredentialsError
        frozen: FrozenCredentials = self._credentials.get_frozen_credentials()
        return frozen


class _Sigv4(SigV4Auth):
    """botocore's signature with the day's signing key remembered: one HMAC a request, not five."""

    def __init__(
        self, key: FrozenCredentials, region: str, keys: dict[tuple[str, str], bytes]
    ) -> None:
        super().__init__(key, SERVICE, region)
        self._keys = keys

    def signature(self, string_to_sign: str, request: Any) -> str:
        day = request.context["timestamp"][:8]
        known = self._keys.get((self.credentials.secret_key, day))
        if known is None:
            known = f"AWS4{self.credentials.secret_key}".encode()
            for part in (day, self._region_name, SERVICE, "aws4_request"):
                known = hmac.digest(known, part.encode(), hashlib.sha256)
            self._keys.clear()  # yesterday's, or that of credentials since replaced
            self._keys[self.credentials.secret_key, day] = known
        return hmac.new(known, string_to_sign.encode(), hashlib.sha256).hexdigest()
