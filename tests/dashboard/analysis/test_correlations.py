"""Correlations overall and within clusters, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.analysis import cell_records
from dashboard.analysis.correlations import overall_correlation, within_correlation
from dashboard.analysis.sample import ShownRows


def shown(values):
    d = values.shape[1]
    rows = np.arange(len(values), dtype=np.int32)
    return ShownRows(tuple("abcd"[:d]), ("",) * d, len(values), rows, values)


def test_overall_is_numpys_also_with_a_large_offset():
    values = np.random.default_rng(0).normal(size=(200, 3)) @ np.array(
        [[1, 0.5, 0], [0, 1, 0.2], [0, 0, 1.0]]
    )
    expected = np.corrcoef(values.T)
    assert np.allclose(overall_correlation(shown(values)), expected)
    moved = values * [1e-4, 1, 1] + [-120.67, 0, 0]
    assert np.allclose(overall_correlation(shown(moved)), expected, atol=1e-8)


def test_a_constant_column_has_no_correlation():
    values = np.column_stack([np.arange(9.0), np.ones(9)])
    found = overall_correlation(shown(values))
    assert found[0, 0] == 1.0
    assert np.isnan(found[[0, 1, 1], [1, 0, 1]]).all()


def test_within_is_the_pooled_one_of_members(finished):
    cell = next(c for c in cell_records(finished) if (c["type"], c["k"]) == ("diag-tied", 3))
    values, labels = finished.shown.values, finished.labels(("diag-tied", 3))
    centred = np.concatenate([values[labels == j] - values[labels == j].mean(0) for j in range(3)])
    expected = (centred.T @ centred) / np.sqrt(
        np.outer((centred**2).sum(axis=0), (centred**2).sum(axis=0))
    )
    assert np.allclose(within_correlation(finished.shown, cell["model"]), expected)
    one = within_correlation(finished.shown, cell["model"], 1)
    assert one[0, 1] == pytest.approx(np.corrcoef(values[labels == 1].T)[0, 1])
