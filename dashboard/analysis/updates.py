"""What the page polls: everything about a job that is new after a cursor, as plain JSON."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

from dashboard.analysis.cell import Cell
from dashboard.analysis.matching import canonical_order
from dashboard.analysis.recommendation import recommend
from dashboard.analysis.records import (
    CRITERIA,
    CellRecord,
    ClusterRecord,
    JobProgress,
    ModelRecord,
    PointsRecord,
    RecommendationRecord,
    TaskProblem,
    Updates,
    colour_key,
    encode,
    finite,
)
from dashboard.analysis.remaining import Speed, remaining_s
from dashboard.analysis.view import Failure, JobView

if TYPE_CHECKING:
    from dashboard.stores.base import JobRecord

MAX_ERRORS = 100


def updates(
    view: JobView,
    record: JobRecord,
    after: int = 0,
    *,
    now: float | None = None,
    backend: Speed | None = None,
) -> Updates:
    """Everything that changed after the cursor `after`, with the job's state.

    A cell's `model` is there only where it changed. `now` is Unix time in seconds. A cursor beyond
    the view's own belongs to a store that is gone: then everything is sent. The remaining time is
    None without `backend`, the one that runs the job.
    """
    with view.lock:
        after = after if 0 <= after <= view.cursor else 0
        changed = [cell for cell in _in_order(view) if cell.version > after]
        return {
            "cursor": view.cursor,
            "token": state_token(view, record),
            "job": _job(view, record, time.time() if now is None else now, backend),
            "cells": [
                cell_record(view, cell, with_model=cell.model_version > after) for cell in changed
            ],
            "colours": colour_record(view),
            "recommended": {name: _recommended(view, name) for name in CRITERIA},
        }


def is_current(view: JobView, record: JobRecord, after: int, token: str | None) -> bool:
    """Whether a client with this cursor and token knows all there is (answer 204 then)."""
    with view.lock:
        return after == view.cursor and token == state_token(view, record)


def state_token(view: JobView, record: JobRecord) -> str:
    """Short text that changes whenever the job's state, progress or errors do (not its clock)."""
    with view.lock:
        failed = sorted(view.failures)
        parts: list[object] = [
            record.created_at,
            record.started_at,
            record.finished_at,
            record.state,
            record.n_tasks,
            record.n_done,
            record.n_failed,
            record.n_running,
            record.n_units_done,
            record.cancel_requested,
            record.error,
            record.spent.n_requests,
            record.spent.usd,
            record.spending_cap_usd,
            failed,
        ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:12]


def cell_records(view: JobView) -> list[CellRecord]:
    """All cells with their models: what figures and exports draw from, in canonical order."""
    with view.lock:
        return [cell_record(view, cell) for cell in _in_order(view)]


def cell_record(view: JobView, cell: Cell, with_model: bool = True) -> CellRecord:
    """A cell as plain JSON; remembered until the cell changes."""
    remembered = view.memory.get(("cell", cell.key))
    if remembered is None or remembered[0] != cell.version:
        bare: CellRecord = {
            "type": cell.covariance_type,
            "k": cell.k,
            "n": cell.n,
            "n_experiments": view.spec.n_experiments,
            "eligible": bool(cell.best is not None and cell.best.eligible),
            "n_eligible_experiments": cell.n_eligible,
            "scores": {name: cell.score_record(name) for name in CRITERIA},
            "model": None,
        }
        remembered = cell.version, bare
        view.memory["cell", cell.key] = remembered
    result: CellRecord = remembered[1].copy()
    if with_model:
        result["model"] = _model_record(view, cell)
    return result


def colour_record(view: JobView) -> dict[str, list[int]]:
    """Palette slot of each cluster, by `type|k`, for all cells."""
    return {colour_key(*key): slots for key, slots in view.colours().items()}


def points(view: JobView) -> PointsRecord:
    """The drawn rows as plain JSON; see `ShownRows.to_json`."""
    return view.shown.to_json()


def _in_order(view: JobView) -> list[Cell]:
    return sorted(view.cells.values(), key=lambda cell: canonical_order(cell.key))


def _model_record(view: JobView, cell: Cell) -> ModelRecord | None:
    fit, preparation = cell.best, cell.preparation
    if fit is None or preparation is None:
        return None
    remembered = view.memory.get(("model", cell.key))
    if remembered is not None and remembered[0] == cell.model_version:
        kept: ModelRecord = remembered[1]
        return kept
    means = preparation.means_to_data_units(fit.model.means)
    covariances = preparation.covariances_to_data_units(fit.model.full_covariances())
    clusters: list[ClusterRecord] = [
        {
            "size": int(fit.counts[j]),
            "weight": float(fit.model.weights[j]),
            "mean": means[j].tolist(),
            "covariance": covariances[j].tolist(),
        }
        for j in range(cell.k)
    ]
    result: ModelRecord = {
        "version": cell.model_version,
        "experiment": int(fit.experiment),
        "log_likelihood": finite(fit.log_likelihood),
        "n_iter": int(fit.n_iter),
        "converged": bool(fit.converged),
        "n_parameters": int(fit.n_parameters),
        "clusters": clusters,
        "labels": encode(view.labels(cell.key)),
    }
    view.memory["model", cell.key] = cell.model_version, result
    return result


def _recommended(view: JobView, criterion: str) -> RecommendationRecord | None:
    recommendation = recommend(view, criterion)
    return None if recommendation is None else recommendation.to_json()


def _job(view: JobView, record: JobRecord, now: float, backend: Speed | None) -> JobProgress:
    elapsed_s = 0.0
    if record.started_at is not None:
        until = record.finished_at if record.finished_at is not None else now
        elapsed_s = max(0.0, until - record.started_at)
    return {
        "job_id": record.job_id,
        "state": record.state,
        "n_fits": record.n_units,
        "n_fits_done": record.n_units_done,
        "n_tasks": record.n_tasks,
        "n_done": record.n_done,
        "n_running": record.n_running,
        "n_failed": record.n_failed,
        "elapsed_s": elapsed_s,
        "remaining_s": None if backend is None else remaining_s(view, record, backend, now),
        "cost_usd": record.spent.usd,
        "n_requests": record.spent.n_requests,
        "cap_usd": record.spending_cap_usd,
        "capped": record.capped,
        "error": record.error,
        "errors": _errors(view),
    }


def _errors(view: JobView) -> list[TaskProblem]:
    """The failed tasks in order of their failure, at most `MAX_ERRORS`."""
    failures = sorted(view.failures.values(), key=lambda failure: failure.seq)[:MAX_ERRORS]
    return [_error(failure) for failure in failures]


def _error(failure: Failure) -> TaskProblem:
    details = failure.error.get("details") or {}
    k_values = details.get("n_clusters") or [None]
    k = k_values[0] if len(k_values) == 1 else f"{k_values[0]} to {k_values[-1]}"
    return {
        "task_id": failure.task_id,
        "message": str(failure.error.get("message", "The task failed without a message.")),
        "code": str(failure.error.get("code", "")),
        "covariance_type": details.get("covariance_type"),
        "k": k,
    }
