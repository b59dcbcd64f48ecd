"""The analysis: fits of several K and covariance types to one dataset, to compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dashboard.planning.best import BestModel
from dashboard.planning.job_kinds import Plan
from dashboard.planning.plan import plan
from dashboard.planning.spec import JobSpec, check_spec

if TYPE_CHECKING:
    from dashboard.datasets import DatasetCatalogue
    from dashboard.planning.cost import CostModel


class Analysis:
    """The job kind "analysis"; see `JobKind`."""

    name = "analysis"
    unit = "fits"

    def read(self, raw: object) -> JobSpec:
        """The specification in `raw`. Raises SpecError."""
        return JobSpec.from_dict(raw)

    def plan(self, spec: JobSpec, catalogue: DatasetCatalogue, costs: CostModel) -> Plan:
        """Fit tasks for every (type, K, experiment). Raises SpecError and DatasetError."""
        dataset = catalogue.get(spec.dataset_id)
        # An unknown column is reported by `check_spec`, in better words.
        known = {column.name for column in dataset.columns}.issuperset(spec.columns)
        n_rows = dataset.n_rows
        if known and spec.columns:
            finite = catalogue.finite_rows(dataset.dataset_id, spec.columns)
            n_rows = int(np.count_nonzero(finite))
        check_spec(spec, dataset, n_rows)
        return Plan(plan(spec, dataset, n_rows, costs), dataset.name)

    def summary(self) -> BestModel:
        """The best model so far."""
        return BestModel()


KIND = Analysis()
