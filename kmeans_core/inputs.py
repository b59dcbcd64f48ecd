"""Check what a caller hands to the estimator, once, in the words that scikit-learn users know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kmeans_core.points.arrays import FloatArray


def column_names_of(X: object) -> list[str] | None:
    """Names of a data frame's columns when all are strings, else None."""
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    names = list(columns)
    strings = [isinstance(name, str) for name in names]
    if names and all(strings):
        return names
    if any(strings):
        raise TypeError(
            "Column names are only supported if all of them are strings; got "
            f"{sorted({type(name).__name__ for name in names})}. Rename the columns, for example "
            "with X.columns = X.columns.astype(str)."
        )
    return None


def table_of(X: ArrayLike, estimator: str, names: Sequence[str] | None = None) -> FloatArray:
    """X as float64 (n, d) with n, d >= 1; values may still be NaN, which masked ones become.

    Raises TypeError for sparse input and dates, ValueError for complex numbers or another shape,
    and one of the two, naming the column, for a value that is not a number.
    """
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise TypeError(
            f"Sparse input was passed, but {estimator} needs dense data. "
            "Convert it with X.toarray()."
        )
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(object), np.nan)  # any type of numbers can then hold NaN
    raw = np.asarray(X)
    if np.iscomplexobj(raw):
        raise ValueError(f"Complex data not supported: {estimator} needs real numbers.")
    if raw.dtype.kind in "mM":
        raise TypeError(
            f"Dates and durations not supported: {estimator} needs numbers. "
            "Convert them, for example to days since the first one."
        )
    table = _numbers(raw, names)
    if table.ndim != 2:
        raise ValueError(
            f"Expected a 2D array of shape (n_samples, n_features), got an array of "
            f"{table.ndim} dimension(s), shape {table.shape}. Reshape your data with "
            "X.reshape(-1, 1) if it is one column or X.reshape(1, -1) if it is one row."
        )
    if table.shape[0] == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={table.shape}) while a minimum of 1 is "
            f"required by {estimator}."
        )
    if table.shape[1] == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={table.shape}) while a minimum of 1 is "
            f"required by {estimator}."
        )
    return table


def _numbers(raw: NDArray[np.generic], names: Sequence[str] | None) -> FloatArray:
    """float64, or numpy's own complaint preceded by which value of which column it is about."""
    try:
        return np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        for (_, position), value in np.ndenumerate(raw) if raw.ndim == 2 else ():
            try:
                float(value)
            except (TypeError, ValueError):
                name = position if names is None else repr(names[position])
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(
                    f"Column {name} holds {value!r:.60}, which is not a number ({error}). "
                    "Leave the column out, or replace such values before fitting."
                ) from error
        raise


def check_same_columns(
    estimator: str,
    expected: int,
    got: int,
    expected_names: Sequence[str] | None,
    got_names: Sequence[str] | None,
) -> None:
    """Raise ValueError unless later data have the columns that were fitted."""
    if expected_names is not None and got_names is not None:
        missing = [name for name in expected_names if name not in set(got_names)]
        unseen = [name for name in got_names if name not in set(expected_names)]
        if missing or unseen or list(expected_names) != list(got_names):
            raise ValueError(
                "The feature names should match those that were passed during fit, in the same "
                f"order. Unseen at fit time: {unseen}; yet now missing: {missing}."
            )
    if got != expected:
        raise ValueError(
            f"X has {got} features, but {estimator} is expecting {expected} features as input."
        )
