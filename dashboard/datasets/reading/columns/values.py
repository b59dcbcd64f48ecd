"""What is measured of one numeric column before anything is concluded from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.datasets.reading.numbers.column import ColumnNotes

_STEP_TOLERANCE = 1e-6
_MOST_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The measured facts on which the advice about one numeric column rests.

    `steady`: the values never fall, or never rise, from row to row. `even_steps`: they rise or
    fall by the same step in nearly every row. `n_decimals`: digits after the point that the values
    need, at most 8. `n_at_minimum`, `n_at_maximum`: rows that hold the smallest, the largest value;
    `second`, `last_but_one`: the next values inside. `rounded`: whole numbers beyond 2**53 lost
    digits when they became float64. `coded`: written with leading zeros. `doubt`: why the values
    may have been read wrongly, "" usually.
    """

    name: str
    unit: str
    n_rows: int
    n_missing: int
    n_infinite: int
    n_distinct: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    whole: bool
    steady: bool
    even_steps: bool
    n_decimals: int
    n_at_minimum: int
    n_at_maximum: int
    second: float | None
    last_but_one: float | None
    rounded: bool
    coded: bool
    doubt: str

    @property
    def n_finite(self) -> int:
        """Rows with a finite value."""
        return self.n_rows - self.n_missing - self.n_infinite

    @property
    def span(self) -> float:
        """Largest minus smallest finite value; 0 when there is none."""
        if self.minimum is None or self.maximum is None:
            return 0.0
        return self.maximum - self.minimum

    @classmethod
    def measure(
        cls, name: str, unit: str, column: np.ndarray, notes: ColumnNotes | None = None
    ) -> ColumnValues:
        """Facts of `column` (n,) float64, which may hold NaN (missing) and infinite values."""
        notes = ColumnNotes() if notes is None else notes
        finite = column[np.isfinite(column)]
        n_infinite = int(np.isinf(column).sum())
        facts: dict[str, Any] = dict.fromkeys(
            ("minimum", "maximum", "mean", "std", "second", "last_but_one")
        )
        facts |= dict.fromkeys(("n_distinct", "n_at_minimum", "n_at_maximum", "n_decimals"), 0)
        facts |= dict.fromkeys(("whole", "steady", "even_steps"), False)
        if finite.size:
            facts |= _facts(finite)
        return cls(
            name=name,
            unit=unit,
            n_rows=column.size,
            n_missing=column.size - finite.size - n_infinite,
            n_infinite=n_infinite,
            rounded=notes.rounded,
            coded=notes.coded,
            doubt=notes.reason,
            **facts,
        )


def _facts(finite: np.ndarray) -> dict[str, Any]:
    """Of at least one finite value; `finite` is sorted in place."""
    steady, even_steps = _steps(finite)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = _moments(finite)
    whole = bool(np.all(finite == np.rint(finite)))
    n_decimals = 0 if whole else _decimals(finite[:: max(1, finite.size // 1_000)])
    finite.sort()
    changes = np.flatnonzero(finite[1:] != finite[:-1])
    return {
        "n_distinct": 1 + changes.size,
        "minimum": float(finite[0]),
        "maximum": float(finite[-1]),
        "mean": mean,
        "std": std,
        "whole": whole,
        "steady": steady,
        "even_steps": even_steps,
        "n_decimals": n_decimals,
        "n_at_minimum": int(changes[0]) + 1 if changes.size else finite.size,
        "n_at_maximum": finite.size - int(changes[-1]) - 1 if changes.size else finite.size,
        "second": float(finite[changes[0] + 1]) if changes.size else None,
        "last_but_one": float(finite[changes[-1]]) if changes.size else None,
    }


def _steps(finite: np.ndarray) -> tuple[bool, bool]:
    steps = np.diff(finite)
    steady = bool(np.all(steps >= 0) or np.all(steps <= 0))
    if not steady or steps.size < 7:
        return steady, False
    usual = float(np.median(steps))
    even = np.abs(steps - usual) <= _STEP_TOLERANCE * abs(usual)
    return steady, bool(usual != 0 and even.mean() > 0.95)


def _decimals(values: np.ndarray) -> int:
    with np.errstate(over="ignore", invalid="ignore"):
        for n_decimals in range(1, _MOST_DECIMALS):
            scaled = values * 10.0**n_decimals
            if np.all(
                np.abs(scaled - np.rint(scaled)) <= 1e-6 * np.maximum(1.0, np.abs(scaled)) * 1e-3
            ):
                return n_decimals
    return _MOST_DECIMALS


def _moments(finite: np.ndarray) -> tuple[float | None, float | None]:
    """Mean and population sd; None where values near 1e308 overflow."""
    mean = float(finite.mean())
    std = float(finite.std()) if np.isfinite(mean) else float("nan")
    return (mean if np.isfinite(mean) else None, std if np.isfinite(std) else None)
