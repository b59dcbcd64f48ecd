"""What is recommended, and with how much evidence: made-up scores with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from dashboard.analysis import JobView, recommend
from dashboard.analysis.recommendation import model_class
from dashboard.planning.spec import JobSpec
from kmeans_core import COVARIANCE_TYPES

ONE = ((3.0, 3.0),)
TWO = ((0.0, 0.0), (8.0, 0.0))
THREE = ((0.0, 0.0), (8.0, 0.0), (0.0, 9.0))


def absorb(view, made_up, *fits):
    view.absorb([made_up.done(fit) for fit in fits])


def test_nothing_is_recommended_before_the_first_fit(view):
    assert recommend(view) is None


def test_the_highest_score_wins_and_the_runner_up_is_named(view, made_up):
    absorb(
        view,
        made_up,
        made_up.fit("diag-tied", TWO, bic=-100.0),
        made_up.fit("full-untied", THREE, bic=-92.5, counts=[150, 100, 50]),
        made_up.fit("full-untied", TWO, bic=-96.0),
    )
    found = recommend(view)
    assert (found.covariance_type, found.k, found.score) == ("full-untied", 3, -92.5)
    assert (found.n_parameters, found.sizes) == (9, (150, 100, 50))
    other = found.next_best
    assert (other.covariance_type, other.k, other.score, other.delta) == (
        "full-untied",
        2,
        -96.0,
        3.5,
    )
    assert found.evidence == (
        "full-untied with K = 2 has a BIC 3.5 lower: strong evidence "
        "(scale of Kass and Raftery, 1995)."
    )


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (0.9, "not worth more than a bare mention"),
        (1.1, "positive evidence"),
        (2.9, "positive evidence"),
        (3.1, "strong evidence"),
        (5.1, "very strong evidence"),
    ],
)
def test_evidence_is_graded_on_the_halved_scale(view, made_up, delta, words):
    absorb(
        view,
        made_up,
        made_up.fit("diag-tied", TWO, bic=0.0),
        made_up.fit("full-tied", TWO, bic=-delta),
    )
    assert f": {words} (" in recommend(view).evidence


def test_aic_speaks_of_support_instead(view, made_up):
    absorb(
        view,
        made_up,
        made_up.fit("diag-tied", TWO, aic=0.0),
        made_up.fit("full-tied", TWO, aic=-6.0),
    )
    assert recommend(view, "aic").evidence == (
        "full-tied with K = 2 has an AIC 6.0 lower: it has essentially no support "
        "(scale of Burnham and Anderson, 2002)."
    )
    with pytest.raises(KeyError):
        recommend(view, "dic")


def test_criteria_may_disagree(view, made_up):
    absorb(
        view,
        made_up,
        made_up.fit("diag-tied", TWO, bic=-10.0, icl=-11.0, aic=-9.0),
        made_up.fit("diag-tied", THREE, bic=-9.0, icl=-15.0, aic=-5.0),
    )
    assert [recommend(view, name).k for name in ("bic", "icl", "aic")] == [3, 2, 3]
    assert recommend(view, "icl").score == -11.0


def test_an_ineligible_fit_never_beats_an_eligible_one(view, made_up):
    absorb(
        view,
        made_up,
        made_up.fit("diag-tied", TWO, bic=-100.0),
        made_up.fit("diag-tied", THREE, bic=500.0, eligible=False),
    )
    found = recommend(view)
    assert (found.k, found.next_best) == (2, None)
    assert found.evidence == "No other model to compare with yet."


def test_while_nothing_is_eligible_the_best_of_the_rest_is_shown(view, made_up):
    absorb(view, made_up, made_up.fit("diag-tied", THREE, bic=500.0, eligible=False))
    assert recommend(view).k == 3


def test_the_same_model_under_another_name_is_no_rival(view, made_up):
    absorb(
        view,
        made_up,
        made_up.fit("full-untied", ONE, bic=-1.0),
        made_up.fit("full-tied", ONE, bic=-1.0),
        made_up.fit("diag-tied", ONE, bic=-4.0),
    )
    found = recommend(view)
    assert found.covariance_type == "full-tied"
    assert (found.next_best.covariance_type, found.next_best.delta) == ("diag-tied", 3.0)


def test_which_models_are_the_same():
    in_one_column = {model_class((name, 2), 1) for name in COVARIANCE_TYPES}
    assert in_one_column == {("full", True, 2), ("full", False, 2)}
    assert len({model_class((name, 1), 3) for name in COVARIANCE_TYPES}) == 3
    assert len({model_class((name, 2), 3) for name in COVARIANCE_TYPES}) == 6


def test_agreement_is_the_mean_ari_with_the_other_experiments(view, made_up, catalogue):
    other = ((0.0, 0.0), (0.0, 9.0))
    absorb(
        view,
        made_up,
        made_up.fit("spher-tied", TWO, experiment=0, bic=-1.0),
        made_up.fit("spher-tied", TWO, experiment=1, bic=-1.5),
        made_up.fit("spher-tied", other, experiment=2, bic=-2.0),
    )
    nearest = [
        np.argmin([((catalogue.values - m) ** 2).sum(axis=1) for m in means], axis=0)
        for means in (TWO, other)
    ]
    assert recommend(view).agreement == pytest.approx((1.0 + adjusted_rand_score(*nearest)) / 2)


def test_agreement_is_unknown_with_one_experiment(view, made_up):
    absorb(view, made_up, made_up.fit("spher-tied", TWO))
    assert recommend(view).agreement is None


def test_votes_count_experiments_that_are_in_every_cell(view, made_up):
    def both(experiment, two, three, **other):
        return (
            made_up.fit("diag-tied", TWO, experiment=experiment, bic=two),
            made_up.fit("diag-tied", THREE, experiment=experiment, bic=three, **other),
        )

    absorb(
        view,
        made_up,
        *both(0, -10.0, -5.0),
        *both(1, -10.0, -6.0),
        *both(2, -10.0, -20.0),
        *both(3, -10.0, -1.0, eligible=False),
        made_up.fit("diag-tied", THREE, experiment=4, bic=-7.0),
    )
    found = recommend(view)
    assert (found.k, found.votes, found.n_votes) == (3, 2, 4)


def test_a_recommendation_follows_new_results(view, made_up):
    absorb(view, made_up, made_up.fit("diag-tied", TWO, bic=-10.0))
    assert recommend(view).k == 2
    absorb(view, made_up, made_up.fit("diag-tied", THREE, bic=-9.0))
    assert recommend(view).k == 3
    absorb(view, made_up, made_up.fit("diag-tied", TWO, experiment=1, bic=-3.0))
    found = recommend(view)
    assert (found.k, found.experiment, found.score) == (2, 1, -3.0)


def test_real_data_with_a_known_answer(finished, truth):
    found = recommend(finished)
    assert (found.covariance_type, found.k) == ("spher-tied", 3)
    assert sum(found.sizes) == 300
    labels = finished.labels((found.covariance_type, found.k))
    assert adjusted_rand_score(truth, labels) > 0.99
    assert (found.votes, found.n_votes) == (4, 4)
    assert found.agreement == pytest.approx(1.0)
    assert found.warnings == ()


def test_agreement_uses_few_rows_of_large_tables(make_catalogue, made_up, monkeypatch):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(m, 1, (6_000, 2)) for m in (0, 8)])
    view = JobView(make_catalogue(values, ["a", "b"], ["", ""]), JobSpec("b" * 64, ("a", "b")))
    seen = []
    from dashboard.analysis import view as module

    real = module.shown_labels
    monkeypatch.setattr(
        module, "shown_labels", lambda rows, *rest: seen.append(rows.shape) or real(rows, *rest)
    )
    absorb(view, made_up, *[made_up.fit("spher-tied", TWO, experiment=e) for e in range(3)])
    assert recommend(view).agreement == 1.0
    assert seen == [(2, 12_000), (2, 4_000), (2, 4_000)]
    recommend(view, "icl")
    assert len(seen) == 3
