"""Fits as plain JSON and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compute_lambda.contract.fields import Fields, checked_integer
from compute_lambda.contract.limits import MAX_ROWS
from compute_lambda.contract.models import model_from_dict, model_to_dict
from kmeans_core import ExperimentFit

_SCORES = ("log_likelihood", "classification_log_likelihood", "bic", "aic", "icl")
_COUNTERS = (
    "experiment",
    "restart",
    "n_parameters",
    "n_iter",
    "n_eligible",
    "n_restarts",
    "n_floored",
    "n_reseeded",
)
_FLAGS = ("converged", "eligible")
_ENDINGS = ("converged", "cycle", "max_iter")
_FIT_FIELDS = ("model", "counts", "stopped_by", *_SCORES, *_COUNTERS, *_FLAGS)


def fit_to_dict(fit: ExperimentFit) -> dict[str, Any]:
    """One fit as JSON; its numbers are finite (`fit` sees to that)."""
    record: dict[str, Any] = {"model": model_to_dict(fit.model), "counts": fit.counts.tolist()}
    record |= {name: float(getattr(fit, name)) for name in _SCORES}
    record |= {name: int(getattr(fit, name)) for name in _COUNTERS}
    record |= {name: bool(getattr(fit, name)) for name in _FLAGS}
    record["stopped_by"] = fit.stopped_by
    return record


def is_finite(fit: ExperimentFit) -> bool:
    """Whether all numbers of a fit can be sent: JSON has no NaN and no infinity."""
    arrays = (fit.model.weights, fit.model.means, fit.model.covariances)
    scores_finite = all(math.isfinite(getattr(fit, name)) for name in _SCORES)
    return scores_finite and all(bool(np.isfinite(array).all()) for array in arrays)


def fit_from_dict(raw: object, where: str, d: int) -> ExperimentFit:
    """The fit in `raw`, whose model must have `d` columns. Raises ContractError."""
    fields = Fields(raw, _FIT_FIELDS, where)
    model = model_from_dict(fields.value("model"), fields.path("model"), d)
    counts = fields.array("counts", model.n_clusters, model.n_clusters)
    for index, count in enumerate(counts):
        checked_integer(count, f"{where}.counts[{index}]", 0, MAX_ROWS)
    scores = {name: fields.number(name) for name in _SCORES}
    counters = {name: fields.integer(name, 0, MAX_ROWS) for name in _COUNTERS}
    flags = {name: fields.boolean(name) for name in _FLAGS}
    values: dict[str, Any] = scores | counters | flags
    values["stopped_by"] = fields.choice("stopped_by", _ENDINGS)
    return ExperimentFit(model=model, counts=np.array(counts, dtype=np.int64), **values)
