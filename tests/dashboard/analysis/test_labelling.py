"""Labels against a direct evaluation of the mixture with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from dashboard.analysis import labels, updates
from dashboard.analysis.labelling import shown_labels
from dashboard.analysis.records import decode_labels
from kmeans_core import COVARIANCE_TYPES


def direct(cell, rows):
    """argmax of log weight + log density, in data units (the Jacobian is common to clusters)."""
    model, preparation = cell.best.model, cell.preparation
    means = preparation.means_to_data_units(model.means)
    covariances = preparation.covariances_to_data_units(model.full_covariances())
    scores = [
        np.log(w) + multivariate_normal(m, c).logpdf(rows)
        for w, m, c in zip(model.weights, means, covariances, strict=True)
    ]
    return np.argmax(scores, axis=0)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_labels_of_all_rows_are_the_direct_evaluation(finished, catalogue, covariance_type):
    cell = finished.cells[covariance_type, 3]
    found = labels(catalogue, finished.spec, cell.best, cell.preparation)
    assert found.dtype == np.int32
    assert np.array_equal(found, direct(cell, catalogue.values))
    assert np.array_equal(np.bincount(found), cell.best.counts)
    assert np.array_equal(finished.labels(cell.key), found)


def test_rows_with_a_missing_or_infinite_value_are_left_out(finished, catalogue, make_catalogue):
    cell = finished.cells["full-untied", 3]
    holed = catalogue.values.copy()
    holed[[0, 7], [0, 1]] = np.nan, np.inf
    complete = labels(catalogue, finished.spec, cell.best, cell.preparation)
    found = labels(
        make_catalogue(holed, ["a", "b"], ["", ""]), finished.spec, cell.best, cell.preparation
    )
    assert found[[0, 7]].tolist() == [-1, -1]
    rest = np.delete(np.arange(300), [0, 7])
    assert np.array_equal(found[rest], complete[rest])


def test_blocks_do_not_change_labels(finished, catalogue, monkeypatch):
    cell = finished.cells["diag-untied", 4]
    whole = labels(catalogue, finished.spec, cell.best, cell.preparation)
    monkeypatch.setattr("dashboard.analysis.labelling.BLOCK_ROWS", 7)
    assert np.array_equal(labels(catalogue, finished.spec, cell.best, cell.preparation), whole)


def test_shown_labels_are_eight_bit_and_the_ones_that_are_sent(finished, record_of):
    cell = finished.cells["spher-untied", 2]
    prepared = cell.preparation.to_prepared(finished.shown.values)
    direct_labels = shown_labels(prepared, cell.best, "likelihood")
    assert direct_labels.dtype == np.uint8
    sent = {(c["type"], c["k"]): c for c in updates(finished, record_of(finished))["cells"]}
    assert np.array_equal(decode_labels(sent[cell.key]["model"]), direct_labels)
