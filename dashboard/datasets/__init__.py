"""Tables: built-in or uploaded, read, checked, described and stored once by content."""

from __future__ import annotations

from dashboard.datasets.catalogue import DatasetCatalogue
from dashboard.datasets.model.dataset import ColumnInfo, Dataset
from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.model.limits import DEFAULT_LIMITS, Limits
from dashboard.datasets.preview import Preview

__all__ = [
    "DEFAULT_LIMITS",
    "ColumnInfo",
    "Dataset",
    "DatasetCatalogue",
    "DatasetError",
    "Limits",
    "Preview",
]
