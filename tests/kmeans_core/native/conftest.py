"""Random problems for the kernels, of every shape and with every awkwardness, from one number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from kmeans_core import COVARIANCE_TYPES
from kmeans_core.assignment import label_dtype
from kmeans_core.covariance import CovarianceType, covariance_type_of
from kmeans_core.features import fill_features

_KINDS = ("normal", "ties", "duplicates", "magnitudes")
# Rows x clusters x features of one restart: the whole suite of shapes takes seconds.
_MOST_PRODUCTS = 600_000


@dataclass(frozen=True, slots=True)
class Case:
    """columns (d, n); two thetas (R, K, F) to assign by, one after the other; labels (R, n) to
    begin with, some or all of them K, "in no cluster yet"."""

    name: str
    type: CovarianceType
    columns: np.ndarray
    thetas: tuple[np.ndarray, np.ndarray]
    labels: np.ndarray

    @property
    def n_clusters(self) -> int:
        return int(self.thetas[0].shape[1])

    def phi(self) -> np.ndarray:
        """(F, n)."""
        d, n = self.columns.shape
        return fill_features(self.columns, self.type, np.empty((self.type.n_features(d), n)))


def _random_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    kind = _KINDS[seed % len(_KINDS)]
    covariance_type = covariance_type_of(COVARIANCE_TYPES[seed // len(_KINDS) % 6])
    d = _log_uniform(rng, 64)
    n_features = covariance_type.n_features(d)
    k = _log_uniform(rng, max(1, min(64, _MOST_PRODUCTS // n_features)))
    n = _log_uniform(rng, max(1, min(10_000, _MOST_PRODUCTS // (n_features * k))))
    n_restarts = int(rng.integers(1, 4))
    shape = (n_restarts, k, n_features)
    if kind == "ties":  # whole numbers: every score is exact, and many are equal
        columns = rng.integers(-2, 3, size=(d, n)).astype(float)
        first = rng.integers(-1, 2, size=shape).astype(float)
        second = rng.integers(-1, 2, size=shape).astype(float)
    else:
        columns = rng.normal(size=(d, n))
        first = rng.normal(size=shape)
        second = first + 0.1 * rng.normal(size=shape)
    if kind == "duplicates":
        columns = columns[:, rng.integers(max(1, n // 3), size=n)]
        same = rng.integers(k, size=k)
        first, second = first[:, same], second[:, same]
    if kind == "magnitudes":
        columns *= 10.0 ** rng.uniform(-7, 7, size=(d, 1))
    labels = np.full((n_restarts, n), k, dtype=label_dtype(k))
    if seed % 3 == 0:  # as when a cluster has been started again
        labels[:] = rng.integers(0, k + 1, size=labels.shape)
    name = f"seed {seed}: {kind}, {covariance_type.code}, d={d}, K={k}, n={n}, R={n_restarts}"
    thetas = (np.ascontiguousarray(first), np.ascontiguousarray(second))
    return Case(name, covariance_type, np.ascontiguousarray(columns), thetas, labels)


def _log_uniform(rng: np.random.Generator, most: int) -> int:
    """1 to `most`, small values as often as large ones."""
    return int(np.exp(rng.uniform(0.0, np.log(most + 1.0)))) if most > 1 else 1


@pytest.fixture(scope="session")
def random_case() -> Callable[[int], Case]:
    """random_case(seed): d 1 to 64, K 1 to 64, n 1 to 10,000, four kinds of numbers in turn."""
    return _random_case
