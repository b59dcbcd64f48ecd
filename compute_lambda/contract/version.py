"""The number of the contract, which the handler tells before it has loaded the rest."""

from __future__ import annotations

CONTRACT_VERSION = 1
"""Part of every task id: results of another version of the numerics are never taken for these."""

WIRE_VERSION = 2
"""Raised when routes or payloads change so that both sides must change together. Not part of ids:
what was computed stays right. 2: tasks of several kinds, at `POST /tasks`."""
