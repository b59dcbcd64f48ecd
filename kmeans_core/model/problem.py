"""What all restarts of one covariance type on one dataset have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.flooring import Floor
from kmeans_core.points.arrangement import Arrangement
from kmeans_core.points.arrays import FloatArray
from kmeans_core.points.blocks import points_per_block
from kmeans_core.points.prepared import PreparedData


@dataclass(frozen=True, slots=True)
class Problem:
    """One covariance type on one dataset; everything in prepared units.

    columns              (d, n) float64, C order. With `boxes` they stand in the order of these,
                         which is another one than the data's.
    distance             "likelihood" or "mahalanobis".
    total_second_moment  sum of xx' over all points: (d, d), (d,) its diagonal or () its trace, as
                         the type's shape is.
    overall_covariance   of all points, floored, in the type's shape; what an empty cluster gets.
    boxes                around the points; None where every point is looked at.
    """

    columns: FloatArray
    covariance_type: CovarianceType
    distance: str
    floor: Floor
    total_second_moment: FloatArray
    overall_covariance: FloatArray
    boxes: Arrangement | None = None

    @classmethod
    def of(
        cls,
        data: PreparedData,
        covariance_type: CovarianceType,
        distance: str,
        reg_covar: float,
        boxes: Arrangement | None,
    ) -> Problem:
        """From prepared data and the order in which fits go through them."""
        columns, n = data.columns if boxes is None else boxes.columns, data.n_rows
        mean = columns.mean(axis=1)
        floor = Floor.of(data.variances, reg_covar)
        if covariance_type.shape == "full":
            total = _second_moment(columns)
            overall = total / n - np.outer(mean, mean)
        else:
            total = np.einsum("in,in->i", columns, columns)
            overall = data.variances
            if covariance_type.shape == "spher":
                total, overall = total.sum(), overall.mean()
        overall, _ = floor.clip(np.asarray(overall)[None], covariance_type.shape)
        return cls(columns, covariance_type, distance, floor, np.asarray(total), overall[0], boxes)


def _second_moment(columns: FloatArray) -> FloatArray:
    """sum of xx' over the points (d, d), in blocks too small for BLAS to divide among threads."""
    d, n = columns.shape
    width = points_per_block(d, d)
    total = np.zeros((d, d))
    for start in range(0, n, width):
        block = columns[:, start : start + width]
        total += block @ block.T
    return total
