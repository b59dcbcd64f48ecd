"""The remaining time: the prediction at first, then the job's own speed; what is known is done."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dashboard.analysis import JobView, updates
from dashboard.analysis.remaining import LEAST_SHARE, remaining_s
from dashboard.planning.cost import CostModel
from dashboard.planning.spec import JobSpec

ONE = ((0.0, 0.0),)
TWO = ((0.0, 0.0), (8.0, 0.0))
COSTS = CostModel(pair_ns=1e4, feature_ns=1.0, iteration_us=1.0, task_ms=1.0)


@dataclass(frozen=True)
class Backend:
    concurrency: int = 2
    costs: CostModel = COSTS


@pytest.fixture
def spec() -> JobSpec:
    """One type, K = 2 alone: ten experiments that cost the same."""
    return JobSpec(
        "a" * 64, ("a", "b"), k_min=2, k_max=2, covariance_types=("full-tied",), n_restarts=4
    )


@pytest.fixture
def one_s() -> float:
    """Predicted seconds of one experiment on one core; 300 rows."""
    return COSTS.experiment_ms("full-tied", 2, 300, 2, 4) / 1e3


def fits(made_up, *experiments):
    return [made_up.fit("full-tied", TWO, experiment=number) for number in experiments]


def test_before_anything_is_in_it_is_the_prediction(view, record_of, one_s):
    record = record_of(view, n_units_done=0)
    assert remaining_s(view, record, Backend(), 100.0) == pytest.approx(10 * one_s / 2)
    assert remaining_s(view, record, Backend(concurrency=1), 100.0) == pytest.approx(10 * one_s)
    job = updates(view, record, now=100.0, backend=Backend())["job"]
    assert job["remaining_s"] == pytest.approx(10 * one_s / 2)


@pytest.mark.parametrize("state", ["queued", "done", "cancelled", "failed"])
def test_a_job_that_does_not_run_has_none(view, record_of, state):
    assert remaining_s(view, record_of(view, state=state), Backend(), 101.0) is None


def test_a_job_slower_than_predicted_is_corrected_by_its_own_speed(view, made_up, record_of, one_s):
    # Half of the work took 1,000 s of wall time: the other half takes about as long.
    view.absorb([made_up.done(*fits(made_up, *range(5)), started_at=100.0, run_ms=1e6)])
    found = remaining_s(view, record_of(view), Backend(), 1_100.0)
    assert found == pytest.approx(1_000.0, rel=2.5 / one_s)
    assert 5 * one_s / 2 < found < 1_000.0  # the prediction still counts for a second


def test_it_counts_down_while_a_task_runs_and_never_reaches_zero(view, made_up, record_of):
    view.absorb([made_up.done(*fits(made_up, *range(5)), started_at=100.0, run_ms=1e5)])
    at = {now: remaining_s(view, record_of(view), Backend(), now) for now in (200.0, 210.0, 900.0)}
    assert at[210.0] == pytest.approx(at[200.0] - 10.0)
    assert at[900.0] == pytest.approx(LEAST_SHARE * at[200.0])


def test_remembered_fits_are_done_but_say_nothing_about_the_speed(view, made_up, record_of, one_s):
    view.absorb([made_up.done(*fits(made_up, *range(5)), started_at=7.0, run_ms=1e7)])
    found = remaining_s(view, record_of(view), Backend(), 100.0)
    assert found == pytest.approx(5 * one_s / 2)


def test_failed_tasks_are_not_waited_for(view, made_up, record_of, one_s):
    details = {"covariance_type": "full-tied", "n_clusters": [2], "experiments": [1, 2, 3]}
    view.absorb([made_up.failed("f" * 64, details=details)])
    found = remaining_s(view, record_of(view), Backend(), 100.0)
    assert found == pytest.approx(7 * one_s / 2)


def test_outcomes_are_counted_once_however_often_one_asks(catalogue, spec, made_up, record_of):
    """Asking after every outcome gives in the end what asking once gives."""
    often, once = JobView(catalogue, spec), JobView(catalogue, spec)
    outcomes = [
        made_up.done(*fits(made_up, number), started_at=100.0 + number, run_ms=900.0)
        for number in range(6)
    ]
    for outcome in outcomes:
        often.absorb([outcome])
        last = remaining_s(often, record_of(often), Backend(), 106.0)
    once.absorb(outcomes)
    assert last == pytest.approx(remaining_s(once, record_of(once), Backend(), 106.0))


def test_k_of_one_costs_next_to_nothing(catalogue, made_up, record_of):
    wide = JobSpec("a" * 64, ("a", "b"), k_max=2, covariance_types=("full-tied",), n_restarts=4)
    view = JobView(catalogue, wide)
    before = remaining_s(view, record_of(view), Backend(), 100.0)
    only_one = [made_up.fit("full-tied", ONE, experiment=number) for number in range(10)]
    view.absorb([made_up.done(*only_one, started_at=7.0)])
    after = remaining_s(view, record_of(view), Backend(), 100.0)
    assert 0.9 * before < after < before
