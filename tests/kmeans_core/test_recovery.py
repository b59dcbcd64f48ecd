"""Data drawn from each covariance type: BIC finds its structure and number of clusters."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from kmeans_core import COVARIANCE_TYPES, SeedBank, assign, fit_experiments, prepare


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("truth_type", COVARIANCE_TYPES)
def test_best_bic_has_the_structure_of_the_data(draw, truth_type, seed):
    X, truth = draw(truth_type, seed=seed)
    # In original units: standardising would turn a sphere into an ellipse.
    data = prepare(X, standardise=False)
    seeds = SeedBank(data, seed)
    fits = [
        fit
        for covariance_type in COVARIANCE_TYPES
        for fit in fit_experiments(
            data, covariance_type, range(1, 7), [0], 10, seed=seed, seeds=seeds
        ).fits
        if fit.eligible
    ]
    best = max(fits, key=lambda fit: fit.bic)
    labels = assign(best.model, data.columns)
    assert (best.covariance_type, best.n_clusters) == (truth_type, 3)
    assert adjusted_rand_score(truth, labels) >= 0.9
    np.testing.assert_allclose(best.model.weights, 1 / 3, atol=0.02)
