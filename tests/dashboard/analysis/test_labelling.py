"""Labels of the drawn rows against a direct evaluation of the mixture with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from dashboard.analysis import updates
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
def test_labels_of_the_drawn_rows_are_the_direct_evaluation(finished, catalogue, covariance_type):
    cell = finished.cells[covariance_type, 3]
    found = finished.labels(cell.key)
    assert np.array_equal(found, direct(cell, catalogue.values))
    assert np.array_equal(np.bincount(found), cell.best.counts)


def test_shown_labels_are_eight_bit_and_the_ones_that_are_sent(finished, record_of):
    cell = finished.cells["spher-untied", 2]
    prepared = cell.preparation.to_prepared(finished.shown.values)
    direct_labels = shown_labels(prepared, cell.best, "likelihood")
    assert direct_labels.dtype == np.uint8
    sent = {(c["type"], c["k"]): c for c in updates(finished, record_of(finished))["cells"]}
    assert np.array_equal(decode_labels(sent[cell.key]["model"]), direct_labels)
