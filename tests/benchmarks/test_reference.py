"""The program that the figures are compared with finds the same clusters as the package."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rig import reference
from benchmarks.rig.soil_table import N_ROWS, overlapping_groups, soil_table
from kmeans_core import COVARIANCE_TYPES, SeedBank, fit_experiments, prepare


@pytest.mark.parametrize("code", COVARIANCE_TYPES)
def test_reference_and_package_agree_from_the_same_seeds(code: str) -> None:
    data = prepare(soil_table())
    seeds = SeedBank(data, 0)
    ours = fit_experiments(data, code, [2], [0], 1, seeds=seeds).fits[0]
    theirs = reference.fit(data.columns.T.copy(), seeds.centres([(0, 0)], 2)[0], code)
    assert theirs.n_iter == ours.n_iter > 5
    assert sorted(np.bincount(theirs.labels)) == sorted(ours.counts)
    assert theirs.classification_log_likelihood == pytest.approx(ours.classification_log_likelihood)
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood)


def test_the_table_is_standardised_and_without_repeats() -> None:
    table = soil_table()
    assert table.shape == (N_ROWS, 2)
    np.testing.assert_allclose(table.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(table.std(axis=0), 1.0)
    assert len(np.unique(table, axis=0)) == N_ROWS
    assert np.corrcoef(table.T)[0, 1] > 0.2


def test_large_tables_are_made_column_by_column() -> None:
    columns = overlapping_groups(70_000, 3)
    assert columns.shape == (3, 70_000)
    assert columns.flags.c_contiguous
    assert np.isfinite(columns).all()
    np.testing.assert_array_equal(columns, overlapping_groups(70_000, 3))
