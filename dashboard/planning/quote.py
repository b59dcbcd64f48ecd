"""What a job would take before it runs: usable rows, tasks, seconds and dollars, in one object.

The page shows a quote while somebody changes the settings, the command line prints it, and the job
service runs its tasks. All three read the same one, so that a job is cut into tasks once.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dashboard.planning.amounts import about, dollars
from dashboard.planning.plan import Group, groups, tasks_of
from dashboard.planning.spec import JobSpec, check_spec

if TYPE_CHECKING:
    from compute_lambda import FitTask
    from dashboard.datasets import Dataset
    from dashboard.planning.cost import CostModel

COLD_START_S = 0.3
"""Start-up and first read of the columns, which every function is billed for once. The quote
assumes that none is warm."""

REMEMBERED = 4
"""Quotes that are kept: that of the settings in view, and those of a few other people."""


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
class Quote:
    """A job that can be run as asked, and what running all of it would take.

    `n_rows` counts the usable rows: those with a finite number in every chosen column. `groups`
    says what each task holds, in the order in which they are run. `seconds` is the duration with
    nothing known yet, `usd` the price with no function warm yet.
    """

    spec: JobSpec
    dataset: Dataset
    n_rows: int
    groups: tuple[Group, ...]
    seconds: float
    usd: float

    @property
    def n_tasks(self) -> int:
        """Number of tasks."""
        return len(self.groups)

    @property
    def n_fits(self) -> int:
        """Number of fits, that is runs of the iteration."""
        return self.spec.n_fits

    def tasks(self) -> list[FitTask]:
        """The tasks, in the order in which they are run."""
        return tasks_of(self.spec, self.dataset, self.groups)

    def fits_into(self, cap_usd: float | None) -> bool:
        """Whether a spending cap suffices; None is no cap."""
        return cap_usd is None or self.usd <= cap_usd

    def sentence(self, cap_usd: float | None = None) -> str:
        """`6,000 fits · about 1 s · $0.00`, and whether that is more than the cap allows."""
        fits = f"{self.n_fits:,} fit{'' if self.n_fits == 1 else 's'}"
        line = f"{fits} · {about(self.seconds)} · {dollars(self.usd)}"
        if cap_usd is None or self.fits_into(cap_usd):
            return line
        return f"{line} · more than the cap of {dollars(cap_usd)}"


def quote(spec: JobSpec, dataset: Dataset, n_rows: int, provider: Provider) -> Quote:
    """The quote for a job on the `n_rows` usable rows of `dataset`.

    Raises SpecError when the job cannot be run as asked.
    """
    check_spec(spec, dataset, n_rows)
    cut = tuple(groups(spec, n_rows, provider.costs))
    tasks_s = [(group.ms + provider.costs.task_ms) / 1e3 for group in cut]
    return Quote(
        spec=spec,
        dataset=dataset,
        n_rows=n_rows,
        groups=cut,
        seconds=duration_s(tasks_s, provider.concurrency),
        usd=price_usd(tasks_s, provider),
    )


def duration_s(tasks_s: Sequence[float], concurrency: int) -> float:
    """Seconds that tasks of `tasks_s` seconds take with `concurrency` of them at a time.

    The longest task cannot be divided, however many workers there are.
    """
    return max(sum(tasks_s) / max(1, concurrency), *tasks_s)


def price_usd(tasks_s: Sequence[float], provider: Provider) -> float:
    """The price of tasks that compute for `tasks_s` seconds each, every function starting cold."""
    cold_s = COLD_START_S * min(len(tasks_s), provider.concurrency)
    return provider.cost_usd(sum(tasks_s) + cold_s, len(tasks_s))


class Quotes:
    """The quotes of one catalogue and one backend; the last few are remembered.

    Safe to use from several threads. What costs and concurrency a backend has, and what rows a
    dataset holds, never changes: a remembered quote stays right until its dataset is deleted.
    """

    def __init__(self, tables: Tables, provider: Provider) -> None:
        self._tables, self._provider = tables, provider
        self._lock = threading.Lock()
        self._known: OrderedDict[JobSpec, Quote] = OrderedDict()

    def of(self, spec: JobSpec) -> Quote:
        """The quote for `spec`. Raises DatasetError and SpecError when it cannot be run."""
        dataset = self._tables.get(spec.dataset_id)
        with self._lock:
            known = self._known.get(spec)
        if known is None:
            n_rows = self._usable_rows(spec, dataset)
            known = quote(spec, dataset, n_rows, self._provider)
        with self._lock:
            self._known[spec] = known
            self._known.move_to_end(spec)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return dataclasses.replace(known, dataset=dataset)

    def _usable_rows(self, spec: JobSpec, dataset: Dataset) -> int:
        known = {column.name for column in dataset.columns}
        # Without columns, or with one that is not there, `check_spec` says what is wrong.
        if not spec.columns or not known.issuperset(spec.columns):
            return dataset.n_rows
        return int(np.count_nonzero(self._tables.finite_rows(spec.dataset_id, spec.columns)))
