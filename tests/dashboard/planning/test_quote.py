"""The quote: what a job takes, said once and worked out once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.datasets import DatasetError
from dashboard.planning import analysis
from dashboard.planning.cost import NATIVE_COSTS, NUMPY_COSTS, CostModel
from dashboard.planning.plan import groups, plan
from dashboard.planning.quote import COLD_START_S, Quote, price_usd
from dashboard.planning.quotes import REMEMBERED, Quotes
from dashboard.planning.spec import JobSpec, SpecError
from tests.dashboard.jobs.doubles import OneTable
from tests.dashboard.jobs.made_up import DATASET_ID

SPEC = JobSpec(DATASET_ID, ("a", "b"))
ROWS = 3_000


@dataclasses.dataclass(frozen=True)
class Provider:
    """A backend's costs, and one dollar per request and second."""

    costs: CostModel = NUMPY_COSTS
    concurrency: int = 1

    def cost_usd(self, busy_s: float, n_requests: int) -> float:
        return 1_000.0 * n_requests + busy_s


def quote(spec: JobSpec = SPEC, **changes: Any) -> Quote:
    dataset = dataclasses.replace(OneTable().get(DATASET_ID), n_rows=ROWS)
    return analysis.quote(spec, dataset, ROWS, Provider(**changes))


class TestSeconds:
    def test_they_grow_with_the_work_and_shrink_with_the_workers(self) -> None:
        one = quote().seconds
        assert 4 < one < 30
        assert quote(concurrency=2).seconds == pytest.approx(one / 2)
        twice = dataclasses.replace(SPEC, n_experiments=20)
        assert quote(twice).seconds == pytest.approx(2 * one, rel=0.1)
        assert quote(costs=NATIVE_COSTS).seconds < one / 4

    def test_the_longest_task_is_not_divided(self) -> None:
        longest_ms = max(group.ms for group in groups(SPEC, ROWS, NUMPY_COSTS))
        expected_s = (longest_ms + NUMPY_COSTS.task_ms) / 1e3
        assert quote(concurrency=10**6).seconds == pytest.approx(expected_s)

    def test_they_count_what_tasks_cost_beside_their_fits(self) -> None:
        slow_requests = dataclasses.replace(NATIVE_COSTS, task_ms=102.0)
        fast = quote(costs=NATIVE_COSTS)
        more_s = quote(costs=slow_requests).seconds - fast.seconds
        assert more_s == pytest.approx(0.1 * fast.n_tasks)


class TestDollars:
    def test_every_function_starts_cold_once(self) -> None:
        provider = Provider(concurrency=50)
        assert price_usd([0.05] * 200, provider) == pytest.approx(200_000 + 10 + 50 * COLD_START_S)
        assert price_usd([5.0] * 2, provider) == pytest.approx(2_000 + 10 + 2 * COLD_START_S)

    def test_a_cap_suffices_or_not(self) -> None:
        cheap = dataclasses.replace(quote(), usd=1.5, seconds=12.0)
        assert cheap.sentence() == "6,000 fits · about 12 s · $1.50"
        assert cheap.sentence(1.5) == cheap.sentence()
        assert cheap.sentence(1.0) == f"{cheap.sentence()} · more than the cap of $1.00"
        assert [cheap.fits_into(cap) for cap in (None, 1.5, 1.49)] == [True, True, False]

    def test_one_fit_is_not_many(self) -> None:
        single = dataclasses.replace(
            SPEC, k_max=1, n_experiments=1, n_restarts=1, covariance_types=("full-tied",)
        )
        assert quote(single).sentence().startswith("1 fit · under 1 s · ")


def test_its_tasks_are_those_of_the_plan() -> None:
    made = quote()
    found = made.plan()
    assert found.tasks == plan(SPEC, made.dataset, ROWS, NUMPY_COSTS)
    assert (found.title, made.n_tasks) == ("field", len(found.tasks))
    assert made.n_units == found.n_units == 6_000


def test_a_job_that_cannot_be_run_has_no_quote() -> None:
    with pytest.raises(SpecError) as caught:
        quote(dataclasses.replace(SPEC, k_max=ROWS + 1, n_experiments=1))
    assert caught.value.code == "too_many_clusters"


class TestRemembered:
    @pytest.fixture
    def counted(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[JobSpec]]:
        """The specifications for which groups were made, in order."""
        made: list[JobSpec] = []

        def counting(spec: JobSpec, n_rows: int, costs: CostModel) -> list[Any]:
            made.append(spec)
            return groups(spec, n_rows, costs)

        monkeypatch.setattr(analysis, "groups", counting)
        return made

    def test_the_same_settings_are_cut_once(self, counted: list[JobSpec]) -> None:
        quotes = Quotes(OneTable(), Provider())
        first = quotes.of(SPEC)
        assert quotes.of(dataclasses.replace(SPEC)) == first  # an equal one
        assert counted == [SPEC]
        assert first.n_rows == 30

    def test_only_the_last_few_are_kept(self, counted: list[JobSpec]) -> None:
        quotes = Quotes(OneTable(), Provider())
        specs = [dataclasses.replace(SPEC, seed=seed) for seed in range(REMEMBERED + 1)]
        for spec in [*specs, specs[-1], specs[1], specs[0]]:
            quotes.of(spec)
        assert counted == [*specs, specs[0]]

    def test_a_dataset_that_was_deleted_has_none(self, counted: list[JobSpec]) -> None:
        tables = OneTable()
        quotes = Quotes(tables, Provider())
        quotes.of(SPEC)
        tables.deleted = True
        with pytest.raises(DatasetError):
            quotes.of(SPEC)
        assert counted == [SPEC]

    def test_an_unknown_column_is_named(self) -> None:
        quotes = Quotes(OneTable(), Provider())
        for columns, code in ((("a", "c"), "unknown_column"), ((), "no_column")):
            with pytest.raises(SpecError) as caught:
                quotes.of(dataclasses.replace(SPEC, columns=columns))
            assert caught.value.code == code
