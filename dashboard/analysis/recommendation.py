"""Which clustering to choose, and how much to believe it.

Scores here are log-likelihoods minus a penalty (higher is better), half of the size that most books
use. Kass & Raftery (1995) grade 2 log(Bayes factor) at 2, 6 and 10; on this scale that is 1, 3 and
5. BIC differences approximate a log Bayes factor, for ICL the same words are used by analogy. AIC
approximates no Bayes factor: for it Burnham & Anderson (2002) grade differences (theirs 2, 7, 10;
here 1, 3.5, 5) by how much support the runner-up keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dashboard.analysis.cautions import RecommendedFacts, warnings_for
from dashboard.analysis.cell import Cell
from dashboard.analysis.records import CRITERIA, CellKey, RecommendationRecord
from dashboard.analysis.view import JobView
from kmeans_core import COVARIANCE_TYPES, CovarianceType

SUPPORT = ((1.0, "as much support"), (3.5, "considerable support"), (5.0, "little support"))
GRADES = (
    (1.0, "not worth more than a bare mention"),
    (3.0, "positive evidence"),
    (5.0, "strong evidence"),
)


@dataclass(frozen=True, slots=True)
class NextBest:
    """The runner-up among different models; `delta` >= 0 is how much lower its score is."""

    covariance_type: str
    k: int
    score: float
    delta: float


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The best clustering by one criterion, with the evidence for it.

    `score`: the criterion of the fit that is shown for this cell (higher is better), of experiment
    `experiment`. `agreement`: mean adjusted Rand index of the other experiments' clusterings of the
    same (type, K) with this one (of the first 25, on at most 5,000 drawn rows); None while there
    is no other. `votes` of `n_votes`: experiments whose own best model is this one, among those
    that have fitted every cell known so far. `sizes`: rows per cluster, largest first.
    """

    criterion: str
    covariance_type: str
    k: int
    experiment: int
    score: float
    n_parameters: int
    next_best: NextBest | None
    evidence: str
    agreement: float | None
    votes: int
    n_votes: int
    sizes: tuple[int, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> RecommendationRecord:
        """The record that the page polls."""
        other = self.next_best
        return {
            "type": self.covariance_type,
            "k": self.k,
            "experiment": self.experiment,
            "score": self.score,
            "n_parameters": self.n_parameters,
            "next": None
            if other is None
            else {
                "type": other.covariance_type,
                "k": other.k,
                "score": other.score,
                "delta": other.delta,
            },
            "evidence": self.evidence,
            "agreement": self.agreement,
            "votes": self.votes,
            "n_votes": self.n_votes,
            "sizes": list(self.sizes),
            "warnings": list(self.warnings),
        }


def recommend(view: JobView, criterion: str = "bic") -> Recommendation | None:
    """The clustering with the highest `criterion` ("bic", "icl" or "aic") found so far.

    Only fits in which every cluster has enough members count, unless there is no such fit at all.
    None before the first fit. Remembered until the view changes. Raises KeyError for any other
    criterion.
    """
    name = CRITERIA[criterion]
    with view.lock:
        remembered = view.memory.get(("recommendation", criterion))
        if remembered is not None and remembered[0] == view.cursor:
            return remembered[1]
        cells = view.cells
        n_columns = len(view.spec.columns)
        ranked = _ranked(cells.values(), criterion)
        result = None
        if ranked:
            best = ranked[0]
            rival = _different_model(best, ranked[1:], n_columns)
            next_best = _next_best(best, rival, criterion)
            result = _describe(view, cells, best, criterion, next_best, _evidence(name, next_best))
        view.memory["recommendation", criterion] = view.cursor, result
        return result


def model_class(key: CellKey, n_columns: int) -> tuple[str, bool, int]:
    """What makes models of two cells one and the same: (shape, whether tied, K).

    With one cluster tied and untied coincide; with one column all three shapes do.
    """
    kind, k = CovarianceType.of(key[0]), key[1]
    return "full" if n_columns == 1 else kind.shape, k == 1 or kind.tied, k


def _ranked(cells: Iterable[Cell], criterion: str) -> list[Cell]:
    usable = [
        cell
        for cell in cells
        if cell.best is not None and np.isfinite(getattr(cell.best, criterion))
    ]
    eligible = [cell for cell in usable if cell.best is not None and cell.best.eligible]
    return sorted(
        eligible or usable,
        key=lambda cell: (
            -float(getattr(cell.best, criterion)),
            cell.best.n_parameters if cell.best else 0,
            cell.k,
            COVARIANCE_TYPES.index(cell.covariance_type),
        ),
    )


def _different_model(best: Cell, others: list[Cell], n_columns: int) -> Cell | None:
    same = model_class(best.key, n_columns)
    return next((cell for cell in others if model_class(cell.key, n_columns) != same), None)


def _next_best(best: Cell, rival: Cell | None, criterion: str) -> NextBest | None:
    if rival is None:
        return None
    score = float(getattr(rival.best, criterion))
    delta = float(getattr(best.best, criterion)) - score
    return NextBest(rival.covariance_type, rival.k, score, delta)


def _evidence(name: str, other: NextBest | None) -> str:
    if other is None:
        return "No other model to compare with yet."
    rival = f"{other.covariance_type} with K = {other.k}"
    lower = f"{rival} has {_article(name)} {name} {other.delta:,.1f} lower"
    if name == "AIC":
        grade = next((g for limit, g in SUPPORT if other.delta < limit), "essentially no support")
        return f"{lower}: it has {grade} (scale of Burnham and Anderson, 2002)."
    grade = next((g for limit, g in GRADES if other.delta < limit), "very strong evidence")
    by_analogy = ", by analogy" if name == "ICL" else ""
    return f"{lower}: {grade} (scale of Kass and Raftery, 1995{by_analogy})."


def _article(name: str) -> str:
    return "a" if name == "BIC" else "an"


def _describe(
    view: JobView,
    cells: Mapping[CellKey, Cell],
    best: Cell,
    criterion: str,
    next_best: NextBest | None,
    evidence: str,
) -> Recommendation:
    fit = best.best
    assert fit is not None
    votes, n_votes = _votes(cells, best.key, criterion, len(view.spec.columns))
    others = list(view.peer_agreement(best.key).values())
    agreement = float(np.mean(others)) if others else None
    sizes = tuple(int(count) for count in fit.counts)
    facts = RecommendedFacts(
        cell=best,
        fit=fit,
        agreement=agreement,
        votes=votes,
        n_votes=n_votes,
        n_rows=sum(sizes),
        n_columns=len(view.spec.columns),
        n_in=sum(cell.n for cell in cells.values()),
    )
    return Recommendation(
        criterion=criterion,
        covariance_type=best.covariance_type,
        k=best.k,
        experiment=int(fit.experiment),
        score=float(getattr(fit, criterion)),
        n_parameters=int(fit.n_parameters),
        next_best=next_best,
        evidence=evidence,
        agreement=agreement,
        votes=votes,
        n_votes=n_votes,
        sizes=sizes,
        warnings=warnings_for(facts, view.spec),
    )


def _votes(
    cells: Mapping[CellKey, Cell], chosen: CellKey, criterion: str, n_columns: int
) -> tuple[int, int]:
    """Experiments whose own best model is the chosen one, of those that are in every cell."""
    keys = [key for key, cell in cells.items() if cell.n]
    everywhere = cells[keys[0]].columns.experiments
    for key in keys[1:]:
        everywhere = np.intersect1d(everywhere, cells[key].columns.experiments, assume_unique=True)
    if everywhere.size == 0:
        return 0, 0
    scores = np.full((len(keys), everywhere.size), -np.inf)
    for row, key in enumerate(keys):
        columns = cells[key].columns
        at = np.searchsorted(columns.experiments, everywhere)
        values = columns.by_criterion[criterion][at]
        usable = columns.eligible[at] & np.isfinite(values)
        scores[row, usable] = values[usable]
    voting = np.isfinite(scores).any(axis=0)
    target = model_class(chosen, n_columns)
    same = np.array([model_class(key, n_columns) == target for key in keys])
    # Equal models in two cells (tied and untied at K = 1) tie up to rounding; either is a vote.
    winner = scores[:, voting].max(axis=0)
    ours = scores[same][:, voting].max(axis=0)
    tolerance = 1e-9 * np.maximum(np.abs(winner), 1.0)
    return int((ours >= winner - tolerance).sum()), int(voting.sum())
