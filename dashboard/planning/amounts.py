"""Sums of money and durations as people read them."""

from __future__ import annotations


def dollars(usd: float) -> str:
    """`$0.00` for nothing, two decimals from a cent, four below; money() in cards.js does too."""
    if usd == 0:
        return "$0.00"
    if usd < 0.00005:
        return "under $0.0001"
    return f"${usd:,.2f}" if usd >= 0.01 else f"${usd:.4f}"


def about(seconds: float) -> str:
    """A duration as one would say it."""
    if seconds < 0.95:
        return "under 1 s"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"
