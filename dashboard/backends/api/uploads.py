"""The datasets of one run: each is where the function finds it before the first task is sent."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Protocol

from compute_lambda.contract.errors import ReportedError, error_record
from dashboard.aws.problems import AwsProblem

MOST_UPLOADS = 2
"""How often a dataset is uploaded in one run: at its start, and once more if it has vanished."""

_log = logging.getLogger(__name__)


class Datasets(Protocol):
    """Where the function reads datasets from."""

    def ensure(self, dataset_id: str, *, should_stop: Callable[[], bool] | None = None) -> None:
        """Upload the dataset unless it is there. Raises AwsProblem and DatasetError."""
        ...


class Uploads:
    """Makes sure, once for each set of inputs, that they are there; uploads run in `threads`.

    Inputs are the ids of the datasets that a task needs together; there may be none. With
    `datasets` None the function finds them without our help. Belongs to one event loop.
    """

    def __init__(
        self, datasets: Datasets | None, threads: Executor, should_stop: Callable[[], bool]
    ) -> None:
        self._datasets, self._threads, self._should_stop = datasets, threads, should_stop
        self._made: dict[tuple[str, ...], list[asyncio.Future[dict[str, Any] | None]]] = {}

    def state(self, inputs: tuple[str, ...]) -> tuple[bool, dict[str, Any] | None]:
        """(whether tasks need not wait any more, the error if the upload has failed)."""
        if self._datasets is None or not inputs:
            return True, None
        made = self._made.get(inputs)
        if not made or not made[-1].done():
            return False, None
        return True, made[-1].result()

    def version(self, inputs: tuple[str, ...]) -> int:
        """How many uploads have ended: a task sent now finds the dataset of the last one."""
        return sum(upload.done() for upload in self._made.get(inputs, ()))

    async def ready(self, inputs: tuple[str, ...]) -> dict[str, Any] | None:
        """Wait until the dataset is there; the error if it cannot be."""
        if self._datasets is None or not inputs:
            return None
        made = self._made.setdefault(inputs, [])
        if not made:
            made.append(asyncio.ensure_future(self._upload(inputs)))
        return await asyncio.shield(made[-1])

    def again(self, inputs: tuple[str, ...], seen_version: int) -> bool:
        """The function did not find the dataset; whether the task is to be sent once more.

        Uploads again, unless there was another upload since `seen_version`. False when the dataset
        has been uploaded MOST_UPLOADS times.
        """
        made = self._made.get(inputs, [])
        if self._datasets is None or not made:
            return False
        if len(made) > seen_version or not made[-1].done():
            return True
        if len(made) >= MOST_UPLOADS:
            return False
        made.append(asyncio.ensure_future(self._upload(inputs)))
        return True

    async def _upload(self, inputs: tuple[str, ...]) -> dict[str, Any] | None:
        assert self._datasets is not None
        datasets = self._datasets

        def ensure() -> None:
            for dataset_id in inputs:
                datasets.ensure(dataset_id, should_stop=self._should_stop)

        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, ensure)
        except ReportedError as error:
            return error_record(error, "")
        except Exception as error:
            problem = AwsProblem.of(error, "uploading the dataset")
            if problem.code != "unexpected":
                return error_record(problem, "")
            error_id = uuid.uuid4().hex[:16]
            _log.exception("Uploading %s failed (error %s)", ", ".join(inputs), error_id)
            return error_record(error, error_id)
        return None
