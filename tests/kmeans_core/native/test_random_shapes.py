"""The compiled kernel against its NumPy twin over thousands of random shapes.

More of them: pytest --kernel-shapes 20000 tests/kmeans_core/native/test_random_shapes.py
"""

from __future__ import annotations

import numpy as np
import pytest

from kmeans_core import COVARIANCE_TYPES, MahalanobisKMeans, kernels
from kmeans_core.kernels import NumpyKernel
from kmeans_core.model.components import Components

TWIN = NumpyKernel()


@pytest.mark.parametrize("part", range(8))
def test_labels_and_statistics_of_random_shapes(
    every_kernel, random_case, compare_with_twin, part, pytestconfig
):
    n_shapes = pytestconfig.getoption("kernel_shapes")
    if every_kernel.name == "numpy":  # its labels are the standard, its sums are checked as well
        n_shapes //= 4
    for seed in range(part, n_shapes, 8):
        compare_with_twin(every_kernel, random_case(seed))


def test_the_cases_cover_what_they_should(random_case):
    cases = [random_case(seed) for seed in range(600)]
    assert {case.type.name for case in cases} == {
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


@pytest.mark.parametrize("part", range(4))
def test_seeds_of_random_shapes(every_kernel, random_case, part, pytestconfig):
    for seed in range(part, pytestconfig.getoption("kernel_shapes") // 5, 4):
        case = random_case(seed)
        n = case.columns.shape[1]
        uniforms = np.random.default_rng(seed).random((3, min(n, case.n_clusters)))
        rows = every_kernel.draw(case.columns, uniforms)
        assert rows.tolist() == TWIN.draw(case.columns, uniforms).tolist(), case.name
        assert (rows[:, 0] == np.floor(uniforms[:, 0] * n)).all()


@pytest.mark.parametrize("d", [1, 5])
def test_seeds_of_a_table_that_is_larger_than_the_caches(every_native_kernel, d):
    """Where distances are computed again for each seed, the last points of a block one by one."""
    rng = np.random.default_rng(d)
    columns = rng.normal(size=(d, 262_144 + 37))
    uniforms = rng.random((3, 6))
    expected = TWIN.draw(columns, uniforms).tolist()
    for n_threads in (1, 2):
        assert every_native_kernel.draw(columns, uniforms, n_threads).tolist() == expected


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n", [1, 7, 8, 255, 256, 257, 1_000, 8_193, 20_001])
def test_passes_over_tables_in_every_memory_order(every_native_kernel, n, n_threads):
    rng = np.random.default_rng(n)
    d = int(rng.integers(1, 9))
    wide = 1e6 + rng.normal(size=(2 * n, 2 * d)) * 10.0 ** rng.uniform(-3, 3, size=2 * d)
    odd = np.zeros((n, d), dtype=[("skipped", "u1"), ("value", "f8")])
    odd["value"] = wide[:n, :d]
    layouts = {
        "C": wide[:n, :d].copy(),
        "Fortran": np.asfortranarray(wide[:n, :d]),
        "every other": wide[::2, ::2],
        "backwards": wide[n - 1 :: -1, d - 1 :: -1],
        "between bytes": odd["value"],
        "one row": np.broadcast_to(wide[0, :d], (n, d)),
    }
    for layout, table in layouts.items():
        exact = table.astype(np.longdouble)
        origin, unit = table[0].copy(), rng.uniform(1, 9, size=d)
        highest, lowest, total = every_native_kernel.extremes(table, origin, n_threads)
        assert (highest == table.max(axis=0)).all(), layout
        assert (lowest == table.min(axis=0)).all(), layout
        size = np.abs(exact - origin).sum(axis=0).astype(float) + 1e-300
        rounding = 1e-14 * size
        assert (np.abs(total - (exact - origin).sum(axis=0)) <= rounding).all(), layout
        centre = total / n
        rest, squares = every_native_kernel.spreads(table, origin, centre, unit, n_threads)
        offset = (table - origin) - centre
        assert (np.abs(rest - offset.astype(np.longdouble).sum(axis=0)) <= rounding).all(), layout
        np.testing.assert_allclose(squares, ((offset / unit) ** 2).sum(axis=0), rtol=1e-13)
        columns, sums, of_squares = every_native_kernel.scaled(table, origin, unit, n_threads)
        twin_columns, _, twin_squares = TWIN.scaled(table, origin, unit)
        assert (columns == twin_columns).all(), layout
        assert columns.flags.c_contiguous
        assert (np.abs(sums - columns.astype(np.longdouble).sum(axis=1)) <= rounding).all(), layout
        np.testing.assert_allclose(of_squares, twin_squares, rtol=1e-13)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63 + 12345, 10**40])
