"""Finished restarts, stacked, and which of them is the best of its experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kmeans_core.model.covariance import CovarianceType
from kmeans_core.model.parameters import Parameters
from kmeans_core.points.arrays import FloatArray, IntArray

_ROUNDING = 1e-11
"""Relative rounding of a sum over all points."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """R finished restarts of one K.

    experiment, restart, n_iter, n_reseeded (R,) int64; left_in (R,) int64, why it ended (see
    restarts.STOP_REASONS); counts (R, K) int64 points per cluster; classification_log_likelihood
    (R,) in prepared units, higher is better.
    """

    experiment: IntArray
    restart: IntArray
    parameters: Parameters
    counts: IntArray
    classification_log_likelihood: FloatArray
    n_iter: IntArray
    n_reseeded: IntArray
    left_in: IntArray

    def __len__(self) -> int:
        return len(self.experiment)

    def take(self, chosen: IntArray) -> Outcomes:
        """The restarts at some places, chosen (M,) row numbers; a copy."""
        return Outcomes(
            self.experiment[chosen],
            self.restart[chosen],
            self.parameters.take(chosen),
            self.counts[chosen],
            self.classification_log_likelihood[chosen],
            self.n_iter[chosen],
            self.n_reseeded[chosen],
            self.left_in[chosen],
        )

    @classmethod
    def joined(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """Several stacks, at least one, as one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.experiment for part in parts]),
            np.concatenate([part.restart for part in parts]),
            Parameters.joined([part.parameters for part in parts]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.classification_log_likelihood for part in parts]),
            np.concatenate([part.n_iter for part in parts]),
            np.concatenate([part.n_reseeded for part in parts]),
            np.concatenate([part.left_in for part in parts]),
        )


def ordered_by_size(outcomes: Outcomes, covariance_type: CovarianceType) -> Outcomes:
    """The same with clusters by size, largest first; equal ones by mean, first column first."""
    own, means = outcomes.parameters, outcomes.parameters.means
    keys = (*np.moveaxis(means, -1, 0)[::-1], -outcomes.counts)
    order = np.lexsort(keys, axis=-1)
    rows = np.arange(len(order))[:, None]
    covariances = own.covariances if covariance_type.tied else own.covariances[rows, order]
    parameters = replace(
        own, weights=own.weights[rows, order], means=means[rows, order], covariances=covariances
    )
    return replace(outcomes, parameters=parameters, counts=outcomes.counts[rows, order])


def best_of_each(outcomes: Outcomes, least: int) -> tuple[Outcomes, IntArray]:
    """The best restart of each experiment, by experiment, and its number of eligible ones (E,).

    Every experiment has the same number of restarts. The best one has the highest classification
    log-likelihood among the eligible ones, whose clusters all have `least` points. Where none is
    eligible it is the best of all. Of equally good ones it is the earliest.
    """
    # Without np.unique, which loads NumPy's masked arrays: a Lambda starts without them.
    experiments = set(outcomes.experiment.tolist())
    order = np.lexsort((outcomes.restart, outcomes.experiment)).reshape(len(experiments), -1)
    eligible = (outcomes.counts.min(axis=1) >= least)[order]
    n_eligible = eligible.sum(axis=1)
    candidates = eligible | (n_eligible == 0)[:, None]
    scores = np.where(candidates, outcomes.classification_log_likelihood[order], -np.inf)
    highest = scores.max(axis=1)
    # Restarts that find the same clusters in another order differ by rounding: a tie.
    n_rows = outcomes.counts[0].sum()
    limit = highest - _ROUNDING * (np.abs(highest) + n_rows)
    first = np.argmax(scores >= limit[:, None], axis=1)
    return outcomes.take(order[np.arange(len(order)), first]), n_eligible
