"""How far two partitions of the same rows agree: overlap counts and the adjusted Rand index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def overlap(a: np.ndarray, b: np.ndarray, n_a: int, n_b: int) -> IntArray:
    """Rows in cluster i of `a` and cluster j of `b`, as an (n_a, n_b) table.

    `a`, `b`: labels (n,) of any integer type, 0 <= a < n_a, 0 <= b < n_b.
    """
    codes = a.astype(np.intp) * n_b + b
    return np.bincount(codes, minlength=n_a * n_b).reshape(n_a, n_b).astype(np.int64)


def adjusted_rand_index_of(table: IntArray) -> float:
    """Adjusted Rand index (Hubert & Arabie 1985) of an overlap table (k_a, k_b).

    1 is identical, 0 is chance. Two partitions that are both trivial (one cluster, or only
    singletons) agree completely: 1.
    """
    n = int(table.sum())
    pairs = n * (n - 1) / 2
    together = _pairs(table)
    in_a = _pairs(table.sum(axis=1))
    in_b = _pairs(table.sum(axis=0))
    if pairs == 0:
        return 1.0
    expected = in_a * in_b / pairs
    highest = (in_a + in_b) / 2
    if highest == expected:
        return 1.0
    return float((together - expected) / (highest - expected))


def adjusted_rand_index(a: np.ndarray, b: np.ndarray) -> float:
    """Adjusted Rand index of two label arrays (n,) of non-negative integers."""
    if a.size == 0:
        return 1.0
    return adjusted_rand_index_of(overlap(a, b, int(a.max()) + 1, int(b.max()) + 1))


def _pairs(counts: IntArray) -> float:
    # In floating point: n = 1e6 gives 5e11 pairs, whose products overflow 64-bit integers.
    values = counts.astype(np.float64)
    return float((values * (values - 1) / 2).sum())
