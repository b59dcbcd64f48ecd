"""How many points NumPy takes at a time: few enough for the caches, whatever the table's size."""

from __future__ import annotations

from collections.abc import Iterator

_PRODUCT_LIMIT = 250_000
"""Multiplications in one matrix product: OpenBLAS starts threads above m*n*k = 2**18, from which so
small a product gains nothing."""

_POINTS_PER_BLOCK = 4_096
"""Most points in a block."""

_VALUES_AT_A_TIME = 1 << 15
"""Values of a table: 256 KB stay in a core's cache from one step to the next."""


def points_per_block(n_clusters: int, n_features: int) -> int:
    """Width of a block; a function of the problem only, never of the number of restarts."""
    fitting = _PRODUCT_LIMIT // (n_clusters * n_features)
    return max(32, min(_POINTS_PER_BLOCK, fitting))


def row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """The rows of a table (n, d), some at a time."""
    width = max(1, _VALUES_AT_A_TIME // n_columns)
    for start in range(0, n_rows, width):
        yield slice(start, min(start + width, n_rows))
