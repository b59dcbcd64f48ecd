"""The number of the contract, which the handler tells before it has loaded the rest."""

from __future__ import annotations

CONTRACT_VERSION = 1
"""Part of every task id: results of another version of the numerics are never taken for these."""
