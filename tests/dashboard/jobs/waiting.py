"""Where tests of other floors still look for it."""

from __future__ import annotations

from tests.waiting import until

__all__ = ["until"]
