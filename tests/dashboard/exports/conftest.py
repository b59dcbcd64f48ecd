"""A small real job on a table that has text, a gap, and a column named like a formula."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from compute_lambda import fit
from dashboard.analysis import JobView
from dashboard.planning.cost import NUMPY_COSTS
from dashboard.planning.plan import plan
from dashboard.planning.spec import JobSpec
from dashboard.stores.base import JobRecord, TaskOutcome

FORMULA = "=SUM(A1)"


class TableCatalogue:
    """One table with two numeric columns and one of text."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.names = [FORMULA, "depth"]
        units = {FORMULA: "mS/m", "depth": ""}
        self.infos = {
            name: SimpleNamespace(
                name=name, unit=units[name], role="measurement", minimum=0.0, maximum=1.0
            )
            for name in self.names
        }

    def get(self, dataset_id: str) -> Any:
        return SimpleNamespace(
            dataset_id=dataset_id,
            n_rows=len(self.frame),
            columns=tuple(self.infos.values()),
            other_columns=("note",),
            position=self.names.index,
            column=self.infos.__getitem__,
        )

    def columns(self, _dataset_id: str, names: Any) -> np.ndarray:
        return self.frame[list(names)].to_numpy(dtype=np.float64)

    def rows(self, _dataset_id: str) -> pd.DataFrame:
        return self.frame


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """41 rows: 25 around (0, 0), 15 around (9, -9), and row 3, which has a gap."""
    rng = np.random.default_rng(0)
    far = np.array([9, -9])
    values = np.concatenate([rng.normal(0, 1, (25, 2)), rng.normal(0, 1, (15, 2)) + far])
    values = np.insert(values, 3, [np.nan, 1.0], axis=0)
    notes = ["fine"] * 41
    notes[1], notes[2] = "=HYPERLINK(1)", "-3"
    return pd.DataFrame({FORMULA: values[:, 0], "depth": values[:, 1], "note": notes})


@pytest.fixture(scope="session")
def catalogue(table: pd.DataFrame) -> TableCatalogue:
    return TableCatalogue(table)


@pytest.fixture(scope="session")
def spec() -> JobSpec:
    types = ("full-tied", "spher-untied")
    return JobSpec(
        "a" * 64,
        (FORMULA, "depth"),
        k_max=2,
        covariance_types=types,
        n_experiments=2,
        n_restarts=2,
    )


@pytest.fixture(scope="session")
def view(catalogue: TableCatalogue, spec: JobSpec) -> JobView:
    """The view of the finished job."""
    made = JobView(catalogue, spec)
    columns = catalogue.columns(spec.dataset_id, spec.columns)
    for seq, task in enumerate(
        plan(spec, catalogue.get(spec.dataset_id), 40, NUMPY_COSTS), start=1
    ):
        result = fit(task, columns)
        made.absorb([TaskOutcome(task.task_id, "done", task.n_fits, result, seq=seq)])
    return made


@pytest.fixture(scope="session")
def record(spec: JobSpec) -> JobRecord:
    return JobRecord(
        spec.job_id,
        spec,
        "field",
        "local",
        8,
        spec.n_fits,
        state="done",
        n_units_done=16,
        created_at=0.0,
        finished_at=60.0,
    )
