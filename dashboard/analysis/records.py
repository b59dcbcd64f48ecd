"""The plain records that cross from analysis to figures, exports and the browser.

They are the JSON that the page polls, as typed dictionaries: what Python draws and what the
browser draws comes from the same shape. Numbers are finite or None, never NaN. All scores: higher
is better.
"""

from __future__ import annotations

import base64
import math
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

CellKey = tuple[str, int]
"""(covariance type, number of clusters K)."""

CRITERIA: dict[str, str] = {"bic": "BIC", "icl": "ICL", "aic": "AIC"}
"""Code of each criterion: its name as it is written. For all of them higher is better."""

Labels = NDArray[np.uint8]


class ScoreRecord(TypedDict):
    """One criterion over the experiments of a cell: mean, central 95 % range, shown fit's value."""

    mean: float | None
    low: float | None
    high: float | None
    best: float | None


class ClusterRecord(TypedDict):
    """One cluster in data units: mean (d,), covariance (d, d), size in rows, mixture weight."""

    size: int
    weight: float
    mean: list[float]
    covariance: list[list[float]]


class ModelRecord(TypedDict):
    """The best fit of a cell, clusters by size; `labels` is base64 of uint8 per shown row."""

    version: int
    experiment: int
    log_likelihood: float | None
    n_iter: int
    converged: bool
    n_parameters: int
    clusters: list[ClusterRecord]
    labels: str


class CellRecord(TypedDict):
    """One (covariance type, K): how many experiments are in, their scores, their best model."""

    type: str
    k: int
    n: int
    n_experiments: int
    eligible: bool
    n_eligible_experiments: int
    scores: dict[str, ScoreRecord]
    model: ModelRecord | None


class NextRecord(TypedDict):
    """The runner-up: its score and how much lower it is (`delta` >= 0)."""

    type: str
    k: int
    score: float
    delta: float


class RecommendationRecord(TypedDict):
    """A recommendation as the page shows it; see `Recommendation` for the meaning of each field."""

    type: str
    k: int
    experiment: int
    score: float
    n_parameters: int
    next: NextRecord | None
    evidence: str
    agreement: float | None
    votes: int
    n_votes: int
    sizes: list[int]
    warnings: list[str]


class TaskProblem(TypedDict):
    """A task that failed, in words; `k` is a number, or "6 to 10" when it held several."""

    task_id: str
    message: str
    code: str
    covariance_type: str | None
    k: int | str | None


class JobProgress(TypedDict):
    """The state of a job for the progress card; `errors` are the first of its failed tasks.

    `remaining_s` is None while nothing is known, `cap_usd` without a spending cap; `error` says
    why the job as a whole ended early.
    """

    job_id: str
    state: str
    n_fits: int
    n_fits_done: int
    n_tasks: int
    n_done: int
    n_running: int
    n_failed: int
    elapsed_s: float
    remaining_s: float | None
    cost_usd: float
    n_requests: int
    cap_usd: float | None
    capped: bool
    error: str | None
    errors: list[TaskProblem]


class Updates(TypedDict):
    """Everything about a job that is new after a cursor: what the page polls.

    `cells` holds the changed ones; `colours` has all of them, by `type|k`; `recommended` has one
    entry per criterion.
    """

    cursor: int
    token: str
    job: JobProgress
    cells: list[CellRecord]
    colours: dict[str, list[int]]
    recommended: dict[str, RecommendationRecord | None]


class PointsRecord(TypedDict):
    """The drawn rows: `rows` base64 of int32 (n_shown,), their numbers in the table; `values`
    base64 of float32, column after column."""

    columns: list[str]
    units: list[str]
    n_rows: int
    n_shown: int
    rows: str
    values: str


def finite(value: float) -> float | None:
    """`value` as a float that JSON can hold: None when it is NaN or infinite."""
    number = float(value)
    return number if math.isfinite(number) else None


def colour_key(covariance_type: str, k: int) -> str:
    """Name of a cell in JSON objects: `full-untied|3`."""
    return f"{covariance_type}|{k}"


def encode(values: np.ndarray) -> str:
    """Little-endian bytes of an array as base64 text (what `atob` in the browser takes)."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(np.ascontiguousarray(little).tobytes()).decode("ascii")


def decode_labels(model: ModelRecord) -> Labels:
    """Labels (m,) uint8 of the shown rows of a model record; 0 is the largest cluster."""
    return np.frombuffer(base64.b64decode(model["labels"]), dtype=np.uint8)
