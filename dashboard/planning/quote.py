"""What a job would take before it runs: usable rows, tasks, seconds and dollars, in one object.

The page shows a quote while somebody changes the settings, the command line prints it, and the job
service runs its tasks. All three read the same one, so that a job is cut into tasks once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dashboard.planning.amounts import about, dollars

if TYPE_CHECKING:
    import numpy as np

    from compute_lambda import Task
    from dashboard.datasets import Dataset
    from dashboard.planning.cost import CostModel

COLD_START_S = 0.3
"""Start-up and first read of the columns, which every function is billed for once. The quote
assumes that none is warm."""


class Provider(Protocol):
    """What a quote depends on of the backend that would run the job."""

    @property
    def costs(self) -> CostModel:
        """Predicts how long a fit takes; tasks are cut by it."""
        ...

    @property
    def concurrency(self) -> int:
        """Tasks that run at once."""
        ...

    def cost_usd(self, busy_s: float, n_requests: int) -> float:
        """The price of `busy_s` seconds of computing in `n_requests` tasks, in US dollars."""
        ...


class Tables(Protocol):
    """What a quote needs of the dataset catalogue."""

    def get(self, dataset_id: str) -> Dataset:
        """The dataset. Raises DatasetError when there is none."""
        ...

    def finite_rows(self, dataset_id: str, names: Sequence[str]) -> np.ndarray:
        """(n,) bool: the rows in which every one of these columns is finite."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks of a job, in the order in which they are to be done, and what people call it."""

    tasks: Sequence[Task]
    title: str

    @property
    def n_units(self) -> int:
        """Units of progress in all tasks."""
        return sum(task.n_units for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Quote:
    """A job that can be run as asked, and what running all of it would take.

    `n_rows` counts the usable rows of `dataset`: rows with a finite number in every chosen column.
    `n_units` are units of progress, called `unit` ("fits"). `seconds` is the duration with nothing
    known yet, `usd` the price with no function warm yet. `make_tasks` gives the `n_tasks` tasks.
    """

    dataset: Dataset
    n_rows: int
    n_units: int
    unit: str
    n_tasks: int
    seconds: float
    usd: float
    make_tasks: Callable[[], Sequence[Task]]

    def plan(self) -> Plan:
        """The tasks themselves."""
        return Plan(self.make_tasks(), self.dataset.name)

    def fits_into(self, cap_usd: float | None) -> bool:
        """Whether a spending cap suffices; None is no cap."""
        return cap_usd is None or self.usd <= cap_usd

    def sentence(self, cap_usd: float | None = None) -> str:
        """`6,000 fits · about 1 s · $0.00`, and whether that is more than the cap allows."""
        unit = self.unit.removesuffix("s") if self.n_units == 1 else self.unit
        line = f"{self.n_units:,} {unit} · {about(self.seconds)} · {dollars(self.usd)}"
        if cap_usd is None or self.fits_into(cap_usd):
            return line
        return f"{line} · more than the cap of {dollars(cap_usd)}"


def duration_s(tasks_s: Sequence[float], concurrency: int) -> float:
    """Seconds that tasks of `tasks_s` seconds take with `concurrency` of them at a time.

    The longest task cannot be divided, however many workers there are.
    """
    return max(sum(tasks_s) / max(1, concurrency), *tasks_s)


def price_usd(tasks_s: Sequence[float], provider: Provider) -> float:
    """The price of tasks that compute for `tasks_s` seconds each, every function starting cold."""
    cold_s = COLD_START_S * min(len(tasks_s), provider.concurrency)
    return provider.cost_usd(sum(tasks_s) + cold_s, len(tasks_s))
