"""The twin as one kernel."""

from __future__ import annotations

from kmeans_core.kernels.twin import assignment, column_sums, densities, drawing, iteration
from kmeans_core.points.arrangement import Arrangement
from kmeans_core.points.arrays import FloatArray


class NumpyKernel:
    """The twin: the same functions, readable, and the oracle in the tests."""

    name = "numpy"
    assign_accumulate = staticmethod(assignment.assign_accumulate)
    accumulate = staticmethod(assignment.accumulate)
    iterate = staticmethod(iteration.iterate)
    extremes = staticmethod(column_sums.extremes)
    spreads = staticmethod(column_sums.spreads)
    scaled = staticmethod(column_sums.scaled)
    uniforms = staticmethod(drawing.uniforms)
    draw = staticmethod(drawing.draw)

    @staticmethod
    def arrange(columns: FloatArray) -> Arrangement | None:  # noqa: ARG004
        """None: every point of columns (d, n) is looked at, so their order does not matter."""
        return None

    point_log_likelihoods = staticmethod(densities.point_log_likelihoods)
    log_likelihoods = staticmethod(densities.log_likelihoods)
