"""What invocations cost, in US dollars: the figures in one place.

List prices of us-east-1 as AWS showed them at the end of 2025, without the free tier; other
regions cost up to a third more. Lambda bills per millisecond, start-up included. Requests pass
an HTTP API and start a function, and each of the two has a price per request.
"""

from __future__ import annotations

from dataclasses import dataclass

MB_PER_GB = 1024


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per GB and second of a running function, and per million requests of both services."""

    usd_per_gb_s: float
    usd_per_million_invocations: float = 0.20
    usd_per_million_api_requests: float = 1.00

    @classmethod
    def of(cls, architecture: str) -> Prices:
        """Those of "arm64" or "x86_64". Raises KeyError for anything else."""
        return cls(usd_per_gb_s=_USD_PER_GB_S[architecture])

    def cost_usd(self, billed_ms: float, memory_mb: float, n_requests: int) -> float:
        """The price of `n_requests` that ran `billed_ms` in all, with `memory_mb` each."""
        gb_s = memory_mb / MB_PER_GB * billed_ms / 1e3
        per_million = self.usd_per_million_invocations + self.usd_per_million_api_requests
        return gb_s * self.usd_per_gb_s + n_requests * per_million / 1e6


_USD_PER_GB_S = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
