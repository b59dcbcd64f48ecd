"""The compiled kernel as Python functions of the same names and arguments as the NumPy ones.

Every array is checked here, as C cannot: type, shape, C order, alignment. Calls release the GIL;
all memory that C writes to is made or checked here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np

from kmeans_core.kernels.native.arrays import (
    address,
    check_labels,
    is_suitable,
    packed_marks,
    unpacked_marks,
)
from kmeans_core.kernels.native.crew import call_with_help
from kmeans_core.kernels.native.library import TableRecord
from kmeans_core.kernels.native.records import add_boxes, full_record_of, record_of
from kmeans_core.kernels.twin import assignment, column_sums, drawing, iteration
from kmeans_core.model.components import Components
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.problem import Problem
from kmeans_core.model.restarts import Pair, Restarts
from kmeans_core.points.arrangement import (
    Arrangement,
    arrangement_of,
    is_worth_arranging,
    n_leaves,
)
from kmeans_core.points.arrays import FloatArray, IntArray, LabelArray

_MIX_BLOCK, _DRAWN_TOGETHER = 256, 4
"""MOST_POINTS and DRAWN_TOGETHER of the C sources."""

_FEW_PARTS = 2
"""Parts of the C sources that a table has at most where threads share its restarts; they share the
points of a longer one, unless it has boxes."""

_TOGETHER = 128
"""Restarts that take turns in a thread, at most: one alone would wait for its own results and take
half as long again."""

_MOST_ITERATIONS = 1 << 62
"""What C can count; nobody waits for so many."""

_ANY_TYPE = CovarianceType.of("spher-tied")
"""For functions that do not look at the type."""


class NativeKernel:
    """The functions of one loaded library.

    variant: the number of an instruction set that the processor has; None means the best one.
    """

    name = "native"

    def __init__(self, library: ctypes.CDLL, variant: int | None = None) -> None:
        self._library = library
        self._variant = library.centaurus_best_variant() if variant is None else variant

    def assign_accumulate(
        self,
        columns: FloatArray,
        covariance_type: CovarianceType,
        thetas: FloatArray,
        labels: LabelArray,
        statistics: FloatArray,
        n_changed: IntArray,
        n_threads: int = 1,
        boxes: Arrangement | None = None,
        fresh: bool = False,
    ) -> None:
        """As `Kernel.assign_accumulate`: columns (d, n), labels (R, n), T (R, K, F).

        The twin does the work for more than 255 clusters.
        """
        if labels.dtype != np.uint8:
            assignment.assign_accumulate(
                columns, covariance_type, thetas, labels, statistics, n_changed, fresh=fresh
            )
            return
        d, n = columns.shape
        n_restarts, n_clusters, _ = thetas.shape
        shape = (n_restarts, n_clusters, covariance_type.n_features(d))
        n_parts = self._library.centaurus_n_parts(n)
        is_fresh = np.empty(n_restarts, dtype=np.int64)
        sums, changed_in = np.empty((n_parts, *shape)), np.empty((n_parts, n_restarts), np.int64)
        record = record_of(columns, covariance_type)
        _kept = add_boxes(record, boxes, shape[2])
        arguments = (
            self._variant,
            record,
            n_restarts,
            n_clusters,
            address("thetas", thetas, np.float64, shape),
            address("labels", labels, np.uint8, (n_restarts, n), written=True),
            address("statistics", statistics, np.float64, shape, written=True),
            address("n_changed", n_changed, np.int64, (n_restarts,), written=True),
            fresh,
            is_fresh.ctypes.data,
            sums.ctypes.data,
            changed_in.ctypes.data,
        )
        n_items = n_parts * n_restarts
        self._run("assign_accumulate", arguments, n_threads, self._workspace(d, shape), n_items)

    def accumulate(
        self,
        columns: FloatArray,
        covariance_type: CovarianceType,
        labels: LabelArray,
        n_clusters: int,
        n_threads: int = 1,
        boxes: Arrangement | None = None,
    ) -> FloatArray:
        """T (R, K, F) of labels (R, n), as `Kernel.accumulate`.

        Raises ValueError for a label of n_clusters or more.
        """
        if labels.dtype != np.uint8:
            return assignment.accumulate(columns, covariance_type, labels, n_clusters)
        d, n = columns.shape
        n_restarts = len(labels)
        shape = (n_restarts, n_clusters, covariance_type.n_features(d))
        place = address("labels", labels, np.uint8, (n_restarts, n))
        check_labels(labels, n_clusters)
        statistics = np.empty(shape)
        n_parts = self._library.centaurus_n_parts(n)
        sums = np.empty((n_parts, *shape))
        record = record_of(columns, covariance_type)
        _kept = add_boxes(record, boxes, shape[2])
        arguments = (
            self._variant,
            record,
            n_restarts,
            n_clusters,
            place,
            statistics.ctypes.data,
            sums.ctypes.data,
        )
        n_items = n_parts * n_restarts
        self._run("accumulate", arguments, n_threads, self._workspace(d, shape), n_items)
        return statistics

    def iterate(
        self, problem: Problem, restarts: Restarts, max_iter: int, work: float, n_threads: int = 1
    ) -> IntArray:
        """What restarts are left in (R,), after as many iterations as `work` pays for."""
        labels = restarts.labels
        if labels.dtype != np.uint8:
            return iteration.iterate(problem, restarts, max_iter, work)
        d, n = problem.columns.shape
        shape = restarts.theta.shape
        n_restarts, n_clusters, _ = shape
        n_parts = self._library.centaurus_n_parts(n)
        left_in, chosen = np.zeros(n_restarts, np.int64), np.empty(n_restarts, np.int64)
        sums, n_changed = np.empty((n_parts, *shape)), np.empty((n_parts, n_restarts), np.int64)
        together = n_restarts
        if n_threads > 1 and (n_parts <= _FEW_PARTS or problem.boxes is not None):
            together = max(1, min(-(-n_restarts // (2 * n_threads)), _TOGETHER))
        whole, rest = np.empty_like(n_changed), np.zeros_like(n_changed)
        marks = packed_marks(restarts.cycle_marks)
        record, _kept = full_record_of(problem)
        settled = np.empty((n_restarts, 0 if problem.boxes is None else n_leaves(n)), np.uint64)
        place = address("labels", labels, np.uint8, (n_restarts, n), written=True)
        check_labels(labels, n_clusters)
        arguments = (
            self._variant,
            record,
            n_restarts,
            n_clusters,
            min(int(max_iter), _MOST_ITERATIONS),
            together,
            work,
            address("theta", restarts.theta, np.float64, shape, written=True),
            address("statistics", restarts.statistics, np.float64, shape, written=True),
            place,
            address("n_iter", restarts.n_iter, np.int64, (n_restarts,), written=True),
            address("n_reseeded", restarts.n_reseeded, np.int64, (n_restarts,), written=True),
            left_in.ctypes.data,
            marks.ctypes.data,
            sums.ctypes.data,
            n_changed.ctypes.data,
            chosen.ctypes.data,
            whole.ctypes.data,
            rest.ctypes.data,
            settled.ctypes.data,
        )
        n_items = n_parts if together == n_restarts else -(-n_restarts // together)
        self._run("iterate", arguments, n_threads, self._workspace(d, shape), n_items)
        if marks.any():
            restarts.cycle_marks[:] = unpacked_marks(marks)
        return left_in

    def arrange(self, columns: FloatArray) -> Arrangement | None:
        """Points (d, n) in an order that saves time; None when the order they have is as good."""
        d, n = columns.shape
        if not is_worth_arranging(n, d):
            return None
        rows = np.empty(n, dtype=np.int64)
        place = address("columns", columns, np.float64, (d, n))
        self._library.centaurus_arrange(place, n, d, rows.ctypes.data)
        return arrangement_of(columns, rows)

    def uniforms(self, seed: int, pairs: Sequence[Pair], n_seeds: int) -> FloatArray:
        """(R, n_seeds), as `Kernel.uniforms`; the twin does the work for 32 bits and more."""
        if max(max(pair) for pair in pairs) >= 1 << 32:
            return drawing.uniforms(seed, pairs, n_seeds)
        own = [seed >> at & 0xFFFFFFFF for at in range(0, max(1, seed.bit_length()), 32)]
        words = np.empty((len(pairs), len(own) + 2), dtype=np.uint32)
        words[:, :-2], words[:, -2:] = own, pairs
        out = np.empty((len(pairs), n_seeds))
        self._library.centaurus_uniforms(
            words.ctypes.data, len(pairs), words.shape[1], n_seeds, out.ctypes.data
        )
        return out

    def draw(self, columns: FloatArray, uniforms: FloatArray, n_threads: int = 1) -> IntArray:
        """Rows (R, n_seeds) of columns (d, n), as `Kernel.draw`."""
        n_restarts, n_seeds = uniforms.shape
        rows = np.empty((n_restarts, n_seeds), dtype=np.int64)
        arguments = (
            self._variant,
            record_of(columns, _ANY_TYPE),
            n_restarts,
            n_seeds,
            address("uniforms", uniforms, np.float64, (n_restarts, n_seeds)),
            rows.ctypes.data,
        )
        n = columns.shape[1]
        doubles = self._library.centaurus_drawing_doubles(n, n_restarts, n_seeds)
        n_parts = self._library.centaurus_n_parts(n)
        n_items = n_parts if n_parts > 1 else -(-n_restarts // _DRAWN_TOGETHER)
        self._run("draw", arguments, n_threads, doubles, n_items)
        return rows

    def point_log_likelihoods(
        self, components: Components, columns: FloatArray, n_threads: int = 1
    ) -> FloatArray:
        """(M, n) at columns (d, n), as `Kernel.point_log_likelihoods`."""
        out = np.empty((len(components.means), columns.shape[1]))
        self._mix(components, columns, n_threads, out.ctypes.data)
        return out

    def log_likelihoods(
        self, components: Components, columns: FloatArray, n_threads: int = 1
    ) -> FloatArray:
        """(M,), as `Kernel.log_likelihoods`, without a number in memory for each point."""
        return self._mix(components, columns, n_threads, None)

    def extremes(
        self, table: FloatArray, origin: FloatArray, n_threads: int = 1
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of a table (n, d), as `Kernel.extremes`: (d,) each."""
        if not is_suitable(table):
            return column_sums.extremes(table, origin)
        sums = np.zeros((self._library.centaurus_n_parts(len(table)), 3, table.shape[1]))
        sums[:, :2] = table[0]
        self._pass_over(0, table, {"shift": origin}, sums, n_threads)
        return sums[:, 0].max(axis=0), sums[:, 1].min(axis=0), sums[:, 2].sum(axis=0)

    def spreads(
        self,
        table: FloatArray,
        origin: FloatArray,
        for_mean: FloatArray,
        unit: FloatArray,
        n_threads: int = 1,
    ) -> tuple[FloatArray, FloatArray]:
        """Of a table (n, d), as `Kernel.spreads`: (d,) each."""
        if not is_suitable(table):
            return column_sums.spreads(table, origin, for_mean, unit)
        sums = np.zeros((self._library.centaurus_n_parts(len(table)), 2, table.shape[1]))
        own = {"shift": origin, "offset": for_mean, "scale": unit}
        self._pass_over(1, table, own, sums, n_threads)
        return sums[:, 0].sum(axis=0), sums[:, 1].sum(axis=0)

    def scaled(
        self, table: FloatArray, shift: FloatArray, scale: FloatArray, n_threads: int = 1
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of a table (n, d), as `Kernel.scaled`: columns (d, n), and sums (d,) each."""
        if not is_suitable(table):
            return column_sums.scaled(table, shift, scale)
        columns = np.empty(table.shape[::-1])
        sums = np.zeros((self._library.centaurus_n_parts(len(table)), 2, table.shape[1]))
        own = {"shift": shift, "scale": scale}
        self._pass_over(2, table, own, sums, n_threads, columns)
        return columns, sums[:, 0].sum(axis=0), sums[:, 1].sum(axis=0)

    def _pass_over(
        self,
        number: int,
        table: FloatArray,
        arrays: dict[str, FloatArray],
        sums: FloatArray,
        n_threads: int,
        columns: FloatArray | None = None,
    ) -> None:
        n, d = table.shape
        row_step, column_step = (step // table.itemsize for step in table.strides)
        record = TableRecord(
            values=table.ctypes.data, n=n, d=d, row_step=row_step, column_step=column_step
        )
        for name, array in arrays.items():
            setattr(record, name, address(name, array, np.float64, (d,)))
        place = None if columns is None else columns.ctypes.data
        arguments = (self._variant, record, number, place, sums.ctypes.data)
        self._run("table", arguments, n_threads, 1, len(sums))

    def _mix(
        self, components: Components, columns: FloatArray, n_threads: int, out: int | None
    ) -> FloatArray:
        shape = n_models, n_clusters, d = components.means.shape
        diagonal = components.whiteners.ndim == 3
        whitener_shape = shape if diagonal else (*shape, d)
        sums = np.empty((n_models, self._library.centaurus_n_parts(columns.shape[1])))
        arguments = (
            self._variant,
            record_of(columns, _ANY_TYPE),
            n_models,
            n_clusters,
            address("constants", components.constants, np.float64, shape[:2]),
            address("means", components.means, np.float64, shape),
            address("whiteners", components.whiteners, np.float64, whitener_shape),
            diagonal,
            out,
            sums.ctypes.data,
        )
        self._run("mix", arguments, n_threads, (n_clusters + 2 * d) * _MIX_BLOCK, sums.size)
        totals: FloatArray = sums.sum(axis=1)
        return totals

    def _run(
        self,
        function: str,
        arguments: tuple[object, ...],
        n_threads: int,
        n_doubles: int,
        n_items: int,
    ) -> None:
        """Call with as many threads as there are items of work to share."""
        call: Callable[..., None] = getattr(self._library, f"centaurus_{function}")
        call_with_help(
            self._library,
            min(int(n_threads), n_items),
            n_doubles,
            lambda crew, memory: call(*arguments, crew, memory),
        )

    def _workspace(self, d: int, shape: tuple[int, int, int]) -> int:
        """Numbers that a thread works in, for statistics of a shape (R, K, F)."""
        return int(self._library.centaurus_workspace_doubles(d, shape[2], shape[1]))
