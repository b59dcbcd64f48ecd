"""phi(x): the fixed features in which the score of a point under any cluster is linear.

Order of the features: 1, then the d columns, then the second moments that an untied shape needs:
x'x for spher, x*x for diag, and for full the lower triangle of xx' row by row, which is
(0,0), (1,0), (1,1), (2,0), ...
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from kmeans_core.model.covariance import CovarianceType
from kmeans_core.points.arrays import FloatArray


@cache
def lower_triangle(d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the lower triangle, in feature order: (m,) each, m = d (d + 1) / 2."""
    return np.tril_indices(d)


def fill_features(
    columns: FloatArray, covariance_type: CovarianceType, out: FloatArray
) -> FloatArray:
    """Write phi of a block of points: columns (d, m) -> out (F, m), which is returned."""
    d = columns.shape[0]
    out[0] = 1.0
    out[1 : d + 1] = columns
    if covariance_type.tied:
        return out
    second = out[d + 1 :]
    if covariance_type.shape == "diag":
        np.multiply(columns, columns, out=second)
    elif covariance_type.shape == "full":
        start = 0
        for i in range(d):
            np.multiply(columns[i], columns[: i + 1], out=second[start : start + i + 1])
            start += i + 1
    else:
        # One column after the other: the order of the sum must not depend on the block's width.
        np.multiply(columns[0], columns[0], out=second[0])
        for i in range(1, d):
            second[0] += columns[i] * columns[i]
    return out
