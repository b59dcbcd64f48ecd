"""Sums of money as people read them."""

from __future__ import annotations


def dollars(usd: float) -> str:
    """``$0.00`` for nothing, two decimals from a cent, four below; money() in cards.js does too."""
    if usd == 0:
        return "$0.00"
    if usd < 0.00005:
        return "under $0.0001"
    return f"${usd:,.2f}" if usd >= 0.01 else f"${usd:.4f}"
