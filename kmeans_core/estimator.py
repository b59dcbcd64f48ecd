"""MahalanobisKMeans: the estimator, in scikit-learn's conventions without depending on it."""

from __future__ import annotations

import inspect
import numbers
import os
import sys
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kmeans_core.fitting.evaluation import assign, point_log_likelihoods
from kmeans_core.fitting.experiments import experiment_fits, run_in_groups, states_from_centres
from kmeans_core.fitting.lloyd import problem_of
from kmeans_core.fitting.outcomes import Outcomes, best_of_each
from kmeans_core.fitting.preparation import check_finite, prepare
from kmeans_core.fitting.records import ExperimentFit
from kmeans_core.fitting.seeding import SeedBank
from kmeans_core.fitting.settings import (
    DEFAULT_COVARIANCE_TYPE,
    DEFAULT_DISTANCE,
    DEFAULT_MAX_ITER,
    DEFAULT_N_CLUSTERS,
    DEFAULT_N_RESTARTS,
    DEFAULT_REG_COVAR,
    check_settings,
)
from kmeans_core.inputs import check_same_columns, column_names_of, table_of
from kmeans_core.model.cluster_model import ClusterModel
from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.restarts import Pair
from kmeans_core.points.arrays import FloatArray
from kmeans_core.points.prepared import Preparation, PreparedData

_WORTH_THREADS = 500_000
"""Points x clusters x restarts: with fewer, starting threads costs more than they save."""

RandomState = int | np.random.RandomState | np.random.Generator | None
"""What the seeds are drawn from, as in scikit-learn; None: other ones each time."""


class NotFittedError(ValueError, AttributeError):
    """predict or score was called before fit."""


