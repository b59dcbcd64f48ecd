"""What a process brings along: settings, age, a deadline, few imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compute_lambda.deadline import Deadline
from compute_lambda.environment import Environment
from compute_lambda.startup import process_age_ms


def test_settings_come_from_the_environment() -> None:
    found = Environment.read(
        {
            "CENTAURUS_DATASET_DIR": "/srv/tables",
            "CENTAURUS_CACHE_MB": "64",
            "CENTAURUS_DEADLINE_MARGIN_MS": " 900 ",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]abc",
        }
    )
    assert found == Environment(Path("/srv/tables"), 64, 900, 1769, "2026/01/01/[$LATEST]abc")


def test_settings_have_defaults() -> None:
    found = Environment.read({})
    assert (found.dataset_dir, found.cache_mb, found.deadline_margin_ms) == (None, 256, 1500)
    assert found.worker.startswith("process ")


@pytest.mark.parametrize("text", ["-1", "1.5", "much", "²"])
def test_a_setting_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="CENTAURUS_CACHE_MB"):
        Environment.read({"CENTAURUS_CACHE_MB": text})


def test_the_age_of_the_process_survives_odd_names(tmp_path: Path) -> None:
    assert 0 < process_age_ms() < 24 * 3_600_000
    stat = tmp_path / "stat"
    stat.write_text("1 (a) b (c) S " + " ".join(["0"] * 18) + " 0 0 0")
    assert process_age_ms(stat) > 0
    assert process_age_ms(tmp_path / "missing") >= 0


def test_a_deadline_leaves_the_margin() -> None:
    left = iter([10_000, 9_000, 1_600, 1_500])
    deadline = Deadline(lambda: next(left), margin_ms=1_500)
    assert [deadline.passed() for _ in range(2)] == [False, True]


def test_a_deadline_leaves_room_for_two_of_the_longest_iterations() -> None:
    left = iter([20_000, 16_000, 12_000, 8_000])
    deadline = Deadline(lambda: next(left), margin_ms=1_500)
    assert [deadline.passed() for _ in range(3)] == [False, False, True]


def test_the_compute_side_imports_little() -> None:
    # A cold start pays for every import; boto3, pandas and scipy would cost more than the fit.
    code = (
        "import sys; import compute_lambda.handler;"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(ran.stdout.split())
    foreign = {"boto3", "botocore", "scipy", "sklearn", "pandas", "dashboard", "pydantic", "flask"}
    assert not loaded & (foreign | {"joblib", "threadpoolctl"})
    assert {"numpy", "kmeans_core", "compute_lambda"} <= loaded
