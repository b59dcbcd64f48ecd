"""One cell of an analysis: a covariance type with K clusters, and what its experiments found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dashboard.analysis.records import CRITERIA, CellKey, ScoreRecord, finite
from kmeans_core import ExperimentFit, Preparation

MAX_PEERS = 25
RANGE_PERCENT = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class ExperimentScore:
    """The outcome of one experiment without its model; bic, aic, icl: higher is better."""

    experiment: int
    restart: int
    bic: float
    aic: float
    icl: float
    log_likelihood: float
    n_iter: int
    converged: bool
    eligible: bool
    counts: tuple[int, ...]

    @classmethod
    def of(cls, fit: ExperimentFit) -> ExperimentScore:
        """The scores and flags of `fit`."""
        return cls(
            experiment=int(fit.experiment),
            restart=int(fit.restart),
            bic=float(fit.bic),
            aic=float(fit.aic),
            icl=float(fit.icl),
            log_likelihood=float(fit.log_likelihood),
            n_iter=int(fit.n_iter),
            converged=bool(fit.converged),
            eligible=bool(fit.eligible),
            counts=tuple(int(count) for count in fit.counts),
        )


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """The experiments of a cell as arrays (n,), ordered by experiment number."""

    experiments: NDArray[np.int64]
    eligible: NDArray[np.bool_]
    by_criterion: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(cls, scores: Iterable[ExperimentScore]) -> ScoreColumns:
        """Columns of `scores`, whatever their order."""
        rows = sorted(scores, key=lambda score: score.experiment)
        return cls(
            experiments=np.array([row.experiment for row in rows], dtype=np.int64),
            eligible=np.array([row.eligible for row in rows], dtype=bool),
            by_criterion={
                name: np.array([getattr(row, name) for row in rows], dtype=np.float64)
                for name in CRITERIA
            },
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """Everything known about one (covariance type, K); a new object after every change.

    `version`: store sequence number of the last change; `model_version`: of the last change of
    `best`. `best` is the experiment with the highest BIC among the eligible ones (among all while
    none is eligible), ties to the lowest experiment number; it is the one clustering that is shown,
    whatever the criterion, so that labels, sizes and scores always belong together. `peers` are
    the models of the first `MAX_PEERS` experiments, for measuring agreement; of the others only
    scores are kept.
    """

    covariance_type: str
    k: int
    version: int = 0
    model_version: int = 0
    scores: Mapping[int, ExperimentScore] = field(default_factory=dict)
    peers: Mapping[int, ExperimentFit] = field(default_factory=dict)
    best: ExperimentFit | None = None
    preparation: Preparation | None = None
    columns: ScoreColumns = field(default_factory=lambda: ScoreColumns.of(()))

    @property
    def key(self) -> CellKey:
        """(covariance type, K)."""
        return self.covariance_type, self.k

    @property
    def n(self) -> int:
        """Number of experiments that are in."""
        return len(self.scores)

    @property
    def n_eligible(self) -> int:
        """Number of experiments whose best restart is eligible."""
        return int(self.columns.eligible.sum())

    def with_fits(
        self, fits: Iterable[ExperimentFit], preparation: Preparation, version: int
    ) -> Cell:
        """This cell and the fits it does not have yet; the same object when all are known."""
        news = [fit for fit in fits if fit.experiment not in self.scores]
        if not news:
            return self
        scores = dict(self.scores) | {f.experiment: ExperimentScore.of(f) for f in news}
        peers = dict(self.peers) | {f.experiment: f for f in news}
        kept = sorted(peers)[:MAX_PEERS]
        best = min([*([self.best] if self.best else []), *news], key=_rank)
        return Cell(
            covariance_type=self.covariance_type,
            k=self.k,
            version=version,
            model_version=self.model_version if best is self.best else version,
            scores=scores,
            peers={experiment: peers[experiment] for experiment in kept},
            best=best,
            preparation=preparation,
            columns=ScoreColumns.of(scores.values()),
        )

    def counted(self, criterion: str) -> NDArray[np.float64]:
        """Scores that count for the curve: of eligible experiments, of all while there are none."""
        values = self.columns.by_criterion[criterion]
        if self.columns.eligible.any():
            values = values[self.columns.eligible]
        return values[np.isfinite(values)]

    def score_record(self, criterion: str) -> ScoreRecord:
        """Mean and central 95 % range of the experiments, and the shown fit's own score.

        `low` and `high` are the 2.5th and 97.5th percentiles (linear interpolation) of the
        experiments' scores: the range in which a single further experiment is to be expected. Not
        a confidence interval of their mean: that shrinks with the number of experiments and would
        hide how much the result depends on the start, which is what the band is there to show.
        """
        values = self.counted(criterion)
        best = finite(getattr(self.best, criterion)) if self.best is not None else None
        if values.size == 0:
            return {"mean": None, "low": None, "high": None, "best": best}
        low, high = np.percentile(values, RANGE_PERCENT)
        # Rounding may put the mean of equal values a hair outside their range.
        mean = min(max(float(values.mean()), float(low)), float(high)) if low == high else None
        mean = float(values.mean()) if mean is None else mean
        return {"mean": finite(mean), "low": finite(low), "high": finite(high), "best": best}


def _rank(fit: ExperimentFit) -> tuple[bool, float, int]:
    bic = float(fit.bic)
    return not fit.eligible, -bic if np.isfinite(bic) else np.inf, int(fit.experiment)
