"""The compiled kernel against its NumPy twin over thousands of random shapes.

More of them: pytest --kernel-shapes 20000 tests/kmeans_core/native/test_random_shapes.py
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kmeans_core.kernels import Kernel, NumpyKernel

Case = Any  # of conftest.py

TWIN = NumpyKernel()


def sums_by_definition(case: Case, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, K, F) sum of phi over the points of each cluster, and that of its absolute values."""
    phi, size = case.phi(), np.abs(case.phi())
    clusters = np.arange(case.n_clusters)
    member = (labels[:, None, :] == clusters[:, None]).astype(float)
    return member @ phi.T, member @ size.T


def assert_same_labels(case: Case, theta: np.ndarray, ours: np.ndarray, twin: np.ndarray) -> None:
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


def compare(kernel: Kernel, case: Case) -> None:
    """Two assignments and a fresh sum on both kernels."""
    labels, twin_labels = case.labels.copy(), case.labels.copy()
    statistics = sums_by_definition(case, labels)[0]
    n_changed = np.full(len(labels), -1, dtype=np.int64)
    largest = np.abs(case.phi()).sum(axis=1)  # of what has ever been added or taken away
    for theta in case.thetas:
        before = labels.copy()
        kernel.assign_accumulate(case.columns, case.type, theta, labels, statistics, n_changed)
        twin_labels[:] = before
        TWIN.assign_accumulate(
            case.columns, case.type, theta, twin_labels, np.zeros(theta.shape), n_changed.copy()
        )
        assert_same_labels(case, theta, labels, twin_labels)
        assert n_changed.tolist() == (before != labels).sum(axis=1).tolist(), case.name
        expected, _ = sums_by_definition(case, labels)
        assert (np.abs(statistics - expected) <= 1e-13 * largest + 1e-300).all(), case.name
    expected, size = sums_by_definition(case, labels)
    for r in range(len(labels)):
        fresh = kernel.accumulate(case.columns, case.type, labels[r], case.n_clusters)
        assert (np.abs(fresh - expected[r]) <= 1e-13 * size[r] + 1e-300).all(), case.name


@pytest.mark.parametrize("part", range(8))
def test_labels_and_statistics_of_random_shapes(every_kernel, random_case, part, pytestconfig):
    n_shapes = pytestconfig.getoption("kernel_shapes")
    if every_kernel.name == "numpy":  # its labels are the standard, its sums are checked as well
        n_shapes //= 4
    for seed in range(part, n_shapes, 8):
        compare(every_kernel, random_case(seed))


def test_the_cases_cover_what_they_should(random_case):
    cases = [random_case(seed) for seed in range(600)]
    assert {case.type.code for case in cases} == {
        f"{shape}-{sharing}"
        for shape in ("full", "diag", "spher")
        for sharing in ("tied", "untied")
    }
    d, n = np.array([case.columns.shape for case in cases]).T
    k = np.array([case.n_clusters for case in cases])
    assert (d.min(), n.min(), k.min()) == (1, 1, 1)
    assert min((d > 50).sum(), (k > 50).sum(), (n > 5_000).sum()) >= 5
    assert (n % 32 != 0).mean() > 0.9
    blank = np.array([(case.labels == case.n_clusters).mean() for case in cases])
    assert min((blank == 1).sum(), ((blank > 0) & (blank < 1)).sum()) > 100
    shared = 0
    for case in cases:
        if "ties" in case.name and case.n_clusters > 1:
            scores = case.thetas[0] @ case.phi()
            shared += ((scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1).any()
    assert shared > 50