def test_streams_are_those_of_numpy(every_native_kernel, seed):
    pairs = [(0, 0), (1, 0), (0, 1), (2**32 - 1, 7), (12, 2**31), (999, 2**32 - 1)]
    found = every_native_kernel.uniforms(seed, pairs, 37)
    for own, pair in zip(found, pairs, strict=True):
        stream = np.random.default_rng(np.random.SeedSequence((seed, *pair)))
        assert own.tolist() == stream.random(37).tolist()
    beyond = [(2**32, 0), (3, 2**40)]
    assert (every_native_kernel.uniforms(seed, beyond, 3) == TWIN.uniforms(seed, beyond, 3)).all()


@pytest.mark.parametrize("part", range(4))
def test_densities_of_random_shapes(every_kernel, random_case, part, pytestconfig):
    for seed in range(part, pytestconfig.getoption("kernel_shapes") // 5, 4):
        case, rng = random_case(seed), np.random.default_rng(seed)
        d, n = case.columns.shape
        k, spread = case.n_clusters, np.abs(case.columns).max(axis=1) + 1e-300
        means = rng.normal(size=(k, d)) * spread
        whiteners = rng.uniform(0.3, 3.0, size=(k, d)) / spread
        if case.type.shape == "full":
            slant = np.tril(rng.normal(size=(k, d, d)), -1) / d
            whiteners = np.ascontiguousarray((slant + np.eye(d)) * whiteners[:, None, :])
        # Two mixtures: the second one is the first with other weights and an empty cluster.
        weights = rng.dirichlet(np.ones(k), size=2)
        weights[1, 0] = 0.0 if k > 1 else 1.0
        with np.errstate(divide="ignore"):
            constants = np.log(weights)
        components = Components(constants, np.stack([means] * 2), np.stack([whiteners] * 2))
        found = every_kernel.point_log_likelihoods(components, case.columns)
        sums = every_kernel.log_likelihoods(components, case.columns)
        np.testing.assert_allclose(sums, found.sum(axis=1), rtol=1e-12, err_msg=case.name)
        some = rng.integers(n, size=min(n, 50))
        offset = case.columns[:, some].T - means[:, None]  # (K, m, d)
        if whiteners.ndim == 3:
            white = np.einsum("kij,kmj->kmi", whiteners, offset)
        else:
            white = whiteners[:, None] * offset
        terms = constants[:, :, None] - 0.5 * (white**2).sum(axis=-1)
        expected = np.logaddexp.reduce(terms, axis=1)
        np.testing.assert_allclose(found[:, some], expected, rtol=1e-11, err_msg=case.name)
        twin = TWIN.point_log_likelihoods(components, case.columns)
        np.testing.assert_allclose(found, twin, rtol=1e-11, err_msg=case.name)


@pytest.mark.usefixtures("every_kernel")
@pytest.mark.parametrize("part", range(4))
def test_whole_fits_in_every_memory_order(part, pytestconfig):
    """Same clusters as with the twin, and to the bit the same however X lies in memory."""
    for seed in range(part, max(8, pytestconfig.getoption("kernel_shapes") // 20), 4):
        rng = np.random.default_rng(seed)
        d, k = int(rng.integers(1, 9)), int(rng.integers(1, 9))
        n = int(rng.integers(20 * k, 700))
        X = 2.0 * rng.normal(size=(k, d))[rng.integers(k, size=n)] + rng.normal(size=(n, d))
        X = X * 10.0 ** rng.uniform(-3, 3, size=d) + 10.0 ** rng.uniform(-3, 3, size=d)
        padded = np.empty((2 * n, d + 1))
        padded[::2, 1:] = X
        code = COVARIANCE_TYPES[seed % 6]
        fits = [
            MahalanobisKMeans(k, code, n_init=2, random_state=seed).fit(table)
            for table in (X, np.asfortranarray(X), padded[::2, 1:], X[::-1][::-1])
        ]
        name = f"seed {seed}: {code}, d={d}, K={k}, n={n}"
        for other in fits[1:]:
            np.testing.assert_array_equal(fits[0].labels_, other.labels_, err_msg=name)
            assert fits[0].bic_ == other.bic_, name
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "_current", TWIN)
            twin = MahalanobisKMeans(k, code, n_init=2, random_state=seed).fit(X)
        np.testing.assert_array_equal(fits[0].labels_, twin.labels_, err_msg=name)
        assert fits[0].n_iter_ == twin.n_iter_, name
        np.testing.assert_allclose(fits[0].covariances_, twin.covariances_, rtol=1e-7)
        np.testing.assert_allclose(fits[0].bic_, twin.bic_, rtol=1e-9)
