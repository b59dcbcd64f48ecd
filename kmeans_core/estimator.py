"""The estimator."""
from __future__ import annotations

class MahalanobisKMeans:
    pass
