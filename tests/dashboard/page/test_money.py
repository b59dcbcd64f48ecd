"""Sums and caps as the page says them."""

from __future__ import annotations

import pytest

from dashboard.jobs.spec import SpecError
from dashboard.page.money import chosen_cap, dollars, raised_cap, too_little


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


def test_a_cap_is_a_positive_sum() -> None:
    assert chosen_cap(2) == 2.0
    assert chosen_cap("0.25") == 0.25
    for wrong in (None, "", "much", 0, -1, float("nan"), float("inf"), 1e9):
        with pytest.raises(SpecError) as caught:
            chosen_cap(wrong)
        assert caught.value.message.startswith("Expected a spending cap of more than $0")


def test_raising_doubles_and_always_leaves_room() -> None:
    assert raised_cap(1.0, 0.99) == 2.0
    assert raised_cap(0.5, 0.8) == 1.6  # what was in flight cost more than was thought
    assert raised_cap(None, 0.0) > 0


def test_the_estimate_says_when_the_cap_will_not_do() -> None:
    assert too_little(0.9, 1.0) == ""
    assert too_little(1.1, 1.0) == " · more than the cap of $1.00"
