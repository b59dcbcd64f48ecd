"""Models, fits and preparations as plain JSON and back, with every shape checked.

Arrays travel as nested lists of float64; parameters are in prepared units, as in the core.
Symmetric matrices are sent whole: their two halves need not be equal in the last bit.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compute_lambda.errors import ContractError
from compute_lambda.fields import Fields, checked_integer, shown
from kmeans_core import COVARIANCE_TYPES, ClusterModel, ExperimentFit, Preparation

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
_PREPARATION_FIELDS = ("shift", "scale", "standardise", "log_jacobian")
_MODEL_FIELDS = ("covariance_type", "weights", "means", "covariances")
_FIT_FIELDS = ("model", "counts", "stopped_by", *_SCORES, *_COUNTERS, *_FLAGS)
_MAX_COUNT = 2**53
_NUMBERS = {int, float}  # and not bool, which is an int


def covariance_shape(covariance_type: str, n_clusters: int, d: int) -> tuple[int, ...]:
    """Shape of the compact covariances, as in scikit-learn's GaussianMixture with one addition.

    (d, d), (d,), () for full, diag and spherical; a leading K when every cluster has its own.
    """
    structure, sharing = covariance_type.split("-")
    per_cluster = {"full": (d, d), "diag": (d,), "spher": ()}[structure]
    return per_cluster if sharing == "tied" else (n_clusters, *per_cluster)


def preparation_to_dict(preparation: Preparation) -> dict[str, Any]:
    return {
        "shift": preparation.shift.tolist(),
        "scale": preparation.scale.tolist(),
        "standardise": bool(preparation.standardise),
        "log_jacobian": float(preparation.log_jacobian),
    }


def preparation_from_dict(raw: object, where: str) -> Preparation:
    fields = Fields(raw, _PREPARATION_FIELDS, where)
    d = len(fields.array("shift", 1, 10_000))
    return Preparation(
        shift=_floats(fields, "shift", (d,)),
        scale=_floats(fields, "scale", (d,)),
        standardise=fields.boolean("standardise"),
        log_jacobian=fields.number("log_jacobian"),
    )


def fit_to_dict(fit: ExperimentFit) -> dict[str, Any]:
    """One fit as JSON; its numbers are finite (`fit` sees to that)."""
    record: dict[str, Any] = {"model": _model_to_dict(fit.model), "counts": fit.counts.tolist()}
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
    model = _model_from_dict(fields.value("model"), fields.path("model"), d)
    counts = fields.array("counts", model.n_clusters, model.n_clusters)
    for index, count in enumerate(counts):
        checked_integer(count, f"{where}.counts[{index}]", 0, _MAX_COUNT)
    scores = {name: fields.number(name) for name in _SCORES}
    counters = {name: fields.integer(name, 0, _MAX_COUNT) for name in _COUNTERS}
    flags = {name: fields.boolean(name) for name in _FLAGS}
    values: dict[str, Any] = scores | counters | flags
    values["stopped_by"] = fields.choice("stopped_by", _ENDINGS)
    return ExperimentFit(model=model, counts=np.array(counts, dtype=np.int64), **values)


def _model_to_dict(model: ClusterModel) -> dict[str, Any]:
    return {
        "covariance_type": model.covariance_type,
        "weights": np.asarray(model.weights).tolist(),
        "means": np.asarray(model.means).tolist(),
        "covariances": np.asarray(model.covariances).tolist(),
    }


def _model_from_dict(raw: object, where: str, d: int) -> ClusterModel:
    fields = Fields(raw, _MODEL_FIELDS, where)
    covariance_type = fields.choice("covariance_type", COVARIANCE_TYPES)
    k = len(fields.array("weights", 1, 64))
    return ClusterModel(
        covariance_type=covariance_type,
        weights=_floats(fields, "weights", (k,)),
        means=_floats(fields, "means", (k, d)),
        covariances=_floats(fields, "covariances", covariance_shape(covariance_type, k, d)),
    )


def _floats(fields: Fields, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A nested list of finite numbers of exactly this shape, as float64."""
    field = fields.path(name)
    value = fields.value(name)
    numbers = _flat(value, shape)
    if numbers is None:
        expected = "x".join(map(str, shape)) + " numbers" if shape else "one number"
        raise ContractError(
            "wrong_shape",
            f"Expected {field} to hold {expected}, got {shown(value)} of another shape or type."
            " Send it as nested lists of that shape.",
            {"field": field, "expected": expected, "shape": list(shape)},
        )
    if not _are_finite(numbers):
        raise ContractError(
            "out_of_range",
            f"Expected {field} to hold finite numbers, got NaN, infinity or a number beyond"
            " float64. Send finite numbers.",
            {"field": field, "expected": "finite numbers"},
        )
    return np.array(numbers, dtype=np.float64).reshape(shape)


def _flat(value: object, shape: tuple[int, ...]) -> list[Any] | None:
    """The numbers in nested lists of exactly this shape, in order; None if it is anything else.

    Level by level and without a Python loop: most of an answer is such lists.
    """
    items = [value]
    for length in shape:
        if set(map(type, items)) != {list} or set(map(len, items)) != {length}:  # type: ignore[arg-type]
            return None
        items = list(chain.from_iterable(items))  # type: ignore[arg-type]
    return items if set(map(type, items)) <= _NUMBERS else None


def _are_finite(numbers: list[Any]) -> bool:
    try:
        return all(map(math.isfinite, numbers))
    except OverflowError:  # an integer beyond float64
        return False
