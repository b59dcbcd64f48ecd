"""K-means under Mahalanobis distance with six covariance types, scored with BIC, ICL and AIC.

Two layers: `MahalanobisKMeans`, an estimator in the style of scikit-learn, and under it functions
on prepared data (`prepare`, `fit_experiments`, `assign`) for many fits of one dataset. All scores:
higher is better.
"""

from __future__ import annotations

from kmeans_core.certainty import PointScores, score_points
from kmeans_core.covariance import COVARIANCE_TYPES, n_parameters
from kmeans_core.defaults import DEFAULT_DISTANCE, DEFAULT_MAX_ITER, DEFAULT_REG_COVAR
from kmeans_core.estimator import MahalanobisKMeans
from kmeans_core.experiments import DISTANCES, assign, fit_experiments
from kmeans_core.kernels import KERNEL
from kmeans_core.mixture import mixture_log_likelihood
from kmeans_core.model import ClusterModel
from kmeans_core.preparation import Preparation, PreparedData, prepare
from kmeans_core.records import ExperimentFit, FitBatch
from kmeans_core.seeding import SeedBank

__all__ = [
    "COVARIANCE_TYPES",
    "DEFAULT_DISTANCE",
    "DEFAULT_MAX_ITER",
    "DEFAULT_REG_COVAR",
    "DISTANCES",
    "KERNEL",
    "ClusterModel",
    "ExperimentFit",
    "FitBatch",
    "MahalanobisKMeans",
    "PointScores",
    "Preparation",
    "PreparedData",
    "SeedBank",
    "assign",
    "fit_experiments",
    "mixture_log_likelihood",
    "n_parameters",
    "prepare",
    "score_points",
]
