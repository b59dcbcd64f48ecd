"""What the badge says of the endpoint."""

from __future__ import annotations

from dashboard.aws.health import Health
from dashboard.aws.problems import AwsProblem
from dashboard.pages.shell.backend_state import described

LABEL = "AWS Lambda · eu-central-1 · 50 at once"


def test_a_warm_function_with_its_kernel_and_memory() -> None:
    health = Health(0.0, answer_ms=41.4, memory_mb=1769, kernel="native")
    said = described(LABEL, health)
    assert (said["badge"], said["dot"], said["problem"]) == (f"{LABEL} · warm", "dot", None)
    assert said["explanation"].startswith(
        "The endpoint answered in 41 ms (warm). Kernel native, 1,769 MB per function. Asked at "
    )


def test_a_cold_start_says_how_long_it_took() -> None:
    said = described(LABEL, Health(0.0, answer_ms=400.0, cold=True, startup_ms=273.1))
    assert said["badge"].endswith("· cold")
    assert "(cold, started in 273 ms)" in said["explanation"]


def test_a_problem_stands_above_the_results() -> None:
    problem = AwsProblem("unreachable", "There is no connection. Check the network.")
    said = described(LABEL, Health(0.0, problem=problem))
    assert (said["badge"], said["dot"]) == (f"{LABEL} · not well", "dot bad")
    assert said["problem"].children == problem.message


def test_before_the_first_answer() -> None:
    said = described(LABEL, None)
    assert (said["badge"], said["dot"], said["problem"]) == (
        f"{LABEL} · asking",
        "dot unknown",
        None,
    )
