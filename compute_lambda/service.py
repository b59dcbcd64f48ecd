"""What POST /fit needs beside the handler: NumPy and the core, the datasets, the warm caches.

Importing this module takes longer than all the rest of a cold start, so the handler does it when
there is something to fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compute_lambda.cache import PreparedCache
from compute_lambda.columns import ColumnStore, DirectoryColumns
from compute_lambda.contract import FitTask
from compute_lambda.environment import DATA_DIR, DATASET_BUCKET, Environment
from compute_lambda.errors import HttpError
from compute_lambda.fitting import fit
from compute_lambda.host import Host


class FitService:
    """Computes tasks with the columns in `store`, by default the environment's."""

    def __init__(self, environment: Environment, store: ColumnStore | None = None) -> None:
        self.cache = PreparedCache(environment.cache_mb * 2**20)
        self._store = store or _configured_store(environment)

    def answer(
        self,
        payload: object,
        host: Host,
        request_id: str,
        should_stop: Callable[[], bool],
        facts: dict[str, Any],
    ) -> dict[str, Any]:
        """The result of the task in `payload` as plain JSON; `facts` learns which task that is.

        Raises ContractError, DatasetError and HttpError.
        """
        task = FitTask.from_dict(payload)
        facts["task_id"] = task.task_id
        facts["dataset_id"] = task.dataset_id
        store = self._store
        if store is None:
            raise HttpError(
                500,
                "not_configured",
                f"Expected {DATASET_BUCKET} to name the bucket of datasets, or {DATA_DIR} their"
                " folder; neither is set. Set one and deploy again.",
            )
        result = fit(
            task,
            lambda: store.read(task.dataset_id, task.columns),
            cache=self.cache,
            should_stop=should_stop,
            request_id=request_id,
            host=host,
        )
        return result.to_dict()


def _configured_store(environment: Environment) -> ColumnStore | None:
    if environment.dataset_bucket is not None:
        from compute_lambda.s3_columns import S3Columns

        return S3Columns(environment.dataset_bucket, environment.dataset_prefix)
    if environment.dataset_dir is not None:
        return DirectoryColumns(environment.dataset_dir)
    return None
