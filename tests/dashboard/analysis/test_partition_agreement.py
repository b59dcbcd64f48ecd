"""Overlap tables and the adjusted Rand index, against hand counts and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from dashboard.analysis.partition_agreement import adjusted_rand_index, overlap

two_partitions = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 5), min_size=n, max_size=n)] * 2)
)


@given(two_partitions)
def test_ari_is_the_one_of_scikit_learn(pair):
    a, b = (np.array(labels, dtype=np.uint8) for labels in pair)
    assert adjusted_rand_index(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


def test_ari_survives_large_tables():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, 3_000_000).astype(np.uint8)
    b = np.where(rng.random(a.size) < 0.9, a, rng.integers(0, 3, a.size)).astype(np.uint8)
    assert adjusted_rand_index(a, b) == pytest.approx(adjusted_rand_score(a, b), rel=1e-9)


def test_overlap_by_hand():
    a = np.array([0, 0, 1, 1, 1], dtype=np.uint8)
    b = np.array([2, 0, 0, 0, 1], dtype=np.uint8)
    assert overlap(a, b, 2, 3).tolist() == [[1, 0, 1], [2, 1, 0]]


def test_overlap_of_many_clusters_does_not_wrap_in_eight_bits():
    a = np.arange(64, dtype=np.uint8)
    assert np.array_equal(overlap(a, a, 64, 64), np.eye(64, dtype=int))
