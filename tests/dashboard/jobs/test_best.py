"""The model in the jobs list is the one that the page recommends."""

from __future__ import annotations

import numpy as np

from dashboard.analysis.recommendation import _ranked
from dashboard.analysis.view import JobView
from dashboard.planning.best import BestModel
from dashboard.stores.base import TaskOutcome
from kmeans_core import COVARIANCE_TYPES
from tests.dashboard.jobs.doubles import OneTable
from tests.dashboard.jobs.made_up import fit, result, spec, task_id


def test_no_fit_no_best() -> None:
    assert BestModel().record() is None


def test_the_highest_bic_of_the_eligible() -> None:
    best = BestModel()
    best.add(result(task_id(0), fit(bic=5.0, eligible=False)))
    assert best.record() == {"type": "full-untied", "k": 1, "bic": 5.0}
    best.add(result(task_id(1), fit(bic=-7.0, k=2), fit(bic=-6.0, k=3), fit(bic=-8.0, k=4)))
    assert best.record() == {"type": "full-untied", "k": 3, "bic": -6.0}


def test_a_tie_goes_to_the_simpler_model() -> None:
    best = BestModel()
    best.add(result(task_id(0), fit(bic=1.0, k=3, n_parameters=9)))
    best.add(result(task_id(1), fit(bic=1.0, k=2, n_parameters=6)))
    best.add(result(task_id(2), fit(bic=1.0, k=4, n_parameters=12)))
    assert best.record() == {"type": "full-untied", "k": 2, "bic": 1.0}


def test_it_agrees_with_the_recommendation_on_random_scores() -> None:
    random = np.random.default_rng(0)
    for _ in range(30):
        view, best = JobView(OneTable(), spec()), BestModel()
        for number in range(25):
            found = fit(
                bic=float(random.integers(-4, 4)),
                k=int(random.integers(1, 4)),
                kind="full-untied" if random.random() < 0.5 else "diag-untied",
                experiment=number,
                eligible=bool(random.random() < 0.6),
                n_parameters=5,
            )
            outcome = TaskOutcome(task_id(number), "done", 1, result=result(task_id(number), found))
            view.absorb([outcome])
            best.add(result(task_id(number), found))
        chosen = _ranked(view.cells.values(), "bic")[0]
        assert chosen.best is not None
        assert best.record() == {
            "type": chosen.covariance_type,
            "k": chosen.k,
            "bic": chosen.best.bic,
        }
        assert chosen.covariance_type in COVARIANCE_TYPES
