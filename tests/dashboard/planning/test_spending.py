"""The budget of a job: what may be sent, what was spent, when it is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from dashboard.planning.spending import Budget, Usage


def test_usages_add_up() -> None:
    assert Usage(2, 30, 0.5) + Usage(1, 5, 0.25) == Usage(3, 35, 0.75)


def test_without_a_cap_everything_may_be_sent() -> None:
    budget = Budget()
    assert all(budget.reserve(1e6) for _ in range(3))
    assert (budget.exhausted, budget.usage) == (False, Usage())


def test_what_is_in_flight_counts_and_makes_room_when_it_was_cheaper() -> None:
    budget = Budget(1.0)
    assert budget.reserve(0.5)
    assert budget.reserve(0.5)
    assert not budget.reserve(0.125)
    assert not budget.exhausted  # what is in flight may turn out cheaper, and does
    budget.settle(0.5, Usage(1, 10, 0.25))
    assert budget.reserve(0.25)
    budget.settle(0.5, Usage(1, 10, 0.5))
    budget.settle(0.25, Usage(1, 10, 0.25))
    assert budget.usage == Usage(3, 30, 1.0)
    assert not budget.reserve(0.125)
    assert budget.exhausted


def test_what_was_spent_before_counts() -> None:
    budget = Budget(1.0, Usage(9, 900, 1.0))
    assert not budget.reserve(0.001)
    assert budget.exhausted
    assert budget.usage == Usage(9, 900, 1.0)


def test_the_cap_can_be_moved_until_the_budget_is_exhausted() -> None:
    budget = Budget(1.0)
    budget.move_cap(2.0)
    assert budget.reserve(1.5)
    budget.move_cap(None)
    assert budget.reserve(100.0)
    budget.move_cap(3.0)
    assert not budget.reserve(0.5)
    budget.settle(1.5, Usage(1, 1, 1.5))
    budget.settle(100.0, Usage(1, 1, 1.0))
    assert budget.reserve(0.5)
    budget.settle(0.5, Usage(1, 1, 0.5))
    assert not budget.reserve(0.5)
    assert budget.exhausted
    budget.move_cap(99.0)
    assert budget.cap_usd == 3.0
    assert not budget.reserve(0.5)


def test_threads_never_exceed_the_cap_together() -> None:
    budget = Budget(100.0)

    def spend(_: int) -> int:
        n_sent = 0
        while budget.reserve(1.0):
            budget.settle(1.0, Usage(1, 10, 1.0))
            n_sent += 1
        return n_sent

    with ThreadPoolExecutor(4) as threads:
        # A thread that meets the others' reservations ends early; the last one empties the budget.
        assert sum(threads.map(spend, range(4))) == 100
    assert budget.usage == Usage(100, 1_000, 100.0)
    assert budget.exhausted


def test_the_sentence_names_cap_spent_and_remedy() -> None:
    sentence = Budget(0.05, Usage(1_234, 99_000, 0.04991)).sentence()
    assert sentence == (
        "Stopped at the spending cap of $0.05: $0.0499 spent on 1,234 requests. Raise the cap and"
        " run the job again; it goes on with what is missing."
    )
