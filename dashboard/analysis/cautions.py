"""What a person should know before trusting a recommendation, in full sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.analysis.cell import Cell
from kmeans_core import CovarianceType, ExperimentFit

if TYPE_CHECKING:
    from dashboard.planning.spec import JobSpec

TINY_SHARE = 0.02
LOW_AGREEMENT = 0.8
FEWEST_VOTERS = 4


@dataclass(frozen=True, slots=True)
class RecommendedFacts:
    """What the warnings look at: the recommended fit and how it came about."""

    cell: Cell
    fit: ExperimentFit
    agreement: float | None
    votes: int
    n_votes: int
    n_rows: int
    n_columns: int
    n_in: int


def warnings_for(facts: RecommendedFacts, spec: JobSpec) -> tuple[str, ...]:
    """Sentences about the recommended fit, the most serious first; empty when all is well."""
    found = (
        _not_eligible(facts, spec),
        _floored(facts),
        _not_converged(facts, spec),
        _edge(facts, spec),
        _tiny(facts),
        _few_agree(facts, spec),
        _partial(facts, spec),
    )
    return tuple(sentence for sentence in found if sentence)


def _not_eligible(facts: RecommendedFacts, spec: JobSpec) -> str:
    if facts.fit.eligible:
        return ""
    members = CovarianceType.smallest_cluster(
        facts.n_rows, facts.n_columns, facts.cell.k, spec.min_members
    )
    return (
        f"No fit has at least {members} members in every cluster, so this one is not eligible and "
        "its score may be too good: lower the smallest cluster size allowed, or try fewer clusters."
    )


def _floored(facts: RecommendedFacts) -> str:
    if not facts.fit.n_floored:
        return ""
    return (
        "A covariance had to be kept from collapsing (a cluster is flat in some direction, as with "
        "repeated rows or columns that determine each other): the score depends on that limit, so "
        "remove the redundant column or the repeated rows and compare."
    )


def _not_converged(facts: RecommendedFacts, spec: JobSpec) -> str:
    if facts.fit.converged:
        return ""
    if facts.fit.stopped_by == "cycle":
        return (
            f"The recommended fit went round in a cycle after {facts.fit.n_iter:,} iterations, as "
            "can happen under plain Mahalanobis distance: compare with the likelihood rule."
        )
    return (
        f"The recommended fit had not converged after {facts.fit.n_iter:,} iterations "
        f"(limit {spec.max_iter:,}): its scores may still rise."
    )


def _edge(facts: RecommendedFacts, spec: JobSpec) -> str:
    k = facts.cell.k
    if k == spec.k_max and k < facts.n_rows:
        only = " and the only" if spec.k_min == spec.k_max else ""
        return f"K = {k} is the largest{only} number of clusters tried: widen the range of K."
    if k == spec.k_min and k > 1:
        return f"K = {k} is the smallest number of clusters tried: start the range of K lower."
    return ""


def _tiny(facts: RecommendedFacts) -> str:
    smallest = int(facts.fit.counts.min())
    if facts.cell.k == 1 or smallest >= max(TINY_SHARE * facts.n_rows, 2 * (facts.n_columns + 1)):
        return ""
    share = 100 * smallest / facts.n_rows
    return (
        f"The smallest cluster has {smallest:,} of {facts.n_rows:,} rows ({share:.1f} %): "
        "check that it is not an artefact."
    )


def _few_agree(facts: RecommendedFacts, spec: JobSpec) -> str:
    if facts.agreement is None:
        return ""
    if facts.agreement >= LOW_AGREEMENT:
        return _few_votes(facts, spec)
    return (
        f"The experiments disagree about these clusters (mean adjusted Rand index "
        f"{facts.agreement:.2f}, 1 is identical): try more restarts than {spec.n_restarts}."
    )


def _few_votes(facts: RecommendedFacts, spec: JobSpec) -> str:
    if facts.n_votes < FEWEST_VOTERS or 2 * facts.votes >= facts.n_votes:
        return ""
    return (
        f"Only {facts.votes:,} of {facts.n_votes:,} experiments have this type and K as their own "
        f"best: compare the next best, or try more restarts than {spec.n_restarts}."
    )


def _partial(facts: RecommendedFacts, spec: JobSpec) -> str:
    n_k = spec.k_max - spec.k_min + 1
    asked = len(spec.covariance_types) * n_k * spec.n_experiments
    if facts.n_in >= asked:
        return ""
    return (
        f"Only {facts.n_in:,} of {asked:,} experiments are in, over all types and K: "
        "the recommendation may still change."
    )
