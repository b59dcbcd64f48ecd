"""How many requests may be in flight: grows while the endpoint keeps up, shrinks when it cannot.

Additive increase, multiplicative decrease (Chiu and Jain, 1989), with a quick start as in TCP: one
more for every answer until the endpoint has said "too many" for the first time, then one more for
every round of answers.
"""

from __future__ import annotations

import math

START = 10
"""Requests in flight at first: a new account allows ten functions at once."""

SHRINK = 0.7
"""What remains of the window after a throttle. With a half, free functions would stand idle."""


class Window:
    """At most `size` requests in flight, between 1 and `upper`. Not thread-safe."""

    def __init__(self, upper: int, start: int = START) -> None:
        self._upper = upper
        self._limit = float(min(start, upper))
        self._shrunk_at = -math.inf
        self._found_limit = False

    @property
    def size(self) -> int:
        """How many requests may be in flight now, at least 1."""
        return int(self._limit)

    def answered(self, n_in_flight: int) -> None:
        """A request was served while `n_in_flight` were on their way, itself included."""
        if n_in_flight < self.size:
            return  # the window was not full, so this answer says nothing about its size
        step = 1.0 / self._limit if self._found_limit else 1.0
        self._limit = min(float(self._upper), self._limit + step)

    def throttled(self, sent_at: float, now: float) -> None:
        """A request sent at `sent_at` was turned away (seconds of one monotonic clock).

        A request that was already on its way when the window last shrank says nothing new, so the
        window shrinks at most once per round trip.
        """
        if sent_at < self._shrunk_at:
            return
        self._found_limit = True
        self._shrunk_at = now
        self._limit = max(1.0, self._limit * SHRINK)
