"""The hot step against the definition, written out."""

from __future__ import annotations

import numpy as np
import pytest

from kmeans_core import COVARIANCE_TYPES
from kmeans_core.kernels.twin.assignment import best_clusters
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.points.arrays import label_dtype
from kmeans_core.points.blocks import points_per_block


def _phi(columns: np.ndarray, covariance_type: str) -> np.ndarray:
    """(n, F), point by point."""
    rows = []
    for x in columns.T:
        second: list[float] = []
        if covariance_type == "full-untied":
            second = [x[i] * x[j] for i in range(len(x)) for j in range(i + 1)]
        elif covariance_type == "diag-untied":
            second = list(x * x)
        elif covariance_type == "spher-untied":
            second = [float(x @ x)]
        rows.append([1.0, *x, *second])
    return np.array(rows)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
@pytest.mark.parametrize(
    ("d", "n", "k"), [(1, 50, 2), (2, 4097, 3), (3, 333, 64), (9, 120, 7), (15, 100, 7)]
)
def test_labels_and_statistics_equal_the_definition(every_kernel, covariance_type, d, n, k):
    rng = np.random.default_rng(d)
    kind = CovarianceType.of(covariance_type)
    columns = rng.normal(size=(d, n))
    phi = _phi(columns, covariance_type)
    labels = np.full((3, n), k, dtype=label_dtype(k))
    statistics = np.zeros((3, k, kind.n_features(d)))
    n_changed = np.empty(3, dtype=np.int64)
    previous = labels.copy()
    for _ in range(3):
        thetas = rng.normal(size=statistics.shape)
        every_kernel.assign_accumulate(columns, kind, thetas, labels, statistics, n_changed)
        for r in range(3):
            expected = (phi @ thetas[r].T).argmax(axis=1)
            np.testing.assert_array_equal(labels[r], expected)
            sums = np.stack([phi[expected == j].sum(axis=0) for j in range(k)])
            np.testing.assert_allclose(statistics[r], sums, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(
                every_kernel.accumulate(columns, kind, labels, k)[r], sums, rtol=1e-9, atol=1e-10
            )
            assert n_changed[r] == (previous[r] != labels[r]).sum()
        previous = labels.copy()


def test_ties_go_to_the_lowest_cluster():
    scores = np.array([[[1.0, 0.0, 2.0], [1.0, 3.0, 2.0], [0.5, 3.0, 2.0]]])
    assert best_clusters(scores, np.dtype(np.uint8)).tolist() == [[0, 1, 0]]


def test_equal_scores_and_equal_points_go_to_the_lowest_cluster(every_kernel):
    kind = CovarianceType.of("full-untied")
    # Whole numbers: every kernel computes these scores without rounding.
    rng = np.random.default_rng(1)
    columns = rng.integers(-3, 4, size=(3, 205)).astype(float)
    thetas = rng.integers(-2, 3, size=(2, 9, kind.n_features(3))).astype(float)
    thetas[:, 4] = thetas[:, 2]
    thetas[:, 8] = thetas[:, 0]
    labels = np.full((2, 205), 9, dtype=np.uint8)
    every_kernel.assign_accumulate(
        columns, kind, thetas, labels, np.zeros(thetas.shape), np.empty(2, dtype=np.int64)
    )
    scores = thetas @ _phi(columns, "full-untied").T
    n_best = (scores == scores.max(axis=1, keepdims=True)).sum(axis=1)
    assert (n_best > 1).sum() > 80
    np.testing.assert_array_equal(labels, scores.argmax(axis=1))


def test_more_clusters_than_a_byte_holds(every_kernel):
    columns = np.arange(300.0)[None] - 150
    thetas = np.stack([-0.5 * columns[0] ** 2, columns[0]], axis=1)[None]
    labels = np.full((1, 300), 300, dtype=label_dtype(300))
    statistics, n_changed = np.zeros(thetas.shape), np.empty(1, dtype=np.int64)
    kind = CovarianceType.of("spher-tied")
    every_kernel.assign_accumulate(columns, kind, thetas, labels, statistics, n_changed)
    assert labels.dtype == np.int32
    assert labels[0].tolist() == list(range(300))
    assert n_changed.tolist() == [300]


def test_a_partly_blank_labelling_is_only_added_where_blank(every_kernel):
    kind = CovarianceType.of("spher-tied")
    columns = np.array([[0.0, 1.0, 10.0, 11.0]])
    thetas = np.array([[[0.0, 0.0], [-50.0, 10.0]]])
    labels = np.array([[0, 2, 2, 0]], dtype=np.uint8)
    statistics = np.array([[[2.0, 11.0], [0.0, 0.0]]])
    n_changed = np.empty(1, dtype=np.int64)
    every_kernel.assign_accumulate(columns, kind, thetas, labels, statistics, n_changed)
    assert labels.tolist() == [[0, 0, 1, 1]]
    assert statistics.tolist() == [[[2.0, 1.0], [2.0, 21.0]]]
    assert n_changed.tolist() == [3]


def test_many_features_partly_blank(every_kernel):
    rng = np.random.default_rng(0)
    kind = CovarianceType.of("full-untied")
    columns = rng.normal(size=(12, 200))
    phi = _phi(columns, "full-untied")
    thetas = rng.normal(size=(2, 5, phi.shape[1]))
    labels = rng.integers(0, 6, size=(2, 200)).astype(np.uint8)
    before = labels.copy()
    statistics = np.array([[phi[row == j].sum(axis=0) for j in range(5)] for row in labels])
    n_changed = np.empty(2, dtype=np.int64)
    every_kernel.assign_accumulate(columns, kind, thetas, labels, statistics, n_changed)
    sums = np.array([[phi[row == j].sum(axis=0) for j in range(5)] for row in labels])
    assert (before == 5).any()
    assert (labels < 5).all()
    assert n_changed.tolist() == (before != labels).sum(axis=1).tolist()
    np.testing.assert_allclose(statistics, sums, rtol=1e-9, atol=1e-10)


def test_products_stay_below_the_threads_of_blas():
    for k, f in [(1, 3), (10, 6), (64, 66), (20, 30)]:
        assert points_per_block(k, f) * k * f <= 2**18
