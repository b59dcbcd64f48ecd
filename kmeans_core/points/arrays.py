"""The kinds of arrays that everything works on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Numbers: points, sums, parameters, scores."""

IntArray = NDArray[np.int64]
"""Numbers of rows, of restarts, of points in a cluster."""

BoolArray = NDArray[np.bool_]
"""Which of several are meant."""

LabelArray = NDArray[np.uint8 | np.int32]
"""The cluster of each point, 0 to K - 1, or K for a point that is in no cluster yet."""


def label_dtype(n_clusters: int) -> type[np.uint8 | np.int32]:
    """Smallest type of label that also holds the value K, "in no cluster yet"."""
    return np.uint8 if n_clusters <= 255 else np.int32
