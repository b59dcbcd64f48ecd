"""How many points NumPy takes at a time: few enough for the caches, whatever the table's size."""

from __future__ import annotations

from collections.abc import Iterator

_PRODUCT_LIMIT = 250_000
"""Multiplications in one matrix product: OpenBLAS starts threads above m*n*k = 2**18, from which so
small a product gains nothing."""

_POINTS_PER_BLOCK = 4_096
"""Most points in a block."""


def points_per_block(n_clusters: int, n_features: int) -> int:
    """Width of a block; a function of the problem only, never of the number of restarts."""
    fitting = _PRODUCT_LIMIT // (n_clusters * n_features)
    return max(32, min(_POINTS_PER_BLOCK, fitting))


def row_blocks(shape: tuple[int, ...], n_values: int) -> Iterator[slice]:
    """The rows of a table (n, d), as many at a time as have n_values, yet at least one."""
    n_rows, n_columns = shape
    width = max(1, n_values // n_columns)
    for start in range(0, n_rows, width):
        yield slice(start, min(start + width, n_rows))
