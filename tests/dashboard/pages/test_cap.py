"""Sums and caps as the page says them."""

from __future__ import annotations

import pytest

from dashboard.pages.analyse.sidebar.cap import chosen_cap
from dashboard.planning.spec import SpecError
from dashboard.planning.spending import raised_cap


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
