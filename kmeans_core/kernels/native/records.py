"""Problems as the structures that C reads."""

from __future__ import annotations

import numpy as np

from kmeans_core.kernels.native.arrays import address
from kmeans_core.kernels.native.library import ProblemRecord
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.problem import Problem
from kmeans_core.points.arrangement import BRANCH, GROUP, Arrangement, check_box_sizes, n_leaves
from kmeans_core.points.arrays import FloatArray

_SHAPES = {"full": 0, "diag": 1, "spher": 2}
"""SHAPE_FULL, SHAPE_DIAG and SHAPE_SPHER of the C sources."""

_ROW = 8
"""ROW of the C sources."""


def record_of(columns: FloatArray, covariance_type: CovarianceType) -> ProblemRecord:
    """Of columns (d, n), without what only iterations need."""
    d, n = columns.shape
    return ProblemRecord(
        columns=address("columns", columns, np.float64, (d, n)),
        n=n,
        d=d,
        shape=_SHAPES[covariance_type.shape],
        tied=covariance_type.tied,
    )


def full_record_of(problem: Problem) -> tuple[ProblemRecord, tuple[FloatArray, ...]]:
    """The record of all that iterations need: moments (d, d), (d,) or (1,), and room to work in.

    Also arrays that must live as long as the record is in use.
    """
    d = problem.columns.shape[0]
    moment = problem.covariance_type.entries_shape(d) or (1,)
    total = np.ascontiguousarray(problem.total_second_moment)
    overall = np.ascontiguousarray(problem.overall_covariance)
    record = record_of(problem.columns, problem.covariance_type)
    record.total = address("total_second_moment", total, np.float64, moment)
    record.overall = address("overall_covariance", overall, np.float64, moment)
    record.reference = address("reference", problem.floor.reference, np.float64, (d,))
    record.reg_covar = problem.floor.reg_covar
    record.mahalanobis = problem.distance == "mahalanobis"
    n_features = problem.covariance_type.n_features(d)
    return record, (total, overall, *add_boxes(record, problem.boxes, n_features))


def add_boxes(
    record: ProblemRecord, boxes: Arrangement | None, n_features: int
) -> tuple[FloatArray, ...]:
    """Give a record the boxes around its points, and room for what the kernel notes about both.

    Returns arrays that must live as long as the record is in use, such as room for T of each box
    (boxes, F). Raises ValueError for boxes of
    another table, and for a table that the kernel takes no boxes of.
    """
    if boxes is None:
        return ()
    d, leaves = record.d, n_leaves(record.n)
    check_box_sizes(record.n, d)
    record.leaves = address("leaves", boxes.leaves, np.float64, (2, d, leaves))
    shape = (2, d, leaves // BRANCH + BRANCH)
    record.branches = address("branches", boxes.branches, np.float64, shape)
    room = (
        ("largest", np.empty(n_features - 1)),
        ("features", np.empty((n_features - 1, leaves * GROUP))),
        ("leaf_sums", np.empty((leaves, n_features))),
        ("rows", np.empty((record.n if n_features <= _ROW else 0, _ROW))),
    )
    for name, array in room:
        setattr(record, name, array.ctypes.data)
    return tuple(array for _, array in room)
