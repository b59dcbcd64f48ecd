"""Prices by hand: one hour of one GB, a million requests, and both together."""

from __future__ import annotations

import pytest

from dashboard.planning.prices import Prices

HOUR_MS = 3_600_000


@pytest.mark.parametrize(("architecture", "usd"), [("arm64", 0.04800024), ("x86_64", 0.06000012)])
def test_an_hour_of_one_gigabyte(architecture: str, usd: float) -> None:
    assert Prices.of(architecture).cost_usd(HOUR_MS, 1024, 0) == pytest.approx(usd, rel=1e-12)


def test_memory_scales_the_time_and_not_the_requests() -> None:
    prices = Prices.of("arm64")
    assert prices.cost_usd(HOUR_MS, 512, 0) == pytest.approx(0.02400012, rel=1e-12)
    assert prices.cost_usd(0, 512, 1_000_000) == pytest.approx(1.20, rel=1e-12)
    assert prices.cost_usd(HOUR_MS, 512, 1_000_000) == pytest.approx(1.22400012, rel=1e-12)


def test_an_unknown_architecture_has_no_price() -> None:
    with pytest.raises(KeyError):
        Prices.of("sparc")
