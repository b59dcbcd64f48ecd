"""The analysis: fits of several K and covariance types to one dataset, to compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dashboard.planning.best import BestModel
from dashboard.planning.plan import groups, tasks_of
from dashboard.planning.quote import Provider, Quote, Tables, duration_s, price_usd
from dashboard.planning.spec import JobSpec, check_spec

if TYPE_CHECKING:
    from dashboard.datasets import Dataset


class Analysis:
    """The job kind "analysis"; see `JobKind`."""

    name = "analysis"
    unit = "fits"

    def read(self, raw: object) -> JobSpec:
        """The specification in `raw`. Raises SpecError."""
        return JobSpec.from_dict(raw)

    def quote(self, spec: JobSpec, tables: Tables, provider: Provider) -> Quote:
        """Fits of every (type, K, experiment). Raises SpecError and DatasetError."""
        dataset = tables.get(spec.dataset_id)
        known = {column.name for column in dataset.columns}
        n_rows = dataset.n_rows
        # Without columns, or with one that is not there, `check_spec` says what is wrong.
        if spec.columns and known.issuperset(spec.columns):
            n_rows = int(np.count_nonzero(tables.finite_rows(spec.dataset_id, spec.columns)))
        return quote(spec, dataset, n_rows, provider)

    def summary(self) -> BestModel:
        """The best model so far."""
        return BestModel()


def quote(spec: JobSpec, dataset: Dataset, n_rows: int, provider: Provider) -> Quote:
    """The quote for an analysis of the `n_rows` usable rows of `dataset`.

    Raises SpecError when it cannot be run as asked.
    """
    check_spec(spec, dataset, n_rows)
    cut = groups(spec, n_rows, provider.costs)
    tasks_s = [(group.ms + provider.costs.task_ms) / 1e3 for group in cut]
    return Quote(
        dataset=dataset,
        n_rows=n_rows,
        n_units=spec.n_fits,
        unit=Analysis.unit,
        n_tasks=len(cut),
        seconds=duration_s(tasks_s, provider.concurrency),
        usd=price_usd(tasks_s, provider),
        make_tasks=lambda: tasks_of(spec, dataset, cut),
    )


KIND = Analysis()
