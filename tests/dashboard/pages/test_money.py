"""Sums and caps as the page says them."""

from __future__ import annotations

import pytest

from dashboard.pages.analyse.money import chosen_cap, estimated_usd, too_little
from dashboard.pages.parts.amounts import dollars
from dashboard.planning.spec import SpecError
from dashboard.planning.spending import raised_cap
from tests.dashboard.jobs.doubles import ScriptedBackend


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


def test_the_estimate_has_a_cold_start_for_every_function() -> None:
    class Priced(ScriptedBackend):
        concurrency = 50

        def cost_usd(self, busy_s: float, n_requests: int) -> float:
            return busy_s + 1_000 * n_requests

    assert estimated_usd(Priced(), 10.0, 200) == pytest.approx(200_000 + 10.0 + 50 * 0.3)
    assert estimated_usd(Priced(), 10.0, 2) == pytest.approx(2_000 + 10.0 + 2 * 0.3)


def test_the_estimate_says_when_the_cap_will_not_do() -> None:
    assert too_little(0.9, 1.0) == ""
    assert too_little(1.1, 1.0) == " · more than the cap of $1.00"
