"""K-means under Mahalanobis distance with six covariance types, scored with BIC, ICL and AIC.

Two layers: `MahalanobisKMeans`, an estimator in the style of scikit-learn, and under it functions
on prepared data (`prepare`, `fit_experiments`, `assign`) for many fits of one dataset. All scores:
higher is better.
"""

from __future__ import annotations

from kmeans_core.estimator import MahalanobisKMeans
from kmeans_core.fitting.certainty import PointScores, score_points
from kmeans_core.fitting.evaluation import assign, mixture_log_likelihood
from kmeans_core.fitting.experiments import fit_experiments
from kmeans_core.fitting.preparation import prepare
from kmeans_core.fitting.records import ExperimentFit, FitBatch
from kmeans_core.fitting.seeding import SeedBank
from kmeans_core.fitting.settings import (
    DEFAULT_DISTANCE,
    DEFAULT_MAX_ITER,
    DEFAULT_REG_COVAR,
    DISTANCES,
)
from kmeans_core.kernels import KERNEL
from kmeans_core.model.cluster_model import ClusterModel
from kmeans_core.model.covariance import COVARIANCE_TYPES, CovarianceType, n_parameters
from kmeans_core.points.prepared import Preparation, PreparedData

__all__ = [
    "COVARIANCE_TYPES",
    "DEFAULT_DISTANCE",
    "DEFAULT_MAX_ITER",
    "DEFAULT_REG_COVAR",
    "DISTANCES",
    "KERNEL",
    "ClusterModel",
    "CovarianceType",
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
