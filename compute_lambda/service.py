"""What a task needs beside the handler: NumPy and the core, the datasets, the warm caches.

Importing this module takes longer than all the rest of a cold start, so the handler does it when
there is something to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kmeans_core  # noqa: F401 - NumPy and the core, which every kind computes with
from compute_lambda.contract.errors import HttpError
from compute_lambda.environment import DATA_DIR, DATASET_BUCKET, Environment
from compute_lambda.tables.cache import TableCache
from compute_lambda.tables.columns import ColumnStore, DirectoryColumns
from compute_lambda.tasks.host import Host, Process
from compute_lambda.tasks.registry import read_task, run_task


class TaskService:
    """Does tasks with the columns in `store`, by default the environment's."""

    def __init__(self, environment: Environment, store: ColumnStore | None = None) -> None:
        self.cache = TableCache(environment.cache_mb * 2**20)
        self._store = store or _configured_store(environment)

    def answer(
        self,
        payload: object,
        process: Process,
        request_id: str,
        should_stop: Callable[[], bool],
        facts: dict[str, Any],
    ) -> dict[str, Any]:
        """The result of the task in `payload` as plain JSON; `facts` learns which task that is.

        Raises ContractError, DatasetError and HttpError.
        """
        task = read_task(payload)
        facts["task_id"] = task.task_id
        facts["inputs"] = list(task.inputs)
        if self._store is None:
            raise HttpError(
                500,
                "not_configured",
                f"Expected {DATASET_BUCKET} to name the bucket of datasets, or {DATA_DIR} their"
                " folder; neither is set. Set one and deploy again.",
            )
        host = Host(self._store, self.cache, process, request_id, should_stop)
        return run_task(task, host).to_dict()


def _configured_store(environment: Environment) -> ColumnStore | None:
    if environment.dataset_bucket is not None:
        from compute_lambda.tables.s3_columns import S3Columns

        return S3Columns(environment.dataset_bucket, environment.dataset_prefix)
    if environment.dataset_dir is not None:
        return DirectoryColumns(environment.dataset_dir)
    return None
