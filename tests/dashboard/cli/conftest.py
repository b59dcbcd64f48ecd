"""Tables with a known answer, and ways to run the command line on them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboard.cli.main import main
from tests.waiting import WAIT_S

ROOT = Path(__file__).resolve().parents[3]
SIZES = (60, 40, 30)
CENTRES = ((0.0, 0.0), (-50.0, 20.0), (40.0, -30.0))
#: Text that a spreadsheet program would run, as row names.
FORMULA = "=HYPERLINK(1)"
PROCESS_S = WAIT_S

Cli = Callable[..., int]


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    """130 rows in three far groups of 60, 40 and 30 (column `truth`), and two without x."""
    random = np.random.default_rng(7)
    truth = np.repeat([0, 1, 2], SIZES)
    random.shuffle(truth)
    points = np.asarray(CENTRES)[truth] + random.normal(size=(len(truth), 2))
    table = pd.DataFrame({"x": points[:, 0], "y": points[:, 1]}).round(3)
    table.insert(0, "place", [FORMULA, *(f"p{row}" for row in range(1, len(truth)))])
    table["truth"] = [f"group {group}" for group in truth]
    table.loc[len(table)] = ["lost", np.nan, 1.0, ""]
    table.loc[len(table)] = ["-gone", np.nan, -2.5, ""]
    path = tmp_path / "blobs.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """1,500 rows without structure: slow to converge, for jobs that are interrupted."""
    random = np.random.default_rng(1)
    path = tmp_path / "noise.csv"
    pd.DataFrame(random.random((1500, 3)), columns=["a", "b", "c"]).to_csv(path, index=False)
    return path


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def cli(data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cli]:
    """Runs the command line in this process, in an empty directory; returns the exit status."""
    for name in [name for name in os.environ if name.startswith("CENTAURUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CENTAURUS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("CENTAURUS_THREADS", "2")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    before = signal.getsignal(signal.SIGTERM)
    yield lambda *arguments: main([str(argument) for argument in arguments])
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def start(data_dir: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `python -m dashboard ...` as a process of its own; whatever is left is killed.

    `module` names another one than "dashboard".
    """
    processes: list[subprocess.Popen[str]] = []

    def start_one(
        *arguments: object, module: str = "dashboard", **options: object
    ) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "CENTAURUS_DATA_DIR": str(data_dir),
            "CENTAURUS_THREADS": "2",
            "CENTAURUS_LEASE_S": "600",  # a slow process is not a dead one
            "PYTHONPATH": str(ROOT),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            **{  # type: ignore[arg-type]
                "cwd": tmp_path,
                "env": environment,
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                **options,
            },
        )
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
        with contextlib.suppress(ValueError):  # streams that the test has closed
            process.communicate(timeout=PROCESS_S)