class MahalanobisKMeans:
    """K-means under Mahalanobis distance: hard clustering into normal distributions.

    Parameters
    ----------
    n_clusters : int, K.
    covariance_type : "full-tied", "diag-tied", "spher-tied", "full-untied", "diag-untied" or
        "spher-untied": which entries of a covariance are free (full, diag, spher) and whether the
        clusters share one (tied).
    n_init : int, restarts from different k-means++ seeds; 1 is enough when `init` is an array.
    max_iter : int, parameter updates per restart.
    distance : "likelihood" assigns a point to the cluster with the highest log weight + log density
        (CEM, Celeux & Govaert 1992); "mahalanobis" to the one with the smallest Mahalanobis
        distance, which for "spher-tied" is ordinary K-means. Of several restarts the one with the
        highest classification log-likelihood is kept under both; among spherical clusters of
        unequal size that need not be the one with the least sum of squares.
    min_members : int or None, points that every cluster of an eligible restart has; None means
        max(d + 1, 10), at most n // K.
    reg_covar : float, covariances are kept above this multiple of the overall variances.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None.
    n_threads : int or None, threads over restarts or points; None means one per available core. The
        result does not depend on it.
    init : "k-means++" or array (K, d) of centres in the units of X.

    Attributes (all in the units of X; clusters in the order of their seeds)
    ----------
    labels_ (n,) int32 · counts_ (K,) · weights_ (K,)
    cluster_centers_ (K, d) · covariances_ (K, d, d)
    log_likelihood_, classification_log_likelihood_, bic_, aic_, icl_ : float, higher is better;
        scikit-learn's GaussianMixture.bic is -2 times this one.
    n_iter_ : int · converged_, eligible_ : bool · stopped_by_ : "converged", "cycle" or "max_iter"
    n_floored_, n_reseeded_ : int, covariances raised to the floor, emptied clusters started again
    n_features_in_ : int · feature_names_in_ (d,), when X was a data frame with string column names
    """

    def __init__(
        self,
        n_clusters: int = DEFAULT_N_CLUSTERS,
        covariance_type: str = DEFAULT_COVARIANCE_TYPE,
        n_init: int = DEFAULT_N_RESTARTS,
        max_iter: int = DEFAULT_MAX_ITER,
        distance: str = DEFAULT_DISTANCE,
        min_members: int | None = None,
        reg_covar: float = DEFAULT_REG_COVAR,
        random_state: RandomState = 0,
        n_threads: int | None = None,
        init: str | ArrayLike = "k-means++",
    ) -> None:
        self.n_clusters = n_clusters
        self.covariance_type = covariance_type
        self.n_init = n_init
        self.max_iter = max_iter
        self.distance = distance
        self.min_members = min_members
        self.reg_covar = reg_covar
        self.random_state = random_state
        self.n_threads = n_threads
        self.init = init

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002
        """Cluster X (n, d): array-like or data frame of finite numbers. Returns self.

        Raises ValueError for bad settings or data, TypeError for sparse data.
        """
        names = column_names_of(X)
        table = table_of(X, type(self).__name__, names)
        self._check_kinds()
        # Restarts only matter where there are few rows, and those are prepared in no time.
        n_threads = self._threads_for(len(table), 1)
        data = _prepared(table, names, self.covariance_type, n_threads)
        self._check_settings(data)
        fit = self._best_fit(data)
        self._keep(fit, data.preparation)
        self.labels_ = assign(fit.model, data.columns, self.distance, n_threads)
        self.n_features_in_ = data.n_columns
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def fit_predict(self, X: ArrayLike, y: object = None) -> NDArray[np.int32]:
        """fit(X), then labels_ (n,)."""
        return self.fit(X, y).labels_

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """Cluster of each row of X (n, d): (n,) int32."""
        return assign(self._fitted_model(), self._columns(X), self._distance)

    def score(self, X: ArrayLike, y: object = None) -> float:  # noqa: ARG002
        """Mean mixture log-likelihood per row of X (n, d), in the units of X; higher is better."""
        model = self._fitted_model()
        points = point_log_likelihoods(model, self._columns(X))
        return float(points.mean()) + self._preparation.log_jacobian

    def get_params(self, deep: bool = True) -> dict[str, object]:  # noqa: ARG002
        """The constructor's parameters by name."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: object) -> Self:
        """Change parameters by name. Raises ValueError for a name that does not exist."""
        known = self._parameter_names()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}. "
                    f"Valid parameters are: {known}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({settings})"

    def __sklearn_is_fitted__(self) -> bool:
        """Whether fit was called; scikit-learn asks."""
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> object:
        """scikit-learn's description of an estimator (sklearn.utils.Tags); only that asks."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="clusterer",
            target_tags=TargetTags(required=False),
            transformer_tags=None,
            classifier_tags=None,
            regressor_tags=None,
            input_tags=InputTags(),
        )

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def _check_kinds(self) -> None:
        """Raise ValueError for a setting that is no number where one is needed."""
        for name in ("n_clusters", "n_init", "max_iter", "min_members", "n_threads"):
            value = getattr(self, name)
            if value is None and name in ("min_members", "n_threads"):
                continue
            if not isinstance(value, numbers.Integral) or isinstance(value, bool):
                raise ValueError(f"{name} must be a whole number; got {value!r}.")
        if not isinstance(self.reg_covar, numbers.Real) or isinstance(self.reg_covar, bool):
            raise ValueError(f"reg_covar must be a number; got {self.reg_covar!r}.")
        if self.n_threads is not None and self.n_threads < 1:
            raise ValueError(f"n_threads must be at least 1 or None; got {self.n_threads}.")

    def _check_settings(self, data: PreparedData) -> None:
        check_settings(
            data,
            (self.n_clusters,),
            self.n_init,
            self.distance,
            self.min_members,
            self.reg_covar,
            self.max_iter,
        )

    def _threads_for(self, n_rows: int, n_restarts: int) -> int:
        if self.n_threads is not None:
            return self.n_threads
        work = n_rows * self.n_clusters * n_restarts
        return 1 if work < _WORTH_THREADS else _available_cores()

    def _best_fit(self, data: PreparedData) -> ExperimentFit:
        kind = CovarianceType.of(self.covariance_type)
        problem = problem_of(data, kind, self.distance, self.reg_covar)
        n_threads = self._threads_for(data.n_rows, self.n_init)
        pairs, centres = self._starts(data, n_threads)
        states = states_from_centres(kind, pairs, centres)
        outcomes, _ = run_in_groups(problem, states, self.max_iter, n_threads=n_threads)
        least = kind.smallest_cluster(
            data.n_rows, data.n_columns, self.n_clusters, self.min_members
        )
        best, n_eligible = best_of_each(Outcomes.joined(outcomes), least)
        fits = experiment_fits(data, kind, best, n_eligible.tolist(), len(pairs), n_threads)
        return fits[0]

    def _starts(self, data: PreparedData, n_threads: int) -> tuple[list[Pair], FloatArray]:
        """(experiment, restart) pairs and their centres (R, K, d), prepared units."""
        if isinstance(self.init, str):
            if self.init != "k-means++":
                raise ValueError(
                    f'init must be "k-means++" or an array of centres; got {self.init!r}.'
                )
            # With one cluster every restart is the same fit.
            pairs = [(0, r) for r in range(1 if self.n_clusters == 1 else self.n_init)]
            seeds = SeedBank(data, _seed_of(self.random_state))
            return pairs, seeds.centres(pairs, self.n_clusters, n_threads)
        centres = table_of(self.init, "init")
        expected = (self.n_clusters, data.n_columns)
        if centres.shape != expected:
            raise ValueError(
                f"init must hold n_clusters x n_features = {expected} centres; "
                f"got an array of shape {centres.shape}."
            )
        check_finite(centres.T, None)
        return [(0, 0)], np.ascontiguousarray(data.preparation.to_prepared(centres).T)[None]

    def _keep(self, fit: ExperimentFit, preparation: Preparation) -> None:
        self._model = fit.model
        # predict goes by the rule of the fit, even after set_params.
        self._distance = self.distance
        self._preparation = preparation
        self.cluster_centers_ = preparation.means_to_data_units(fit.model.means)
        self.covariances_ = preparation.covariances_to_data_units(fit.model.full_covariances())
        self.weights_ = fit.model.weights
        self.counts_ = fit.counts
        self.log_likelihood_ = fit.log_likelihood
        self.classification_log_likelihood_ = fit.classification_log_likelihood
        self.bic_, self.aic_, self.icl_ = fit.bic, fit.aic, fit.icl
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged
        self.stopped_by_, self.eligible_ = fit.stopped_by, fit.eligible
        self.n_floored_, self.n_reseeded_ = fit.n_floored, fit.n_reseeded

    def _fitted_model(self) -> ClusterModel:
        if not self.__sklearn_is_fitted__():
            # scikit-learn's own class when it is in use, so that its callers can catch it.
            module = sys.modules.get("sklearn.exceptions")
            error = NotFittedError if module is None else module.NotFittedError
            raise error(
                f"This {type(self).__name__} instance is not fitted yet. Call fit with data first."
            )
        return self._model

    def _columns(self, X: ArrayLike) -> FloatArray:
        """Later data, checked and prepared: (d, n)."""
        names = column_names_of(X)
        table = table_of(X, type(self).__name__, names)
        fitted_names = getattr(self, "feature_names_in_", None)
        check_same_columns(
            type(self).__name__,
            self.n_features_in_,
            table.shape[1],
            None if fitted_names is None else fitted_names.tolist(),
            names,
        )
        check_finite(table.T, names)
        return self._preparation.to_prepared(table)


def _prepared(
    table: FloatArray, names: list[str] | None, covariance_type: str, n_threads: int
) -> PreparedData:
    """Prepared data whose scores refer to the units of X.

    Full and diag types do not depend on the units of a column, so each column gets its own scale;
    that keeps seeding and the first assignment independent of them too. Spherical types do
    depend on them: one scale for all columns.
    """
    per_column = CovarianceType.of(covariance_type).shape != "spher"
    data = prepare(table, per_column, names, n_threads)
    if not per_column:
        return data
    scale = data.preparation.scale
    in_data_units = replace(
        data.preparation, standardise=False, log_jacobian=-float(np.log(scale).sum())
    )
    return replace(data, preparation=in_data_units)


def _seed_of(random_state: RandomState) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, numbers.Integral) and int(random_state) >= 0:
        return int(random_state)
    raise ValueError(
        "random_state must be None, a whole number from 0, a numpy Generator or a RandomState; "
        f"got {random_state!r}."
    )


def _available_cores() -> int:
    """Cores that this process may use: in a container often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
