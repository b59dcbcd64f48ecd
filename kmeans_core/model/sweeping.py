"""Small symmetric matrices, thousands at a time.

Elimination runs over the d columns and each step is elementwise over the whole stack: for small d
an order of magnitude faster than one LAPACK call per matrix, and the result for a matrix does not
depend on its neighbours, not even by rounding. No pivoting, which positive definite matrices do not
need.
"""

from __future__ import annotations

import numpy as np

from kmeans_core.points.arrays import BoolArray, FloatArray


def invert(matrices: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverses (..., d, d), exactly symmetric, and log-determinants (...).

    Of positive definite matrices (..., d, d), by the sweep operator (Goodnight 1979).
    """
    swept = _stack_last(matrices)
    d = len(swept)
    log_determinant = np.zeros(swept.shape[2:])
    for k in range(d):
        pivot, column = swept[k, k].copy(), swept[k].copy()
        log_determinant += np.log(pivot)
        # Product before division: the same number on both sides of the diagonal.
        step = column[:, None] * column
        step /= pivot
        swept -= step
        column /= pivot
        swept[k] = column
        swept[:, k] = column
        swept[k, k] = -1.0 / pivot
    np.negative(swept, out=swept)
    return (
        np.ascontiguousarray(np.moveaxis(swept, -1, 0)).reshape(matrices.shape),
        log_determinant.reshape(matrices.shape[:-2]),
    )


def certainly_above(matrices: FloatArray, least: float) -> BoolArray:
    """Whether the smallest eigenvalue of each matrix (..., d, d) is at least `least`: (...) bool.

    It is where S - least I has only positive pivots. Within a margin for rounding the answer is
    False.
    """
    shifted = _stack_last(matrices)
    d = len(shifted)
    diagonal = np.arange(d)
    trace = shifted[0, 0].copy()
    for k in range(1, d):
        trace += shifted[k, k]
    shifted[diagonal, diagonal] -= 1.001 * least + 1e-13 * np.abs(trace)
    above = np.ones(shifted.shape[2:], dtype=bool)
    # A matrix that fails goes on with nonsense, which is not looked at.
    with np.errstate(all="ignore"):
        for k in range(d):
            pivot = shifted[k, k]
            above &= pivot > 0
            column = shifted[k, k + 1 :]
            shifted[k + 1 :, k + 1 :] -= column[:, None] * column / pivot
    return above.reshape(matrices.shape[:-2])


def _stack_last(matrices: FloatArray) -> FloatArray:
    """(..., d, d) -> (d, d, m) C order, a copy: steps then run along memory."""
    d = matrices.shape[-1]
    flat = matrices.reshape(-1, d, d)
    return np.array(np.moveaxis(flat, 0, -1), dtype=np.float64, order="C")
