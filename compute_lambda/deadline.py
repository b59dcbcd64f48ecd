"""Stopping in time: an unfinished answer is worth more than a timeout."""

from __future__ import annotations

from collections.abc import Callable


class Deadline:
    """Says when to stop so that an answer still gets out.

    `remaining_ms` returns the milliseconds left. Asked between iterations, `passed` is true once
    less is left than `margin_ms` or than twice the longest time between two questions, because the
    next iteration may take as long as the longest so far.
    """

    def __init__(self, remaining_ms: Callable[[], float], margin_ms: float) -> None:
        self._remaining_ms = remaining_ms
        self._margin_ms = margin_ms
        self._last_ms = remaining_ms()
        self._longest_ms = 0.0

    def passed(self) -> bool:
        """Whether to stop now. Ask once per iteration: the time between two questions is learned
        from.
        """
        remaining_ms = self._remaining_ms()
        self._longest_ms = max(self._longest_ms, self._last_ms - remaining_ms)
        self._last_ms = remaining_ms
        return remaining_ms <= max(self._margin_ms, 2 * self._longest_ms)
