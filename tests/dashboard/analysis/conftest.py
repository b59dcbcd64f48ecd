"""A catalogue in memory, made-up fits with chosen scores, and one real job on three clusters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compute_lambda import FitResult, Invocation, fit
from dashboard.analysis import JobView
from dashboard.planning.cost import NUMPY_COSTS
from dashboard.planning.plan import plan
from dashboard.planning.spec import JobSpec
from dashboard.stores.base import JobRecord, TaskOutcome
from kmeans_core import ClusterModel, ExperimentFit, Preparation

INVOCATION = Invocation("r", 0.0, 0.0, 0.0, 0.0, False, 0, "numpy", "test")
IDENTITY = Preparation(np.zeros(2), np.ones(2), True, 0.0)


class MemoryCatalogue:
    """One table; names and units as given."""

    def __init__(self, values: np.ndarray, names: Sequence[str], units: Sequence[str]) -> None:
        self.values = np.asarray(values, dtype=np.float64)
        self.infos = [
            SimpleNamespace(name=n, unit=u, role="measurement", minimum=0.0, maximum=1.0)
            for n, u in zip(names, units, strict=True)
        ]
        self.names = list(names)

    def get(self, dataset_id: str) -> Any:
        return SimpleNamespace(
            dataset_id=dataset_id,
            n_rows=len(self.values),
            columns=tuple(self.infos),
            other_columns=(),
            position=self.names.index,
            column=lambda name: self.infos[self.names.index(name)],
        )

    def columns(self, _dataset_id: str, names: Sequence[str]) -> np.ndarray:
        return self.values[:, [self.names.index(name) for name in names]]


def three_clusters(seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Rows (300, 2) and their true cluster (300,): round groups of 150, 100 and 50, far apart."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 1, 2], [150, 100, 50])
    centres = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 9.0]])
    order = rng.permutation(300)
    return (centres[truth] + rng.normal(size=(300, 2)))[order], truth[order]


@dataclass
class MadeUp:
    """Builds fits and outcomes that hold exactly what a test says."""

    seq: int = 0

    def fit(
        self,
        covariance_type: str = "spher-tied",
        means: Sequence[Sequence[float]] = ((0.0, 0.0),),
        experiment: int = 0,
        bic: float = 0.0,
        counts: Sequence[int] | None = None,
        **other: Any,
    ) -> ExperimentFit:
        """A fit of unit-variance clusters at `means`; icl and aic follow bic unless given."""
        k, d = len(means), len(means[0])
        shape = {"full": np.eye(d), "diag": np.ones(d), "spher": np.asarray(1.0)}
        one = shape[covariance_type.split("-")[0]]
        covariances = one if covariance_type.endswith("-tied") else np.stack([one] * k)
        fields: dict[str, Any] = {
            "restart": 0,
            "log_likelihood": bic + 5.0,
            "classification_log_likelihood": bic + 4.0,
            "aic": bic + 2.0,
            "icl": bic - 1.0,
            "n_parameters": 3 * k,
            "n_iter": 7,
            "converged": True,
            "eligible": True,
            "n_eligible": 1,
            "n_restarts": 1,
            "n_floored": 0,
            "n_reseeded": 0,
        }
        return ExperimentFit(
            model=ClusterModel(
                covariance_type, np.full(k, 1 / k), np.asarray(means, dtype=float), covariances
            ),
            experiment=experiment,
            counts=np.asarray(counts or [300 // k] * k, dtype=np.int64),
            bic=bic,
            **(fields | other),
        )

    def done(
        self,
        *fits: ExperimentFit,
        task_id: str | None = None,
        started_at: float = 0.0,
        run_ms: float = 0.0,
    ) -> TaskOutcome:
        """A successful outcome with the next sequence number."""
        self.seq += 1
        name = task_id or f"task-{self.seq}"
        hashed = hashlib.sha256(name.encode()).hexdigest()
        invocation = replace(INVOCATION, started_at=started_at, run_ms=run_ms)
        result = FitResult(hashed, tuple(fits), IDENTITY, 300, invocation)
        return TaskOutcome(name, "done", len(fits), result, seq=self.seq)

    def failed(
        self, task_id: str, message: str = "It broke.", details: dict[str, Any] | None = None
    ) -> TaskOutcome:
        """A failed outcome with the next sequence number."""
        self.seq += 1
        error = {"code": "broken", "message": message, "details": details or {}}
        return TaskOutcome(task_id, "failed", 1, error=error, seq=self.seq)


@pytest.fixture
def made_up() -> MadeUp:
    return MadeUp()


@pytest.fixture(scope="session")
def truth() -> np.ndarray:
    return three_clusters()[1]


@pytest.fixture(scope="session")
def catalogue() -> MemoryCatalogue:
    return MemoryCatalogue(three_clusters()[0], ["a", "b"], ["mS/m", ""])


@pytest.fixture
def make_catalogue() -> type[MemoryCatalogue]:
    return MemoryCatalogue


@pytest.fixture(scope="session")
def spec() -> JobSpec:
    return JobSpec("a" * 64, ("a", "b"), k_max=4, n_experiments=4, n_restarts=4)


@pytest.fixture
def view(catalogue: MemoryCatalogue, spec: JobSpec) -> JobView:
    """A view of the job that has absorbed nothing."""
    return JobView(catalogue, spec)


@pytest.fixture(scope="session")
def run_job() -> Callable[[Any, JobSpec], list[TaskOutcome]]:
    """Fit all tasks of a job here and now."""

    def run(catalogue: Any, spec: JobSpec) -> list[TaskOutcome]:
        columns = catalogue.columns(spec.dataset_id, spec.columns)
        tasks = plan(spec, catalogue.get(spec.dataset_id), len(columns), NUMPY_COSTS)
        return [
            TaskOutcome(task.task_id, "done", task.n_fits, fit(task, columns), seq=seq)
            for seq, task in enumerate(tasks, start=1)
        ]

    return run


@pytest.fixture(scope="session")
def outcomes(
    catalogue: MemoryCatalogue, spec: JobSpec, run_job: Callable[..., list[TaskOutcome]]
) -> list[TaskOutcome]:
    """What the store holds after the whole job on `three_clusters`."""
    return run_job(catalogue, spec)


@pytest.fixture
def finished(view: JobView, outcomes: list[TaskOutcome]) -> JobView:
    """The view of the finished job."""
    view.absorb(outcomes)
    return view


@pytest.fixture
def record_of() -> Callable[..., JobRecord]:
    """The store's record of a view's job, running since time 100 unless told otherwise."""

    def make(view: JobView, **other: Any) -> JobRecord:
        fields: dict[str, Any] = {
            "state": "running",
            "n_units_done": 96,
            "created_at": 90.0,
            "started_at": 100.0,
        }
        spec = view.spec
        return JobRecord(spec.job_id, spec, "three", "local", 48, spec.n_fits, **(fields | other))

    return make
