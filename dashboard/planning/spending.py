"""What a job has cost so far, and the cap beyond which nothing more is sent for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests sent (failed ones included), milliseconds billed, and their price."""

    n_requests: int = 0
    billed_ms: int = 0
    usd: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.n_requests + other.n_requests,
            self.billed_ms + other.billed_ms,
            self.usd + other.usd,
        )


class Budget:
    """The money of one job: a backend reserves the price before it sends, and settles with the
    bill.

    `cap_usd` None means no cap; it may be changed while the job runs. `spent` is what earlier runs
    of the job cost. Every method may be called from any thread.
    """

    def __init__(self, cap_usd: float | None = None, spent: Usage | None = None) -> None:
        self._lock = threading.Lock()
        self._cap_usd = cap_usd
        self._usage = spent or Usage()
        self._reserved_usd = 0.0
        self._n_reserved = 0
        self._exhausted = False

    @property
    def usage(self) -> Usage:
        """What was spent, without what is in flight."""
        with self._lock:
            return self._usage

    @property
    def cap_usd(self) -> float | None:
        """US dollars; None for no cap."""
        with self._lock:
            return self._cap_usd

    @property
    def exhausted(self) -> bool:
        """Whether a request was refused while nothing was in flight: no room will come any more."""
        with self._lock:
            return self._exhausted

    def move_cap(self, cap_usd: float | None) -> None:
        """Change the cap. An exhausted budget keeps its cap: its run is ending."""
        with self._lock:
            if not self._exhausted:
                self._cap_usd = cap_usd

    def reserve(self, usd: float) -> bool:
        """Set `usd` aside for a request; False when it must not be sent.

        That is when money spent, requests in flight and this one together would exceed the cap.
        When nothing is in flight then, the budget is exhausted.
        """
        with self._lock:
            if self._exhausted:
                return False
            total_usd = self._usage.usd + self._reserved_usd + usd
            if self._cap_usd is not None and total_usd > self._cap_usd:
                self._exhausted = self._n_reserved == 0
                return False
            self._reserved_usd += usd
            self._n_reserved += 1
            return True

    def settle(self, reserved_usd: float, usage: Usage) -> None:
        """The request for which `reserved_usd` was set aside has ended; `usage` is its bill."""
        with self._lock:
            self._n_reserved -= 1
            self._reserved_usd -= reserved_usd
            self._usage += usage

    def sentence(self) -> str:
        """Why the job stopped, for people."""
        with self._lock:
            cap_usd, usage = self._cap_usd or 0.0, self._usage
        return (
            f"Stopped at the spending cap of ${cap_usd:,.4g}: ${usage.usd:,.4f} spent on"
            f" {usage.n_requests:,} requests. Raise the cap and run the job again; it goes on with"
            " what is missing."
        )


NOTHING_SPENT = Usage()

RAISE_FACTOR = 2.0
"""The factor by which the cap of a job that has reached it is raised at a time."""


def raised_cap(cap_usd: float | None, spent_usd: float) -> float:
    """Twice the cap, and in any case more than was spent; raisedCap() in cards.js says the same."""
    return round(RAISE_FACTOR * max(cap_usd or 0.0, spent_usd, 0.0001), 4)
