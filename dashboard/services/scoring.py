"""Every row of a table under one model: by the backend where there are many, here where few."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compute_lambda.tables.cache import TableCache
from compute_lambda.tasks.host import Host, Process
from compute_lambda.tasks.registry import run_task
from compute_lambda.tasks.score.task import CERTAIN, NO_CLUSTER, ScoreResult, ScoreTask
from dashboard.analysis.labelling import LEFT_OUT, RowLabels
from dashboard.backends import Backend, TaskFailure, TaskResult
from dashboard.exports import labelled_rows
from dashboard.jobs.memo import Memo
from dashboard.planning.spending import Budget, Usage

if TYPE_CHECKING:
    import pandas as pd

    from compute_lambda import Result
    from dashboard.datasets import DatasetCatalogue
    from dashboard.planning.spec import JobSpec
    from kmeans_core import ExperimentFit, Preparation

ROWS_HERE = 100_000
"""Up to so many rows are scored in this process: that takes less than asking somebody else."""

ROWS_PER_TASK = 500_000
"""Rows of one task; its answer then has 2 MB."""

PATIENCE_S = 15.0
"""How long a backend that is far away may give no result; then the rest is done here."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scoring:
    """Labels tables with the models of finished fits.

    What the backend cannot do, for whatever reason, is done here: nobody goes without labels
    because a function was not reached or the job's cap was. `left_usd(job_id)` says what may still
    be spent, None without a cap; what the backend costs is told to `charge(job_id, usage)`.
    """

    catalogue: DatasetCatalogue
    backend: Backend
    memo: Memo
    charge: Callable[[str, Usage], None]
    left_usd: Callable[[str], float | None]

    def labels(self, spec: JobSpec, fit: ExperimentFit, preparation: Preparation) -> RowLabels:
        """Cluster and certainty of every row of the job's dataset under `fit`.

        Raises DatasetError when the dataset is gone.
        """
        tasks = self._tasks(spec, fit, preparation)
        n_rows = tasks[-1].stop
        labels = np.full(n_rows, LEFT_OUT, dtype=np.int32)
        certainties = np.full(n_rows, np.nan)
        for result in self._results(tasks, spec.job_id):
            scores = result.scores[0]
            rows = slice(result.start, result.start + len(scores.labels))
            used = scores.labels != NO_CLUSTER
            labels[rows][used] = scores.labels[used]
            certainties[rows][used] = scores.certainties[used] / CERTAIN
        return RowLabels(labels, certainties)

    def labelled_rows(
        self, spec: JobSpec, fit: ExperimentFit, preparation: Preparation
    ) -> pd.DataFrame:
        """The original rows of the job's dataset with their cluster and its certainty."""
        found = self.labels(spec, fit, preparation)
        return labelled_rows(self.catalogue.rows(spec.dataset_id), found)

    def _tasks(
        self, spec: JobSpec, fit: ExperimentFit, preparation: Preparation
    ) -> list[ScoreTask]:
        dataset = self.catalogue.get(spec.dataset_id)
        return [
            ScoreTask(
                dataset_id=spec.dataset_id,
                columns=tuple(dataset.position(name) for name in spec.columns),
                preparation=preparation,
                models=(fit.model,),
                start=start,
                stop=min(start + ROWS_PER_TASK, dataset.n_rows),
                distance=spec.distance,
            )
            for start in range(0, dataset.n_rows, ROWS_PER_TASK)
        ]

    def _results(self, tasks: list[ScoreTask], job_id: str) -> Iterator[ScoreResult]:
        missing = {task.task_id: task for task in tasks}
        if tasks[-1].stop > ROWS_HERE:
            for result in self._by_the_backend(missing, job_id):
                del missing[result.task_id]
                yield result
        cache = TableCache()
        for task in missing.values():
            yield _scored(run_task(task, Host(self.catalogue.column_store, cache, Process("page"))))

    def _by_the_backend(self, tasks: dict[str, ScoreTask], job_id: str) -> Iterator[ScoreResult]:
        """Results of the memo and of the backend, as far as there are any."""
        unknown = []
        for task_id, task in list(tasks.items()):
            known = self.memo.get(task_id)
            if known is None:
                unknown.append(task)
            else:
                yield _scored(known)
        budget = Budget(self.left_usd(job_id))
        given_up = threading.Event()
        patience = _Patience(given_up, None if self.backend.name == "local" else PATIENCE_S)
        try:
            # Closed before its bill is read: what was in flight is on it only then.
            with contextlib.closing(self.backend.run(unknown, given_up, budget)) as events:
                for event in events:
                    if isinstance(event, TaskResult):
                        patience.renew()
                        self.memo.put(event.result)
                        yield _scored(event.result)
                    elif isinstance(event, TaskFailure):
                        _log.warning("Rows are scored here: %s", event.error.get("message"))
        except Exception:  # one that is being closed, or a fault of its own
            _log.exception("Rows are scored here: the backend %s broke off", self.backend.name)
        finally:
            patience.end()
            if budget.usage.n_requests:
                self._charge(job_id, budget.usage)

    def _charge(self, job_id: str, usage: Usage) -> None:
        """Tell it; a store that fails just now does not take the labels away."""
        try:
            self.charge(job_id, usage)
        except Exception:
            _log.exception("Job %s: $%.4f are not in its account", job_id, usage.usd)


class _Patience:
    """Sets `given_up` when nothing has come for `limit_s` seconds; None waits for ever."""

    def __init__(self, given_up: threading.Event, limit_s: float | None) -> None:
        self._given_up, self._limit_s = given_up, limit_s
        self._timer: threading.Timer | None = None
        self.renew()

    def renew(self) -> None:
        """Something has come: wait as long again."""
        self.end()
        if self._limit_s is not None:
            self._timer = threading.Timer(self._limit_s, self._given_up.set)
            self._timer.daemon = True
            self._timer.start()

    def end(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()


def _scored(result: Result) -> ScoreResult:
    assert isinstance(result, ScoreResult)
    return result
