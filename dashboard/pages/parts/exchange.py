"""What the browser and the server hand each other through the page's stores."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashboard.datasets import Dataset
    from dashboard.stores.base import JobRecord

NO_JOB: dict[str, Any] = {"job_id": None}
FOLLOW: dict[str, Any] = {"type": None, "k": None, "follow": True}


def live_job(record: JobRecord, dataset: Dataset) -> dict[str, Any]:
    """What the browser's engine needs to follow a job; see `ids.LIVE_JOB`."""
    spec = record.spec
    return {
        "job_id": record.job_id,
        "state": record.state,
        "columns": list(spec.columns),
        "units": [dataset.column(name).unit for name in spec.columns],
        "k_min": spec.k_min,
        "k_max": spec.k_max,
        "covariance_types": list(spec.covariance_types),
        "n_experiments": spec.n_experiments,
        "n_rows": dataset.n_rows,
        "dataset": record.dataset_name,
        "dataset_id": record.spec.dataset_id,
        "opened_at": time.time(),
    }
