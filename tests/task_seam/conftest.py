"""A checkout with one kind of task more, and the two ways on which its tasks are done."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundle.recipe import build_bundle
from bundle.target import Target
from cloud_local.cloud import ARCHITECTURE, LocalCloud
from cloud_local.deployment import DEVELOPER
from tests.waiting import WAIT_S

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
PACKAGES = ("kmeans_core", "compute_lambda", "dashboard", "bundle", "cloud_local")
FILES = ("requirements.txt", "sam_template.yaml")
KIND_FOLDER = Path("compute_lambda/tasks/count")
REGISTRY = Path("compute_lambda/tasks/registry.py")
LINE = '    "count": "compute_lambda.tasks.count",\n'
LAST_LINE = '    "score": "compute_lambda.tasks.score",\n'


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the packages, with the folder of the kind and its line in the registry."""
    made = tmp_path_factory.mktemp("with-counts")
    no_caches = shutil.ignore_patterns("__pycache__")
    for name in PACKAGES:
        shutil.copytree(CHECKOUT / name, made / name, ignore=no_caches)
    for name in FILES:
        shutil.copy(CHECKOUT / name, made / name)
    shutil.copytree(HERE / "count", made / KIND_FOLDER, ignore=no_caches)
    registry = made / REGISTRY
    text = registry.read_text()
    assert text.count(LAST_LINE) == 1
    registry.write_text(text.replace(LAST_LINE, LAST_LINE + LINE))
    return made


@dataclass
class Way:
    """How the drivers of one test get their tasks done. `steps` has a line of every step."""

    name: str
    root: Path
    directory: Path
    steps: Path
    order: dict[str, Any] = field(default_factory=dict)
    cloud: LocalCloud | None = None
    step_by_step: bool = False
    _processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, **order: Any) -> subprocess.Popen[str]:
        """A driver at its work; see driver.py."""
        whole = {"directory": str(self.directory), "steps": str(self.steps), **self.order, **order}
        environment = {**os.environ, "PYTHONPATH": str(self.root), "COUNT_STEPS": str(self.steps)}
        process = subprocess.Popen(
            [sys.executable, str(HERE / "driver.py"), json.dumps(whole)],
            cwd=self.directory,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        out, _ = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        for name, path in found["where"].items():
            assert path == str(self.root / name / "__init__.py")
        return found

    def ask(self, **order: Any) -> dict[str, Any]:
        return self.answer(self.start(**order))

    def jobs(self, *jobs: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(do="jobs", jobs=jobs)["jobs"]
        return found

    def noted(self) -> list[tuple[str, int]]:
        """Task and first row of each step that was begun, in order."""
        file = self.steps / "steps"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(line.split()[0], int(line.split()[1])) for line in lines]

    def n_invocations(self) -> int:
        """Of the function, so far."""
        assert self.cloud is not None
        return int(self.cloud.state()["counts"]["invocations"])

    def end(self) -> None:
        """Nobody is left behind, whatever happened."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait(WAIT_S)
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture(scope="session")
def cloud_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("steps")


@pytest.fixture(scope="session")
def cloud(
    root: Path, cloud_steps: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCloud]:
    """Gateway, function and S3; the bundle is built from `root`.

    The function finds its time up whenever it looks: each invocation is one step.
    """
    wheels = CHECKOUT / "build" / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    (root / "build").mkdir()
    (root / "build" / "wheels").symlink_to(wheels)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    bundle = build_bundle(Target.of(ARCHITECTURE, version), root=root)
    assert (bundle.folder / KIND_FOLDER / "counting.py").is_file()
    settings = {"CENTAURUS_DEADLINE_MARGIN_MS": "1000000", "COUNT_STEPS": str(cloud_steps)}
    with LocalCloud(
        concurrency=4,
        task_root=bundle.folder,
        environment=settings,
        init_limit_s=WAIT_S,
        log_dir=tmp_path_factory.mktemp("cloud"),
    ) as running:
        yield running


def local_way(root: Path, directory: Path, _request: pytest.FixtureRequest) -> Way:
    steps = directory / "steps"
    steps.mkdir()
    return Way("local", root, directory, steps)


def cloud_way(root: Path, directory: Path, request: pytest.FixtureRequest) -> Way:
    cloud: LocalCloud = request.getfixturevalue("cloud")
    steps: Path = request.getfixturevalue("cloud_steps")
    with contextlib.suppress(FileNotFoundError):
        (steps / "steps").unlink()
    order = {
        "endpoint": cloud.endpoint,
        "region": cloud.region,
        "keys": [DEVELOPER.access_key, DEVELOPER.secret_key],
        "bucket": cloud.bucket,
        "s3": cloud.moto_url,
    }
    return Way("cloud", root, directory, steps, order, cloud, step_by_step=True)


WAYS = {"cloud": cloud_way, "local": local_way}


def write_rows(directory: Path, name: str) -> np.ndarray:
    """Eight hundred rows that no other test has: nothing is remembered or uploaded."""
    seed = int.from_bytes(name.encode()[-8:], "little")
    rows = np.random.default_rng(seed).normal(size=(800, 2)).round(3)
    lines = [f"{x},{y}\n" for x, y in rows]
    (directory / "field.csv").write_text("a,b\n" + "".join(lines))
    return rows


@pytest.fixture
def rows(tmp_path: Path, request: pytest.FixtureRequest) -> np.ndarray:
    return write_rows(tmp_path, request.node.name)


@pytest.fixture(params=sorted(WAYS))
def way(
    request: pytest.FixtureRequest,
    root: Path,
    tmp_path: Path,
    rows: np.ndarray,  # noqa: ARG001 - the file is there
) -> Iterator[Way]:
    made = WAYS[request.param](root, tmp_path, request)
    yield made
    made.end()
