"""The analysis that a first visit shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.planning.spec import JobSpec

if TYPE_CHECKING:
    from dashboard.datasets import DatasetCatalogue


def default_spec(catalogue: DatasetCatalogue) -> JobSpec:
    """The first built-in dataset with its own columns and the default settings."""
    dataset = catalogue.ensure_builtins()[0]
    return JobSpec(dataset_id=dataset.dataset_id, columns=dataset.default_columns)
