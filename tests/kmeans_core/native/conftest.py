"""Random problems for the kernels, of every shape and with every awkwardness, and their check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from kmeans_core import COVARIANCE_TYPES
from kmeans_core.kernels import Kernel, NumpyKernel
from kmeans_core.kernels.native import compile as build
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.features import fill_features
from kmeans_core.points.arrays import label_dtype
from tests.waiting import COMPILE_S

build.LIMIT_S = COMPILE_S  # for all that is built here, whenever it is built

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
    covariance_type = CovarianceType.of(COVARIANCE_TYPES[seed // len(_KINDS) % 6])
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
    name = f"seed {seed}: {kind}, {covariance_type.name}, d={d}, K={k}, n={n}, R={n_restarts}"
    thetas = (np.ascontiguousarray(first), np.ascontiguousarray(second))
    return Case(name, covariance_type, np.ascontiguousarray(columns), thetas, labels)


def _log_uniform(rng: np.random.Generator, most: int) -> int:
    """1 to `most`, small values as often as large ones."""
    return int(np.exp(rng.uniform(0.0, np.log(most + 1.0)))) if most > 1 else 1


@pytest.fixture(scope="session")
def random_case() -> Callable[[int], Case]:
    """random_case(seed): d 1 to 64, K 1 to 64, n 1 to 10,000, four kinds of numbers in turn."""
    return _random_case


_TWIN = NumpyKernel()


def _sums_by_definition(case: Case, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, K, F) sum of phi over the points of each cluster, and that of its absolute values."""
    phi, size = case.phi(), np.abs(case.phi())
    clusters = np.arange(case.n_clusters)
    member = (labels[:, None, :] == clusters[:, None]).astype(float)
    return member @ phi.T, member @ size.T


def _assert_same_labels(case: Case, theta: np.ndarray, ours: np.ndarray, twin: np.ndarray) -> None:
    """Equal, or so close that rounding decides: the gap is computed with more digits."""
    assert ours.max() < case.n_clusters, case.name
    different = np.argwhere(ours != twin)
    if not len(different):
        return
    assert "ties" not in case.name, f"{case.name}: {different[:5]}"
    phi = case.phi()
    for r, i in different:
        terms = theta[r].astype(np.longdouble) * phi[:, i].astype(np.longdouble)
        score, size = terms.sum(axis=1), np.abs(terms).sum(axis=1)
        gap = abs(score[ours[r, i]] - score[twin[r, i]])
        rounding = 2 * phi.shape[0] * np.finfo(float).eps * size[[ours[r, i], twin[r, i]]].max()
        assert gap <= rounding, f"{case.name}: point {i} of restart {r}"


def _compare(kernel: Kernel, case: Case) -> None:
    """Two assignments and a fresh sum on both kernels."""
    labels, twin_labels = case.labels.copy(), case.labels.copy()
    statistics = _sums_by_definition(case, labels)[0]
    n_changed = np.full(len(labels), -1, dtype=np.int64)
    largest = np.abs(case.phi()).sum(axis=1)  # of what has ever been added or taken away
    for theta in case.thetas:
        before = labels.copy()
        kernel.assign_accumulate(case.columns, case.type, theta, labels, statistics, n_changed)
        twin_labels[:] = before
        _TWIN.assign_accumulate(
            case.columns, case.type, theta, twin_labels, np.zeros(theta.shape), n_changed.copy()
        )
        _assert_same_labels(case, theta, labels, twin_labels)
        assert n_changed.tolist() == (before != labels).sum(axis=1).tolist(), case.name
        expected, _ = _sums_by_definition(case, labels)
        assert (np.abs(statistics - expected) <= 1e-13 * largest + 1e-300).all(), case.name
    expected, size = _sums_by_definition(case, labels)
    fresh = kernel.accumulate(case.columns, case.type, labels, case.n_clusters)
    assert (np.abs(fresh - expected) <= 1e-13 * size + 1e-300).all(), case.name


@pytest.fixture(scope="session")
def compare_with_twin() -> Callable[[Kernel, Case], None]:
    """compare_with_twin(kernel, case) fails unless labels are equal and sums are to rounding."""
    return _compare
