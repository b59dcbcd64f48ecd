"""How long a fit is expected to take on Lambda, and how long a retry waits."""

from __future__ import annotations

import threading
from random import Random

import pytest

from dashboard.backends.api import Retrying, lambda_costs
from dashboard.planning.cost import NATIVE_COSTS
from tests.dashboard.backends.api.conftest import MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import Fault, ScriptedEndpoint
from tests.dashboard.backends.made_up_tasks import many, outcomes


def experiment_ms(memory_mb: int) -> float:
    return lambda_costs(memory_mb).experiment_ms("full-untied", 5, 10_000, 6, 50)


def test_less_memory_is_less_processor() -> None:
    native = NATIVE_COSTS.experiment_ms("full-untied", 5, 10_000, 6, 50)
    assert experiment_ms(1_769) / native == pytest.approx(2.0, rel=0.3)
    assert experiment_ms(885) / experiment_ms(1_769) == pytest.approx(2.0)
    assert experiment_ms(442) / experiment_ms(1_769) == pytest.approx(4.0)


def test_a_second_processor_helps_nobody() -> None:
    assert lambda_costs(10_240) == lambda_costs(1_769)


def test_sizes_near_each_other_cut_tasks_alike() -> None:
    assert lambda_costs(2_048) == lambda_costs(1_769) == lambda_costs(1_536)
    assert lambda_costs(1_024) == lambda_costs(900)


def test_a_model_is_its_own_rounding() -> None:
    for memory_mb in (128, 512, 1_024, 1_769, 3_008):
        assert lambda_costs(memory_mb) == lambda_costs(memory_mb).rounded()


def test_delays_are_uniform_from_zero_to_a_growing_cap() -> None:
    retrying, rng = Retrying(first_backoff_s=0.5, longest_backoff_s=6.0), Random(3)
    for n_failures, longest_s in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 6.0), (99, 6.0)):
        delays = sorted(retrying.delay_s(n_failures, rng) for _ in range(400))
        assert 0.0 <= delays[0] < 0.02 * longest_s
        assert 0.98 * longest_s < delays[-1] <= longest_s
        assert delays[200] == pytest.approx(longest_s / 2, rel=0.2)


def test_price_and_label(make: MakeBackend) -> None:
    backend = make(memory_mb=1_024, max_in_flight=50)
    # An hour at 1 GB on arm64, and a thousand requests to both services.
    assert backend.cost_usd(3_600.0, 1_000) == pytest.approx(3_600 * 0.0000133334 + 0.0012)
    assert (backend.name, backend.label) == ("aws", "AWS Lambda · eu-central-1 · 50 at once")


def test_attempts_are_as_many_as_the_settings_say(
    endpoint: ScriptedEndpoint, make: MakeBackend
) -> None:
    endpoint.script = lambda _: Fault("status", 500)
    backend = make(retrying=Retrying(max_attempts=3, first_backoff_s=0.001))
    done, failed = outcomes(list(backend.run(many(4), threading.Event())))
    assert done == {}
    assert {failure.attempts for failure in failed.values()} == {3}
    assert set(endpoint.arrived.values()) == {3}
