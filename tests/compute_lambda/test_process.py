"""What a process brings along: settings, age, a deadline, few imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest

from compute_lambda.deadline import Deadline
from compute_lambda.environment import WHOLE_PROCESSOR_MB, Environment
from compute_lambda.startup import process_age_ms
from dashboard.planning.lambda_costs import MB_PER_VCPU
from kmeans_core import KERNEL
from tests.waiting import WAIT_S


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


def test_costs_and_loading_agree_on_how_much_memory_is_a_whole_processor() -> None:
    assert MB_PER_VCPU == WHOLE_PROCESSOR_MB


FOREIGN = {"boto3", "botocore", "scipy", "sklearn", "pandas", "dashboard", "pydantic", "flask"}

PROGRAM = """
import json, sys
from compute_lambda import handler

class Context:
    aws_request_id = "r"

def health():
    context = {"http": {"method": "GET", "path": "/health"}}
    answer = handler.handler({"rawPath": "/health", "requestContext": context}, Context())
    return {"http": answer["statusCode"], **json.loads(answer["body"])}

def packages():
    return sorted({name.partition(".")[0] for name in sys.modules})

def said(what):
    print(json.dumps(what))
"""


def in_a_new_process(code: str, **environment: str) -> list[Any]:
    """What `code` says, one value a time, in a process that has imported the handler."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM + code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_the_first_answer_needs_no_numpy_and_a_fit_needs_little() -> None:
    # A cold start pays for every import; boto3, pandas and scipy would cost more than the fit.
    code = "said(health()); said(packages()); import compute_lambda.service; said(packages())"
    first, at_first, later = in_a_new_process(code)
    assert (first["http"], first["kernel"]) == (200, KERNEL)
    assert not {"numpy", "kmeans_core"} & set(at_first)
    assert {"numpy", "kmeans_core", "compute_lambda"} <= set(later)
    assert not set(later) & (FOREIGN | {"joblib", "threadpoolctl"})


@pytest.mark.parametrize(
    ("environment", "early"),
    [
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769"}, False),
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1768"}, True),
        ({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}, False),
        ({"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}, True),
    ],
)
def test_numpy_is_loaded_at_once_where_that_is_better(
    environment: dict[str, str], early: bool
) -> None:
    (loaded,) = in_a_new_process("said(packages())", **environment)
    assert ("numpy" in loaded) == early


def test_health_names_the_kernel_that_fits_will_use() -> None:
    """Also where the compiled one does not load: before and after the fit's own attempt."""
    code = """
import ctypes
def refuse(*_):
    raise OSError("not here")
ctypes.CDLL = refuse
said(health()["kernel"])
import kmeans_core
said(kmeans_core.KERNEL)
said(health()["kernel"])
"""
    assert in_a_new_process(code) == ["numpy"] * 3


@pytest.mark.parametrize("missing", ["numpy", "kmeans_core"])
def test_health_is_not_well_without_what_a_fit_needs(missing: str) -> None:
    code = f"""
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == {missing!r} else found(name, *more)
said(health())
"""
    (answer,) = in_a_new_process(code)
    assert (answer["http"], answer["error"]["code"]) == (500, "incomplete")
    assert missing in answer["error"]["message"]


@pytest.mark.parametrize("holds", ["nothing", "another processor", "another Python", "its own"])
def test_health_knows_a_numpy_that_cannot_load_here(holds: str, tmp_path: Path) -> None:
    """By names alone: the file that is its own is empty, and nobody opens it."""
    names = {
        "another processor": "_multiarray_umath.cpython-311-sparc64-linux-gnu.so",
        "another Python": "_multiarray_umath.cpython-27-x86_64-linux-gnu.so",
        "its own": f"_multiarray_umath{EXTENSION_SUFFIXES[0]}",
    }
    core = tmp_path / "numpy" / "_core"
    core.mkdir(parents=True)
    (tmp_path / "numpy" / "__init__.py").touch()
    if holds in names:
        (core / names[holds]).touch()
    (answer,) = in_a_new_process(f"sys.path.insert(0, {str(tmp_path)!r}); said(health())")
    if holds == "its own":
        assert answer["http"] == 200
        return
    assert (answer["http"], answer["error"]["code"]) == (500, "incomplete")
    assert f"_multiarray_umath{EXTENSION_SUFFIXES[0]}" in answer["error"]["message"]


def test_a_mere_folder_of_its_name_is_no_numpy(tmp_path: Path) -> None:
    (tmp_path / "numpy").mkdir()
    # Nothing else of that name: any module would be found before a mere folder.
    code = f"""
import importlib.util
from importlib.machinery import PathFinder
found = importlib.util.find_spec
def only_here(name, *more):
    return PathFinder.find_spec(name, [{str(tmp_path)!r}]) if name == "numpy" else found(name)
importlib.util.find_spec = only_here
said(health())
"""
    (answer,) = in_a_new_process(code)
    assert (answer["http"], answer["error"]["code"]) == (500, "incomplete")
