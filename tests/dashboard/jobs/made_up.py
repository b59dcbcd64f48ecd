"""Jobs, tasks and results of the right shape whose numbers mean nothing."""

from __future__ import annotations

import numpy as np

from compute_lambda import FitResult, FitTask, Invocation
from dashboard.planning.spec import JobSpec
from dashboard.stores.base import JobRecord, TaskOutcome
from kmeans_core import ClusterModel, ExperimentFit, Preparation

DATASET_ID = "ab" * 32


def spec(seed: int = 0, **changes: object) -> JobSpec:
    return JobSpec(DATASET_ID, ("a", "b"), seed=seed, **changes)  # type: ignore[arg-type]


def one_fit_for_each_k(k_max: int) -> JobSpec:
    """With a backend for which every experiment is a task: `k_max` tasks of one fit."""
    return spec(k_max=k_max, covariance_types=("full-untied",), n_experiments=1, n_restarts=1)


def job(seed: int = 0, n_tasks: int = 10, n_units: int = 50, **changes: object) -> JobRecord:
    what = spec(seed)
    return JobRecord(
        job_id=what.job_id,
        spec=what,
        dataset_name="field",
        backend="local",
        n_tasks=n_tasks,
        n_units=n_units,
        **changes,  # type: ignore[arg-type]
    )


def task_id(number: int) -> str:
    return f"{number:064x}"


def fit(
    bic: float = -10.0, k: int = 1, kind: str = "full-untied", **changes: object
) -> ExperimentFit:
    model = ClusterModel(
        covariance_type=kind,
        weights=np.full(k, 1 / k),
        means=np.zeros((k, 2)),
        covariances=np.stack([np.eye(2)] * k),
    )
    values: dict[str, object] = {
        "model": model,
        "experiment": 0,
        "restart": 0,
        "counts": np.full(k, 5),
        "log_likelihood": bic + 3.0,
        "classification_log_likelihood": bic + 2.0,
        "bic": bic,
        "aic": bic + 1.0,
        "icl": bic - 1.0,
        "n_parameters": 6 * k - 1,
        "n_iter": 3,
        "converged": True,
        "eligible": True,
        "n_eligible": 2,
        "n_restarts": 2,
        "n_floored": 0,
        "n_reseeded": 0,
    }
    return ExperimentFit(**{**values, **changes})  # type: ignore[arg-type]


def result(of_task: str, *fits: ExperimentFit) -> FitResult:
    preparation = Preparation(
        shift=np.array([1.0, 2.0]), scale=np.array([1.0, 0.5]), standardise=True, log_jacobian=0.0
    )
    invocation = Invocation("r1", 1_700_000_000.0, 0.0, 1.5, 20.25, False, 0, "numpy", "fit_0")
    return FitResult(of_task, fits or (fit(),), preparation, 10, invocation)


def done(number: int, n_units: int = 5, *fits: ExperimentFit) -> TaskOutcome:
    return TaskOutcome(task_id(number), "done", n_units, result=result(task_id(number), *fits))


def failed(number: int, message: str = "boom", n_units: int = 5) -> TaskOutcome:
    error = {"code": "boom", "message": message, "details": {}, "request_id": "r9"}
    return TaskOutcome(task_id(number), "failed", n_units, error=error, attempts=3)


def task(number: int = 0, k: int = 1) -> FitTask:
    return FitTask(DATASET_ID, (0, 1), True, "full-untied", (k,), (number,), 5, 0)
