"""How a job's view grows: cells, their scores, their best fit; in any portions, from threads."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from dashboard.analysis import JobView, updates
from tests.waiting import WAIT_S

A = ((0.0, 0.0), (8.0, 0.0))


def summary(view: JobView):
    return {
        key: (cell.version, cell.model_version, sorted(cell.scores.items()), cell.best.experiment)
        for key, cell in view.cells.items()
    }


def test_a_cell_keeps_every_experiment_and_the_best_eligible_fit(view, made_up):
    view.absorb(
        [
            made_up.done(made_up.fit(means=A, experiment=0, bic=-20.0)),
            made_up.done(
                made_up.fit(means=A, experiment=1, bic=-10.0, counts=[200, 100]),
                made_up.fit(means=A, experiment=2, bic=-5.0, eligible=False),
            ),
        ]
    )
    cell = view.cells["spher-tied", 2]
    assert [cell.scores[e].bic for e in (0, 1, 2)] == [-20.0, -10.0, -5.0]
    assert cell.scores[1].counts == (200, 100)
    assert (cell.n, cell.n_eligible) == (3, 2)
    assert cell.best.experiment == 1
    assert (cell.version, cell.model_version, view.cursor) == (2, 2, 2)


def test_an_ineligible_fit_is_best_only_until_an_eligible_one_comes(view, made_up):
    view.absorb([made_up.done(made_up.fit(means=A, experiment=0, bic=-1.0, eligible=False))])
    assert view.cells["spher-tied", 2].best.experiment == 0
    assert not view.cells["spher-tied", 2].best.eligible
    view.absorb([made_up.done(made_up.fit(means=A, experiment=1, bic=-50.0))])
    assert view.cells["spher-tied", 2].best.experiment == 1


def test_ties_and_not_a_number_go_to_the_lowest_usable_experiment(view, made_up):
    view.absorb(
        [
            made_up.done(made_up.fit(means=A, experiment=3, bic=-7.0)),
            made_up.done(made_up.fit(means=A, experiment=1, bic=float("nan"))),
            made_up.done(made_up.fit(means=A, experiment=2, bic=-7.0)),
        ]
    )
    assert view.cells["spher-tied", 2].best.experiment == 2


def test_absorbing_twice_changes_nothing(view, outcomes):
    view.absorb(outcomes)
    before = summary(view)
    view.absorb(outcomes)
    view.absorb(outcomes[3:9])
    assert summary(view) == before
    assert view.cursor == len(outcomes)


def test_portions_do_not_matter(catalogue, spec, outcomes):
    at_once, one_by_one = JobView(catalogue, spec), JobView(catalogue, spec)
    at_once.absorb(outcomes)
    for outcome in outcomes:
        one_by_one.absorb([outcome])
    assert summary(at_once) == summary(one_by_one)
    assert at_once.colours() == one_by_one.colours()


def test_order_matters_for_versions_only(catalogue, spec, outcomes):
    straight, shuffled = JobView(catalogue, spec), JobView(catalogue, spec)
    straight.absorb(outcomes)
    mixed = list(outcomes)
    random.Random(0).shuffle(mixed)
    shuffled.absorb(mixed)
    for key, cell in straight.cells.items():
        other = shuffled.cells[key]
        assert cell.scores == other.scores
        assert cell.best.experiment == other.best.experiment
        assert cell.score_record("bic") == other.score_record("bic")
    assert straight.colours() == shuffled.colours()


def test_threads_that_absorb_and_read_see_whole_cells(catalogue, spec, outcomes):
    view, errors = JobView(catalogue, spec), []

    def absorb(part):
        for outcome in part:
            view.absorb([outcome])

    def read(record):
        try:
            for _ in range(20):
                for cell in updates(view, record)["cells"]:
                    assert cell["model"] is not None
                    assert len(cell["model"]["clusters"]) == cell["k"]
        except Exception as error:
            errors.append(error)

    from dashboard.stores.base import JobRecord

    record = JobRecord(spec.job_id, spec, "three", "local", 48, spec.n_fits)
    threads = [threading.Thread(target=absorb, args=(outcomes[i::3],)) for i in range(3)]
    threads += [threading.Thread(target=read, args=(record,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=WAIT_S)
    assert errors == []
    reference = JobView(catalogue, spec)
    reference.absorb(outcomes)
    assert view.colours() == reference.colours()


def test_scores_are_mean_and_central_range_of_the_eligible_experiments(view, made_up):
    values = np.random.default_rng(0).normal(-100, 3, 40)
    fits = [
        made_up.fit(means=A, experiment=e, bic=float(v), eligible=e != 7)
        for e, v in enumerate(values)
    ]
    view.absorb([made_up.done(*fits)])
    record = view.cells["spher-tied", 2].score_record("bic")
    counted = np.delete(values, 7)
    assert record["mean"] == pytest.approx(counted.mean())
    assert record["low"] == pytest.approx(np.percentile(counted, 2.5))
    assert record["high"] == pytest.approx(np.percentile(counted, 97.5))
    assert record["best"] == counted.max()


def test_without_eligible_fits_all_count(view, made_up):
    fits = [made_up.fit(means=A, experiment=e, bic=-e, eligible=False) for e in range(3)]
    view.absorb([made_up.done(*fits)])
    record = view.cells["spher-tied", 2].score_record("bic")
    assert (record["mean"], record["best"]) == (-1.0, 0.0)


def test_equal_experiments_have_a_band_of_no_width(view, made_up):
    fits = [made_up.fit(means=A, experiment=e, bic=-0.1) for e in range(3)]
    view.absorb([made_up.done(*fits)])
    record = view.cells["spher-tied", 2].score_record("bic")
    assert record == {"mean": -0.1, "low": -0.1, "high": -0.1, "best": -0.1}


def test_models_of_many_experiments_are_not_kept_but_their_scores_are(view, made_up):
    fits = [made_up.fit(means=A, experiment=e, bic=float(e)) for e in range(200)]
    view.absorb([made_up.done(*fits)])
    cell = view.cells["spher-tied", 2]
    assert cell.n == 200
    assert sorted(cell.peers) == list(range(25))
    assert cell.best.experiment == 199
    assert view.labels(cell.key).shape == (300,)


def test_a_failure_is_forgotten_when_the_task_succeeds(view, made_up):
    view.absorb([made_up.failed("t1", "Out of memory."), made_up.failed("t2")])
    assert view.failures["t1"].error["message"] == "Out of memory."
    view.absorb([made_up.done(made_up.fit(), task_id="t1")])
    assert set(view.failures) == {"t2"}
    view.forget_failures([])
    assert view.failures == {}


def test_labels_of_an_unknown_cell_raise(view):
    with pytest.raises(KeyError):
        view.labels(("full-tied", 9))
