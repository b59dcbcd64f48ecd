"""A kind of job for the drivers: counts for several thresholds and columns of one table."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from compute_lambda.tasks.count.task import CountResult, CountTask

from compute_lambda.contract.content import content_id
from dashboard.planning.quote import Quote
from dashboard.planning.spec import SpecError

ROWS_PER_TASK = 400


@dataclass(frozen=True, slots=True)
class CountSpec:
    """Jobs with another `name` have the same tasks and are other jobs."""

    kind: ClassVar[str] = "count"

    dataset_id: str
    thresholds: tuple[float, ...]
    columns: tuple[int, ...] = (0,)
    name: str = "counts"

    @property
    def job_id(self) -> str:
        return content_id({"kind": self.kind, **self.to_dict()})[:16]

    def to_dict(self) -> dict[str, Any]:
        values = dataclasses.asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}


class Total:
    """Rows above any of the thresholds, summed over all tasks."""

    def __init__(self) -> None:
        self._found: dict[str, int] = {}

    def add(self, result: CountResult) -> None:
        self._found[result.task_id] = result.n_above

    def record(self) -> dict[str, Any] | None:
        return {"n_above": sum(self._found.values())} if self._found else None


class Counts:
    """The job kind "count"."""

    name = "count"
    unit = "rows"

    def read(self, raw: Any) -> CountSpec:
        try:
            return CountSpec(
                raw["dataset_id"], tuple(raw["thresholds"]), tuple(raw["columns"]), raw["name"]
            )
        except (KeyError, TypeError) as error:
            raise SpecError("bad_counts", f"Expected counts, got {raw!r:.60}.") from error

    def quote(self, spec: CountSpec, tables: Any, provider: Any) -> Quote:  # noqa: ARG002
        dataset = tables.get(spec.dataset_id)
        tasks = [
            CountTask(spec.dataset_id, column, threshold, start, start + ROWS_PER_TASK)
            for column in spec.columns
            for threshold in spec.thresholds
            for start in range(0, dataset.n_rows, ROWS_PER_TASK)
        ]
        n_units = sum(task.n_units for task in tasks)
        return Quote(
            dataset, dataset.n_rows, n_units, self.unit, len(tasks), 1.0, 0.0, lambda: tasks
        )

    def summary(self) -> Total:
        return Total()


KIND = Counts()
