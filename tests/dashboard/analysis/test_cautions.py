"""Each warning, exactly when it is due."""

from __future__ import annotations

import pytest

from dashboard.analysis import JobView, recommend
from dashboard.planning.spec import JobSpec

TWO = ((0.0, 0.0), (8.0, 0.0))


@pytest.fixture
def warned(catalogue, made_up):
    """Warnings about one made-up fit with K = 2 in a job with K from 1 to 4."""

    def warn(others=(), settings=None, **fields):
        asked = {"k_max": 4, "n_experiments": 1, "covariance_types": ("spher-tied",)}
        spec = JobSpec("a" * 64, ("a", "b"), **(asked | (settings or {})))
        view = JobView(catalogue, spec)
        fit = made_up.fit(means=TWO, counts=fields.pop("counts", [200, 100]), **fields)
        view.absorb([made_up.done(each) for each in (fit, *others)])
        # Fill the other cells, far below, so that the job is complete.
        fillers = [
            made_up.fit(means=[(float(i), 0.0) for i in range(k)], experiment=e, bic=-1e6)
            for k in range(spec.k_min, spec.k_max + 1)
            for e in range(spec.n_experiments)
        ]
        if fields.get("eligible", True):
            view.absorb([made_up.done(*fillers)])
        return list(recommend(view).warnings)

    return warn


def test_a_sound_and_complete_result_has_no_warning(warned):
    assert warned() == []


def test_the_upper_edge_of_the_range(warned):
    assert warned(settings={"k_max": 2}) == [
        "K = 2 is the largest number of clusters tried: widen the range of K."
    ]
    assert warned(settings={"k_min": 2, "k_max": 2}) == [
        "K = 2 is the largest and the only number of clusters tried: widen the range of K."
    ]


def test_the_lower_edge_of_the_range(warned):
    assert warned(settings={"k_min": 2}) == [
        "K = 2 is the smallest number of clusters tried: start the range of K lower."
    ]


def test_a_tiny_cluster(warned):
    assert warned(counts=[295, 5]) == [
        "The smallest cluster has 5 of 300 rows (1.7 %): check that it is not an artefact."
    ]
    assert warned(counts=[294, 6]) == []


def test_not_converged(warned):
    assert warned(converged=False, n_iter=300, stopped_by="max_iter") == [
        "The recommended fit had not converged after 300 iterations (limit 300): "
        "its scores may still rise."
    ]
    (cycle,) = warned(converged=False, n_iter=12, stopped_by="cycle")
    assert cycle.startswith("The recommended fit went round in a cycle after 12 iterations")


def test_not_eligible_and_partial(warned):
    first, last = warned(eligible=False)
    assert first.startswith("No fit has at least 10 members in every cluster")
    assert last == (
        "Only 1 of 4 experiments are in, over all types and K: the recommendation may still change."
    )


def test_floored(warned):
    (warning,) = warned(n_floored=1)
    assert warning.startswith("A covariance had to be kept from collapsing")


def test_experiments_that_disagree(warned, made_up):
    others = [
        made_up.fit(means=((0.0, 0.0), (1.0, 0.5 * e)), experiment=e, bic=-1.0 - e)
        for e in (1, 2, 3)
    ]
    (warning,) = warned(others=others, settings={"n_experiments": 4, "n_restarts": 7})
    assert warning.startswith("The experiments disagree about these clusters")
    assert warning.endswith("try more restarts than 7.")


def test_few_votes_although_clusters_agree(warned, made_up):
    others = [made_up.fit(means=TWO, experiment=e, bic=-50.0) for e in (1, 2, 3)]
    others += [
        made_up.fit(means=((0.0, 0.0), (8.0, 0.0), (0.0, 9.0)), experiment=e, bic=-40.0)
        for e in (1, 2, 3)
    ]
    (warning,) = warned(others=others, settings={"n_experiments": 4})
    assert warning.startswith("Only 1 of 4 experiments have this type and K as their own best")
