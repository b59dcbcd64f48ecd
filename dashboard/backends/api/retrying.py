"""When a request is sent again, and when a task or a whole run is given up."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Retrying:
    """Limits on trying again; durations in seconds.

    `max_attempts` counts real errors of one task (or of one part of a resumed fit). An answer
    that the endpoint is busy (429, 503), or no way to the endpoint, does not count. Instead a task
    may be turned away for `task_patience_s`, and a run ends when its endpoint has served nobody
    for `busy_patience_s`, or was out of reach for `unreachable_patience_s`.
    """

    max_attempts: int = 6
    first_backoff_s: float = 0.2
    longest_backoff_s: float = 10.0
    task_patience_s: float = 600.0
    busy_patience_s: float = 120.0
    unreachable_patience_s: float = 45.0

    def delay_s(self, n_failures: int, rng: Random) -> float:
        """How long to wait after the n-th failure in a row: capped exponential, full jitter.

        Full jitter (uniform from zero): https://aws.amazon.com/blogs/architecture/
        exponential-backoff-and-jitter/
        """
        longest_s = self.first_backoff_s * 2.0 ** min(n_failures - 1, 30)
        return rng.uniform(0.0, min(self.longest_backoff_s, longest_s))
