"""Between NumPy arrays and C: checks that C cannot make, and other forms of numbers."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from kmeans_core.points.arrays import LabelArray

_MARK = re.compile("[0-9a-f]{32}")
"""A fingerprint of labels: 128 bits in hexadecimal."""


def address(
    name: str,
    array: NDArray[np.generic],
    dtype: type,
    shape: tuple[int, ...],
    written: bool = False,
) -> int:
    """Where the numbers of an array (...) begin that has the wanted dtype and shape, in place.

    Raises ValueError for any other array.
    """
    in_place = array.flags.c_contiguous and array.flags.aligned
    if array.dtype != dtype or array.shape != shape or not in_place:
        raise ValueError(
            f"{name} must be {np.dtype(dtype).name} of shape {shape}, aligned and in C order; "
            f"got {array.dtype} of shape {array.shape}, strides {array.strides}."
        )
    if written and not array.flags.writeable:
        raise ValueError(f"{name} is written to, but the array is read-only.")
    return array.ctypes.data


def is_suitable(table: NDArray[np.generic]) -> bool:
    """Whether C can step through the numbers of a table (n, d)."""
    whole_steps = all(step % table.itemsize == 0 for step in table.strides)
    return table.dtype == np.float64 and table.flags.aligned and whole_steps


def check_labels(labels: LabelArray, n_clusters: int) -> None:
    """Raise ValueError unless all labels (...) are numbers of clusters."""
    highest = int(labels.max(initial=0))
    if highest >= n_clusters:
        raise ValueError(
            f"labels must be below {n_clusters}, the number of clusters; got {highest}."
        )


def packed_marks(marks: list[str]) -> NDArray[np.uint64]:
    """Hexadecimal marks of R restarts as (R, 2) numbers.

    Zeros stand for no mark: where it is empty, or has another form than this kernel's.
    """
    packed = np.zeros((len(marks), 2), dtype=np.uint64)
    for r, mark in enumerate(marks):
        if mark and _MARK.fullmatch(mark):
            packed[r] = int(mark[:16], 16), int(mark[16:], 16)
    return packed


def unpacked_marks(marks: NDArray[np.uint64]) -> list[str]:
    """(R, 2) numbers as hexadecimal marks; zeros become an empty one."""
    return [f"{int(a):016x}{int(b):016x}" if a or b else "" for a, b in marks]
