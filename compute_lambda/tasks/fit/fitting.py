"""One fit task, from columns to result: the code path that every backend shares."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compute_lambda.contract.errors import ContractError
from compute_lambda.tables.cache import TableCache
from compute_lambda.tasks.base import Invocation
from compute_lambda.tasks.fit.task import FitResult, FitTask
from compute_lambda.tasks.fit.wire import is_finite
from compute_lambda.tasks.host import Host, Process
from kmeans_core import (
    KERNEL,
    FitBatch,
    PreparedData,
    SeedBank,
    fit_experiments,
    prepare,
)

ColumnSource = NDArray[np.float64] | Callable[[], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What prepared data and seeds depend on."""

    dataset_id: str
    columns: tuple[int, ...]
    standardise: bool
    seed: int

    @classmethod
    def of(cls, task: FitTask) -> CacheKey:
        """The key of the data that a task fits."""
        return cls(task.dataset_id, task.columns, task.standardise, task.seed)


@dataclass(frozen=True, slots=True)
class PreparedTable:
    """Prepared columns of one dataset, and the seeds that were drawn on them so far."""

    data: PreparedData
    seeds: SeedBank

    @property
    def n_rows(self) -> int:
        """Rows that are fitted."""
        return int(self.data.columns.shape[1])

    @property
    def n_bytes(self) -> int:
        """Bytes of the columns."""
        return int(self.data.columns.nbytes)


def run(task: FitTask, host: Host) -> FitResult:
    """Run `task` where `host` says; see `fit`."""
    return fit(
        task,
        lambda: host.store.read(task.dataset_id, task.columns),
        cache=host.cache,
        should_stop=host.should_stop,
        request_id=host.request_id,
        process=host.process,
    )


def fit(
    task: FitTask,
    columns: ColumnSource,
    *,
    cache: TableCache | None = None,
    should_stop: Callable[[], bool] | None = None,
    request_id: str = "",
    process: Process | None = None,
) -> FitResult:
    """Run `task` on `columns`: (n, d) float64 in the order of `task.columns`, or a reader of them.

    Rows with a non-finite value are left out. A reader is called only when `cache` does not hold
    the prepared data. When `should_stop` returns true between iterations, the result holds what is
    finished and a `resume` state; the same task with that state goes on to the same end. The
    answer does not depend on the cache, on interruptions or on how work was cut into tasks.

    Raises ContractError when the task does not suit the data (`unusable_data`, `no_rows`,
    `wrong_shape`, `too_many_clusters`, `not_finite`, `bad_resume`).
    """
    started_at = time.time()
    began = time.perf_counter()

    def build() -> PreparedTable:
        return _prepared(task, columns() if callable(columns) else columns)

    table = build() if cache is None else cache.get(CacheKey.of(task), build)
    read = time.perf_counter()
    batch = _fit_experiments(task, table, should_stop)
    _check_finite(batch)
    process = process or Process()
    return FitResult(
        task_id=task.task_id,
        fits=batch.fits,
        preparation=table.data.preparation,
        n_rows=table.n_rows,
        invocation=Invocation(
            request_id=request_id,
            started_at=started_at,
            startup_ms=process.startup_ms,
            read_ms=(read - began) * 1e3,
            run_ms=(time.perf_counter() - read) * 1e3,
            cold=process.cold,
            memory_mb=process.memory_mb,
            kernel=KERNEL,
            worker=process.worker,
        ),
        resume=batch.resume,
    )


def _fit_experiments(
    task: FitTask, table: PreparedTable, should_stop: Callable[[], bool] | None
) -> FitBatch:
    """The core's part, with its complaints about K and `resume` in terms of the contract."""
    _check_k(task, table.n_rows)
    try:
        return fit_experiments(
            table.data,
            task.covariance_type,
            task.n_clusters,
            task.experiments,
            task.n_restarts,
            seed=task.seed,
            distance=task.distance,
            min_members=task.min_members,
            reg_covar=task.reg_covar,
            max_iter=task.max_iter,
            seeds=table.seeds,
            should_stop=should_stop,
            resume=task.resume,
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        if task.resume is None:
            raise
        raise _bad_resume(str(error)) from error


def _prepared(task: FitTask, columns: NDArray[np.float64]) -> PreparedTable:
    """Finite rows, centred and scaled, with a fresh bank of seeds."""
    table = np.asarray(columns, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(task.columns):
        raise ContractError(
            "wrong_shape",
            f"Expected a table with {len(task.columns)} columns, got shape {table.shape}. Read the"
            " columns that the task names.",
            {"field": "columns"},
        )
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(table).all(axis=1))
    if not finite.all():
        table = table[finite]
    if len(table) == 0:
        raise ContractError(
            "no_rows",
            f"Expected rows with a finite number in every chosen column, got none among"
            f" {len(finite):,}. Leave out the column with the most missing values.",
            {"field": "columns", "n_rows": len(finite)},
        )
    names = [f"column {position}" for position in task.columns]
    try:
        data = prepare(table, standardise=task.standardise, column_names=names)
    except ValueError as error:
        # The core's messages name the column and the remedy.
        raise ContractError("unusable_data", str(error), {"field": "columns"}) from error
    return PreparedTable(data, SeedBank(data, task.seed))


def _check_k(task: FitTask, n_rows: int) -> None:
    k = max(task.n_clusters)
    if k > n_rows:
        raise ContractError(
            "too_many_clusters",
            f"Expected n_clusters to be at most the number of usable rows, {n_rows:,}, got {k}."
            " Ask for fewer clusters.",
            {"field": "n_clusters", "n_rows": n_rows},
        )


def _check_finite(batch: FitBatch) -> None:
    """A result that cannot be sent or stored is this task's failure and nobody else's."""
    for found in batch.fits:
        if not is_finite(found):
            raise ContractError(
                "not_finite",
                f"Expected finite scores and parameters, got others for K = {found.n_clusters},"
                f" experiment {found.experiment}. Raise reg_covar, or leave out columns that carry"
                " no information.",
                {"n_clusters": found.n_clusters, "experiment": found.experiment},
            )


def _bad_resume(found: str) -> ContractError:
    return ContractError(
        "bad_resume",
        "Expected resume to be the state that an earlier answer to this task returned, got"
        f" something else: {found}. Send it back unchanged, or leave it out to start again.",
        {"field": "resume"},
    )
