"""A job as a person sees it: every (covariance type, K) cell, grown as outcomes come in."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compute_lambda import FitResult
from dashboard.analysis.cell import Cell
from dashboard.analysis.labelling import shown_labels
from dashboard.analysis.matching import ColourMatcher, Partition
from dashboard.analysis.partition_agreement import adjusted_rand_index
from dashboard.analysis.records import CellKey, Labels
from dashboard.analysis.sample import ShownRows, shown_positions
from dashboard.analysis.task_runs import TaskRun, task_run
from kmeans_core import ExperimentFit, Preparation

if TYPE_CHECKING:
    from dashboard.datasets.model.dataset import Dataset
    from dashboard.planning.spec import JobSpec
    from dashboard.stores.base import TaskOutcome


class Catalogue(Protocol):
    """What a view needs of the dataset catalogue."""

    def columns(self, dataset_id: str, names: tuple[str, ...]) -> NDArray[np.float64]:
        """All rows (n, d) of the named columns, non-finite values included."""

    def get(self, dataset_id: str) -> Dataset:
        """The dataset's description."""


AGREEMENT_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed for good, so far: its error record and the number of attempts."""

    task_id: str
    error: dict[str, Any]
    seq: int


@dataclass(frozen=True, slots=True)
class Timing:
    """When a task was computed (Unix time, s) and what of: experiments per cell."""

    started_at: float
    ended_at: float
    n_experiments: dict[CellKey, int]


class JobView:
    """Follows one job: absorb outcomes in any portions, read cells, labels and colours.

    Absorbing is idempotent: an outcome seen before, or a (type, K, experiment) known already,
    changes nothing. All methods may be called from several threads; `cells` is a snapshot of
    immutable objects. `cursor` is the highest sequence number absorbed.
    """

    def __init__(self, catalogue: Catalogue, spec: JobSpec) -> None:
        self.catalogue = catalogue
        self.spec = spec
        self._lock = threading.RLock()
        self._cells: dict[CellKey, Cell] = {}
        self._failures: dict[str, Failure] = {}
        self._timings: list[Timing] = []
        self._runs: dict[str, TaskRun] = {}
        self._cursor = 0
        self._shown: ShownRows | None = None
        self._prepared: NDArray[np.float64] | None = None
        self._labels: dict[CellKey, tuple[int, Labels]] = {}
        self._agreement: dict[CellKey, tuple[int, dict[int, float]]] = {}
        self._matcher = ColourMatcher()
        self._colours: tuple[frozenset[tuple[CellKey, int]], dict[CellKey, list[int]]] | None = None
        self.memory: dict[Any, Any] = {}
        """Derived records of `updates` and `recommendation`, each with the version it holds for."""

    @property
    def lock(self) -> threading.RLock:
        """Guards the view; hold it to read several things of the same moment."""
        return self._lock

    @property
    def cursor(self) -> int:
        """Highest sequence number absorbed; 0 before the first outcome."""
        with self._lock:
            return self._cursor

    @property
    def cells(self) -> dict[CellKey, Cell]:
        """All cells with at least one experiment; a copy."""
        with self._lock:
            return dict(self._cells)

    @property
    def failures(self) -> dict[str, Failure]:
        """Failed tasks by task id; a copy."""
        with self._lock:
            return dict(self._failures)

    @property
    def n_rows(self) -> int:
        """Rows that the fits use: they have a finite value in every chosen column."""
        return self.shown.n_rows

    @property
    def shown(self) -> ShownRows:
        """The rows that are drawn; read from the catalogue at the first use."""
        with self._lock:
            if self._shown is None:
                self._shown = _shown_rows(self.catalogue, self.spec)
            return self._shown

    def absorb(self, outcomes: Iterable[TaskOutcome]) -> None:
        """Take in outcomes of the store, ascending by `seq`."""
        with self._lock:
            for outcome in outcomes:
                if outcome.status == "done" and isinstance(outcome.result, FitResult):
                    self._failures.pop(outcome.task_id, None)
                    self._absorb_fits(outcome.result.fits, outcome.result.preparation, outcome.seq)
                    self._timings.append(_timing(outcome.result))
                elif outcome.status == "failed":
                    error = outcome.error or {}
                    self._failures[outcome.task_id] = Failure(outcome.task_id, error, outcome.seq)
                self._runs[outcome.task_id] = task_run(outcome)
                self._cursor = max(self._cursor, outcome.seq)

    def timings(self, after: int = 0) -> list[Timing]:
        """Of the tasks that are done, in the order in which they came in, without the first
        `after`. Those remembered from an earlier job were computed before this one began."""
        with self._lock:
            return self._timings[after:]

    def task_runs(self) -> list[TaskRun]:
        """Every task that has ended, in the order in which they came in."""
        with self._lock:
            return sorted(self._runs.values(), key=lambda run: run.seq)

    def forget_failures(self, still_failed: Iterable[str]) -> None:
        """Keep only the failures named in `still_failed`: the others are being run again."""
        with self._lock:
            keep = set(still_failed)
            gone = self._failures.keys() - keep
            self._failures = {t: f for t, f in self._failures.items() if t in keep}
            self._runs = {t: run for t, run in self._runs.items() if t not in gone}

    def labels(self, key: CellKey) -> Labels:
        """Cluster of each drawn row (m,) uint8 in the best fit of a cell; KeyError without one."""
        with self._lock:
            cell = self._cells[key]
            if cell.best is None:
                raise KeyError(key)
            known = self._labels.get(key)
            if known is None or known[0] != cell.model_version:
                found = shown_labels(self._prepared_rows(cell), cell.best, self.spec.distance)
                known = self._labels[key] = cell.model_version, found
            return known[1]

    def peer_agreement(self, key: CellKey) -> dict[int, float]:
        """Adjusted Rand index of each other peer's clustering with the best one, by experiment.

        On at most `AGREEMENT_ROWS` of the drawn rows, evenly spaced: enough for two decimals, and
        quick while results stream in. Remembered per model.
        """
        with self._lock:
            cell = self._cells[key]
            known = self._agreement.get(key)
            if known is None or known[0] != cell.model_version:
                known = self._agreement[key] = cell.model_version, {}
            chosen = int(cell.best.experiment) if cell.best is not None else None
            missing = [e for e in cell.peers if e != chosen and e not in known[1]]
            if missing:
                step = -(-self.shown.n_shown // AGREEMENT_ROWS)
                rows = np.ascontiguousarray(self._prepared_rows(cell)[:, ::step])
                best = self.labels(key)[::step]
                for experiment in missing:
                    found = shown_labels(rows, cell.peers[experiment], self.spec.distance)
                    known[1][experiment] = adjusted_rand_index(found, best)
            return dict(known[1])

    def colours(self) -> dict[CellKey, list[int]]:
        """Palette slot of every cluster of every cell; see `matching`."""
        with self._lock:
            state = frozenset((key, cell.model_version) for key, cell in self._cells.items())
            if self._colours is None or self._colours[0] != state:
                partitions = {
                    key: Partition(self.labels(key), cell.model_version)
                    for key, cell in self._cells.items()
                }
                self._colours = state, self._matcher.match(partitions)
            return self._colours[1]

    def _absorb_fits(
        self, fits: Iterable[ExperimentFit], preparation: Preparation, seq: int
    ) -> None:
        by_cell: dict[CellKey, list[ExperimentFit]] = {}
        for fit in fits:
            by_cell.setdefault((fit.covariance_type, int(fit.n_clusters)), []).append(fit)
        for key, group in by_cell.items():
            before = self._cells.get(key) or Cell(*key)
            after = before.with_fits(group, preparation, seq)
            if after is not before:
                self._cells[key] = after

    def _prepared_rows(self, cell: Cell) -> NDArray[np.float64]:
        # Every task of a job prepares the same rows in the same way, so the first one's will do.
        if self._prepared is None:
            assert cell.preparation is not None
            self._prepared = cell.preparation.to_prepared(self.shown.values)
        return self._prepared


def _timing(result: FitResult) -> Timing:
    invocation = result.invocation
    ran_s = invocation.busy_ms / 1e3
    keys = Counter((fit.covariance_type, int(fit.n_clusters)) for fit in result.fits)
    return Timing(invocation.started_at, invocation.started_at + ran_s, dict(keys))


def _shown_rows(catalogue: Catalogue, spec: JobSpec) -> ShownRows:
    dataset = catalogue.get(spec.dataset_id)
    values = np.asarray(catalogue.columns(spec.dataset_id, spec.columns), dtype=np.float64)
    used = np.flatnonzero(np.isfinite(values).all(axis=1))
    finite_values = values[used]
    positions = shown_positions(finite_values)
    return ShownRows(
        columns=tuple(spec.columns),
        units=tuple(dataset.column(name).unit for name in spec.columns),
        n_rows=int(used.size),
        rows=used[positions].astype(np.int32),
        values=np.ascontiguousarray(finite_values[positions]),
    )
