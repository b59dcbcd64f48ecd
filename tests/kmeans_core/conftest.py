"""Seeded data whose structure is known, one generator per covariance type."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

Sample = tuple[np.ndarray, np.ndarray]

_CENTRES = np.array([[0.0, 0.0], [7.0, 1.0], [1.0, 9.0]])
_SLANTED = np.array([[1.0, 0.9], [0.9, 1.2]])
_OTHER_WAY = np.array([[1.5, -1.1], [-1.1, 1.2]])

# Covariance per cluster; each list has its type's structure and no simpler one.
_COVARIANCES = {
    "full-tied": [_SLANTED] * 3,
    "diag-tied": [np.diag([2.5, 0.3])] * 3,
    "spher-tied": [np.eye(2)] * 3,
    "full-untied": [_SLANTED, _OTHER_WAY, np.diag([0.2, 2.0])],
    "diag-untied": [np.diag([3.0, 0.2]), np.diag([0.3, 2.0]), np.diag([0.4, 0.1])],
    "spher-untied": [np.eye(2) * 0.1, np.eye(2), np.eye(2) * 3.0],
}


def _draw(covariance_type: str, seed: int = 0, per_cluster: int = 300) -> Sample:
    rng = np.random.default_rng(seed)
    parts = [
        rng.multivariate_normal(mean, covariance, per_cluster)
        for mean, covariance in zip(_CENTRES, _COVARIANCES[covariance_type], strict=True)
    ]
    order = rng.permutation(3 * per_cluster)
    return np.concatenate(parts)[order], np.repeat(np.arange(3), per_cluster)[order]


@pytest.fixture(scope="session")
def draw() -> Callable[..., Sample]:
    """draw(covariance_type, seed=0, per_cluster=300) -> X (n, 2) and true labels (n,)."""
    return _draw


@pytest.fixture(scope="session")
def overlapping() -> np.ndarray:
    """(240, 3): three overlapping groups, so that fits take many iterations."""
    rng = np.random.default_rng(5)
    mixing = rng.normal(size=(3, 3, 3))
    return np.concatenate(
        [2.0 * rng.normal(size=3) + rng.normal(size=(80, 3)) @ mixing[k] for k in range(3)]
    )
