"""Sums and durations as people read them."""

from __future__ import annotations

import pytest

from dashboard.planning.amounts import about, dollars


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0.0, "$0.00"),
        (0.00001, "under $0.0001"),
        (0.00056, "$0.0006"),
        (0.00994, "$0.0099"),
        (0.01, "$0.01"),
        (9.375, "$9.38"),
        (12_345.6, "$12,345.60"),
    ],
)
def test_sums_keep_the_digits_that_matter(usd: float, text: str) -> None:
    assert dollars(usd) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "under 1 s"),
        (0.94, "under 1 s"),
        (0.96, "about 1 s"),
        (89.4, "about 89 s"),
        (90.0, "about 2 min"),
        (5_399.0, "about 90 min"),
        (9_000.0, "about 2.5 h"),
    ],
)
def test_durations_are_said_coarsely(seconds: float, text: str) -> None:
    assert about(seconds) == text
