"""All best models of a job as one self-explaining JSON document."""

from __future__ import annotations

import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from dashboard.analysis.cell import Cell
from dashboard.analysis.matching import canonical_order
from dashboard.analysis.recommendation import recommend
from dashboard.analysis.records import CRITERIA, finite
from kmeans_core import KERNEL

if TYPE_CHECKING:
    from dashboard.analysis.view import JobView
    from dashboard.stores.base import JobRecord

FORMAT = "centaurus-models/1"
NOTES = {
    "scores": (
        "bic = L - r/2 log n, aic = L - r, icl = C - r/2 log n, with L the mixture and C the "
        "classification log-likelihood, r the free parameters, n the rows. Higher is better; "
        "scikit-learn's BIC and AIC have the opposite sign and twice the size."
    ),
    "units": (
        "Means and covariances are in the units of the data. With standardise = true, scores and "
        "log-likelihoods refer to standardised columns, otherwise to the units of the data."
    ),
    "clusters": "Numbered from 1, the largest.",
    "model": "Per type and K: the eligible experiment with the highest bic.",
}


def models_json(view: JobView, record: JobRecord) -> dict[str, Any]:
    """Settings, recommendations and the best model of every (type, K), as plain JSON without NaN.

    Keys: `format`, `notes`, `versions`, `job`, `settings`, `columns`, `preparation`,
    `recommended` {criterion: ...}, `models` [...] (K ascending, types in their usual order).
    """
    with view.lock:
        cells = sorted(view.cells.values(), key=lambda cell: canonical_order(cell.key))
        shown = view.shown
        best = {name: recommend(view, name) for name in CRITERIA}
    return {
        "format": FORMAT,
        "notes": NOTES,
        "versions": versions(),
        "job": {
            "job_id": record.job_id,
            "dataset": record.dataset_name,
            "state": record.state,
            "n_fits": record.n_units,
            "n_fits_done": record.n_units_done,
            "created_at": _iso(record.created_at),
            "finished_at": _iso(record.finished_at),
        },
        "settings": view.spec.to_dict(),
        "n_rows": shown.n_rows,
        "columns": [
            {"name": name, "unit": unit}
            for name, unit in zip(shown.columns, shown.units, strict=True)
        ],
        "preparation": _preparation(cells, shown.columns),
        "recommended": {
            name: None if found is None else dict(found.to_json()) for name, found in best.items()
        },
        "models": [_model(cell, shown.columns) for cell in cells if cell.best is not None],
    }


def versions() -> dict[str, str]:
    """Versions that results depend on."""
    try:
        own = version("centaurus")
    except PackageNotFoundError:  # run from a checkout without installation
        own = "unknown"
    return {"centaurus": own, "numpy": np.__version__, "kernel": KERNEL}


def _model(cell: Cell, columns: tuple[str, ...]) -> dict[str, Any]:
    fit, preparation = cell.best, cell.preparation
    assert fit is not None
    assert preparation is not None
    means = preparation.means_to_data_units(fit.model.means)
    covariances = preparation.covariances_to_data_units(fit.model.full_covariances())
    return {
        "type": cell.covariance_type,
        "k": cell.k,
        "experiment": int(fit.experiment),
        "restart": int(fit.restart),
        "n_experiments": cell.n,
        "n_eligible_experiments": cell.n_eligible,
        "bic": finite(fit.bic),
        "aic": finite(fit.aic),
        "icl": finite(fit.icl),
        "log_likelihood": finite(fit.log_likelihood),
        "classification_log_likelihood": finite(fit.classification_log_likelihood),
        "n_parameters": int(fit.n_parameters),
        "n_iter": int(fit.n_iter),
        "converged": bool(fit.converged),
        "eligible": bool(fit.eligible),
        "n_floored": int(fit.n_floored),
        "n_reseeded": int(fit.n_reseeded),
        "clusters": [
            {
                "cluster": j + 1,
                "size": int(fit.counts[j]),
                "weight": float(fit.model.weights[j]),
                "mean": dict(zip(columns, means[j].tolist(), strict=True)),
                "covariance": {
                    name: dict(zip(columns, row, strict=True))
                    for name, row in zip(columns, covariances[j].tolist(), strict=True)
                },
            }
            for j in range(cell.k)
        ],
    }


def _preparation(cells: list[Cell], columns: tuple[str, ...]) -> dict[str, Any] | None:
    """How rows were shifted and scaled for the fit, the same for all models of a job."""
    preparation = next((c.preparation for c in cells if c.preparation is not None), None)
    if preparation is None:
        return None
    return {
        "standardise": bool(preparation.standardise),
        "shift": dict(zip(columns, np.asarray(preparation.shift).tolist(), strict=True)),
        "scale": dict(zip(columns, np.asarray(preparation.scale).tolist(), strict=True)),
    }


def _iso(unix_s: float | None) -> str | None:
    if unix_s is None:
        return None
    return datetime.datetime.fromtimestamp(unix_s, tz=datetime.UTC).isoformat(timespec="seconds")
