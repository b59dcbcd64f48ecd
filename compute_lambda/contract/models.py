"""Models and preparations as plain JSON and back, with every shape checked.

Arrays travel as nested lists of float64; parameters are in prepared units, as in the core.
Symmetric matrices are sent whole: their two halves need not be equal in the last bit.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compute_lambda.contract.errors import ContractError
from compute_lambda.contract.fields import Fields, shown
from compute_lambda.contract.limits import MAX_CLUSTERS
from kmeans_core import COVARIANCE_TYPES, ClusterModel, CovarianceType, Preparation

_PREPARATION_FIELDS = ("shift", "scale", "standardise", "log_jacobian")
_MODEL_FIELDS = ("covariance_type", "weights", "means", "covariances")
_NUMBERS = {int, float}
"""And not bool, which is an int."""


def preparation_to_dict(preparation: Preparation) -> dict[str, Any]:
    """How columns were shifted and scaled, as JSON."""
    return {
        "shift": preparation.shift.tolist(),
        "scale": preparation.scale.tolist(),
        "standardise": bool(preparation.standardise),
        "log_jacobian": float(preparation.log_jacobian),
    }


def preparation_from_dict(raw: object, where: str) -> Preparation:
    """The preparation in `raw`. Raises ContractError."""
    fields = Fields(raw, _PREPARATION_FIELDS, where)
    d = len(fields.array("shift", 1, 10_000))
    return Preparation(
        shift=_floats(fields, "shift", (d,)),
        scale=_floats(fields, "scale", (d,)),
        standardise=fields.boolean("standardise"),
        log_jacobian=fields.number("log_jacobian"),
    )


def model_to_dict(model: ClusterModel) -> dict[str, Any]:
    """A model as JSON."""
    return {
        "covariance_type": model.covariance_type,
        "weights": np.asarray(model.weights).tolist(),
        "means": np.asarray(model.means).tolist(),
        "covariances": np.asarray(model.covariances).tolist(),
    }


def model_from_dict(raw: object, where: str, d: int) -> ClusterModel:
    """The model in `raw`, which must have `d` columns. Raises ContractError."""
    fields = Fields(raw, _MODEL_FIELDS, where)
    covariance_type = fields.choice("covariance_type", COVARIANCE_TYPES)
    k = len(fields.array("weights", 1, MAX_CLUSTERS))
    shape = CovarianceType.of(covariance_type).covariance_shape(k, d)
    return ClusterModel(
        covariance_type=covariance_type,
        weights=_floats(fields, "weights", (k,)),
        means=_floats(fields, "means", (k, d)),
        covariances=_floats(fields, "covariances", shape),
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
