"""The bundle: small, only what a function runs, the same bytes each time, and it computes."""

from __future__ import annotations

import _imp
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from bundle import BuildProblem, Bundle, Target, build_bundle
from bundle.__main__ import main
from bundle.bytecode import find_interpreter
from bundle.recipe import ROOT
from bundle.wheels import is_kept, pinned_version
from compute_lambda import FitTask, fit
from compute_lambda.environment import DATA_DIR
from compute_lambda.tasks.score.task import ScoreResult, ScoreTask
from kmeans_core import COVARIANCE_TYPES, assign
from tests.waiting import WAIT_S

MB = 10**6
DATASET = "cd" * 32

# Runs with no site-packages: what is not in the bundle or in Python itself is not there.
PROGRAM = """
import json, sys
folder, events = sys.argv[1], json.load(sys.stdin)
sys.path.insert(0, folder)
from compute_lambda.handler import handler

class Context:
    aws_request_id = "a request"
    def get_remaining_time_in_millis(self):
        return 30_000

answers = [handler(event, Context()) for event in events]
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
cached = {name: getattr(module, "__cached__", None) for name, module in sys.modules.items()}
import kmeans_core, numpy
docs = [kmeans_core.__doc__, numpy.linalg.__doc__, numpy.dot.__doc__]
json.dump({"answers": answers, "files": files, "cached": cached, "docs": docs}, sys.stdout)
"""


def event(method: str, path: str, body: str = "") -> dict[str, Any]:
    headers = {"content-type": "application/json"}
    context = {"http": {"method": method, "path": path}, "requestId": "r", "stage": "$default"}
    return {"rawPath": path, "headers": headers, "requestContext": context, "body": body}


def table() -> np.ndarray:
    random = np.random.default_rng(5)
    centres = np.array([[0.0, 0.0, 5.0], [9.0, 1.0, -5.0], [4.0, 8.0, 0.0]])
    return np.concatenate([random.normal(centre, 1.0, (40, 3)) for centre in centres])


def tasks() -> list[FitTask]:
    return [
        FitTask(DATASET, (0, 2), True, covariance_type, (1, 3), (0, 1), 2, seed=9)
        for covariance_type in COVARIANCE_TYPES
    ]


def score_task() -> ScoreTask:
    result = fit(tasks()[0], table()[:, [0, 2]])
    models = (result.fits[0].model, result.fits[2].model)
    return ScoreTask(DATASET, (0, 2), result.preparation, models, 10, 120)


@pytest.fixture(scope="module")
def run(runnable_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The handler in the bundle, served a health check, a fit of each type, a score, nonsense."""
    datasets = tmp_path_factory.mktemp("datasets")
    np.save(datasets / f"{DATASET}.npy", np.asfortranarray(table()))
    bodies = [json.dumps(task.to_dict()) for task in (*tasks(), score_task())]
    events = [event("GET", "/health"), *(event("POST", "/tasks", body) for body in bodies)]
    events.append(event("POST", "/tasks", "{"))
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(runnable_bundle.folder)],
        input=json.dumps(events),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        env={DATA_DIR: str(datasets), "OPENBLAS_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


@pytest.mark.parametrize("which", ["lambda_bundle", "runnable_bundle"])
def test_it_is_far_below_lambdas_limits(which: str, request: pytest.FixtureRequest) -> None:
    bundle: Bundle = request.getfixturevalue(which)
    sizes = [path.stat().st_size for path in bundle.folder.rglob("*") if path.is_file()]
    assert sum(sizes) == bundle.unzipped_bytes <= 60 * MB
    assert bundle.archive.stat().st_size == bundle.zipped_bytes <= 20 * MB


@pytest.mark.parametrize("which", ["lambda_bundle", "runnable_bundle"])
def test_it_holds_three_packages_and_a_licence(which: str, request: pytest.FixtureRequest) -> None:
    bundle: Bundle = request.getfixturevalue(which)
    metadata = f"numpy-{bundle.numpy_version}.dist-info"
    names = {path.name for path in bundle.folder.iterdir()}
    assert names == {"compute_lambda", "kmeans_core", "numpy", "numpy.libs", metadata}
    files = [path for path in bundle.folder.rglob("*") if path.is_file()]
    suffixes = {path.suffix for path in files if path.parts[-2] != "licenses"}
    assert not suffixes & {".pyi", ".h", ".pxd", ".a", ".c"}
    folders = {part for path in files for part in path.relative_to(bundle.folder).parts[:-1]}
    assert not folders & {"tests", "f2py", "testing", "dashboard", "cloud_local", "boto3"}
    licence = (bundle.folder / metadata / "licenses" / "LICENSE.txt").read_text(encoding="utf-8")
    assert "NumPy Developers" in licence
    assert "OpenBLAS" in licence


def test_alone_it_computes_what_the_checkout_computes(run: dict[str, Any]) -> None:
    health, *fits, _, nonsense = run["answers"]
    assert health["statusCode"] == 200
    assert json.loads(health["body"])["status"] == "ok"
    assert nonsense["statusCode"] == 400
    assert json.loads(nonsense["body"])["error"]["code"] == "malformed_body"
    for task, answer in zip(tasks(), fits, strict=True):
        assert answer["statusCode"] == 200, answer["body"]
        found = json.loads(answer["body"])
        expected = fit(task, table()[:, [0, 2]])
        assert found["task_id"] == task.task_id
        assert found["n_rows"] == 120
        assert len(found["fits"]) == len(expected.fits) == 4
        for one, other in zip(found["fits"], expected.fits, strict=True):
            assert one["counts"] == other.counts.tolist()
            assert one["bic"] == pytest.approx(other.bic, rel=1e-9)
            np.testing.assert_allclose(one["model"]["means"], other.model.means, rtol=1e-8)


def test_alone_it_scores_as_the_checkout_does(run: dict[str, Any]) -> None:
    task, answer = score_task(), run["answers"][-2]
    assert answer["statusCode"] == 200, answer["body"]
    found = ScoreResult.from_dict(json.loads(answer["body"]))
    for model, score in zip(task.models, found.scores, strict=True):
        prepared = task.preparation.to_prepared(table()[10:, [0, 2]])
        assert score.labels.tolist() == assign(model, prepared).tolist()


def test_it_computes_with_the_compiled_kernel(
    run: dict[str, Any], runnable_bundle: Bundle, lambda_bundle: Bundle
) -> None:
    health, one_fit, *_ = run["answers"]
    assert json.loads(health["body"])["kernel"] == runnable_bundle.kernel == "native"
    assert json.loads(one_fit["body"])["invocation"]["kernel"] == "native"
    (library,) = (lambda_bundle.folder / "kmeans_core" / "kernels" / "native").glob("_kernel.*")
    header = library.read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little") == 183  # EM_AARCH64


def test_nothing_was_taken_from_elsewhere(run: dict[str, Any], runnable_bundle: Bundle) -> None:
    stdlib = Path(json.__file__).parent.parent
    homes = (str(runnable_bundle.folder), str(stdlib))
    strangers = {
        name: file for name, file in run["files"].items() if file and not file.startswith(homes)
    }
    assert strangers == {}


def test_it_holds_no_package_that_fitting_leaves_alone(
    run: dict[str, Any], runnable_bundle: Bundle
) -> None:
    imported = {Path(file).parent for file in run["files"].values() if file}
    folders = {path.parent for path in runnable_bundle.folder.rglob("*.py")}
    idle = {str(folder.relative_to(runnable_bundle.folder)) for folder in folders - imported}
    ready_for_use = {"numpy/char", "numpy/rec", "numpy/strings", "numpy/ctypeslib"}
    without_the_kernel = {"numpy/random"}
    assert idle <= ready_for_use | without_the_kernel
    ours = {
        ".".join(path.relative_to(runnable_bundle.folder).with_suffix("").parts)
        for package in ("compute_lambda", "kmeans_core")
        for path in (runnable_bundle.folder / package).rglob("*.py")
    }
    modules = {name.removesuffix(".__init__") for name in ours}
    # Read only where datasets come from S3.
    from_s3 = {"compute_lambda.tables.s3_columns", "compute_lambda.tables.manifest"}
    assert modules - set(run["files"]) <= from_s3


@pytest.mark.parametrize("which", ["lambda_bundle", "runnable_bundle"])
def test_every_module_has_bytecode_that_is_never_checked(
    which: str, request: pytest.FixtureRequest
) -> None:
    bundle: Bundle = request.getfixturevalue(which)
    sources = sorted(bundle.folder.rglob("*.py"))
    assert len(sources) > 100
    if not bundle.bytecode_by:
        # Lambda's Python is not on this machine: better none than that of another version.
        assert which == "lambda_bundle"
        assert list(bundle.folder.rglob("*.pyc")) == []
        assert "bytecode: none" in bundle.describe()
        return
    tags = set()
    for source in sources:
        (compiled,) = (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")
        header = compiled.read_bytes()[:16]
        assert int.from_bytes(header[4:8], "little") == 0b01, compiled  # by hash, unchecked
        # The hash is keyed by the bytecode's own version, which need not be this Python's.
        magic = int.from_bytes(header[:4], "little")
        assert header[8:16] == _imp.source_hash(magic, source.read_bytes()), compiled
        tags.add(compiled.name.removeprefix(f"{source.stem}."))
    assert len(tags) == 1


def test_the_bytecode_is_used(run: dict[str, Any], runnable_bundle: Bundle) -> None:
    used = {
        name: cached
        for name, cached in run["cached"].items()
        if cached and cached.startswith(str(runnable_bundle.folder))
    }
    assert {"compute_lambda.handler", "kmeans_core", "numpy"} <= set(used)
    assert all(Path(cached).is_file() for cached in used.values())


def test_no_time_goes_into_reading_docstrings(run: dict[str, Any]) -> None:
    assert [doc for doc in run["docs"] if doc] == []


def test_the_same_inputs_make_the_same_bytes(runnable_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "wheels").symlink_to(runnable_bundle.folder.parent / "wheels")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = Target("arm64" if "arm64" in runnable_bundle.folder.name else "x86_64", version)
    before = os.umask(0o077)
    try:
        again = build_bundle(target, builds=tmp_path)
    finally:
        os.umask(before)
    assert again.folder != runnable_bundle.folder
    digests = [
        hashlib.sha256(bundle.archive.read_bytes()).hexdigest()
        for bundle in (again, runnable_bundle)
    ]
    assert digests[0] == digests[1]
    made = again.folder.stat().st_ino
    assert build_bundle(target, builds=tmp_path) == again
    assert again.folder.stat().st_ino == made  # nothing has changed, so it was not made again


def test_it_is_made_anew_when_something_in_it_is_gone(
    runnable_bundle: Bundle, tmp_path: Path
) -> None:
    record = json.loads(runnable_bundle.folder.with_suffix(".json").read_text(encoding="utf-8"))
    assert Path(record["folder"]) == runnable_bundle.folder
    damaged = tmp_path / "record.json"
    damaged.write_text("{", encoding="utf-8")
    assert Bundle.load(damaged) is None
    assert Bundle.load(tmp_path / "missing.json") is None


@pytest.mark.parametrize(
    ("architecture", "python_version", "named"),
    [("mips", "3.13", "ARCHITECTURE"), ("arm64", "4", "PYTHON_VERSION"), ("arm64", "3.9", "3.9")],
)
def test_an_unknown_target_is_named(
    architecture: str, python_version: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BuildProblem, match=named):
        Target.of(architecture, python_version)
    assert main(["--architecture", architecture, "--python", python_version]) == 1
    said = capsys.readouterr()
    assert named in said.err
    assert said.out == ""


def test_folders_are_named_after_what_they_are_for() -> None:
    assert Target().name == "lambda-arm64"
    assert Target("x86_64").name == "lambda-x86_64"
    assert Target("x86_64", "3.11").name == "lambda-x86_64-py311"


@pytest.mark.parametrize(
    ("file", "kept"),
    [
        ("numpy/__init__.py", True),
        ("numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so", True),
        ("numpy/random/_pcg64.cpython-313-x86_64-linux-gnu.so", True),
        ("numpy.libs/libscipy_openblas64_-1b7162d6.so", True),
        ("numpy-2.5.5.dist-info/licenses/numpy/random/LICENSE.md", True),
        ("numpy-2.5.5.dist-info/METADATA", True),
        ("numpy-2.5.5.dist-info/RECORD", False),
        ("numpy/_core/tests/test_array.py", False),
        ("numpy/_core/include/numpy/arrayobject.h", False),
        ("numpy/_core/lib/libnpymath.a", False),
        ("numpy/_core/_simd.cpython-313-x86_64-linux-gnu.so", False),
        ("numpy/_core/_umath_tests.cpython-313-x86_64-linux-gnu.so", False),
        ("numpy/__init__.pyi", False),
        ("numpy/f2py/f2py2e.py", False),
    ],
)
def test_what_is_kept_of_numpy(file: str, kept: bool) -> None:
    assert is_kept(PurePosixPath(file)) is kept


def test_the_version_of_numpy_is_the_pinned_one(tmp_path: Path) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_text(
        "numpy-financial==1.0\n"
        "numpy==2.4.6 ; python_full_version < '3.12'\n"
        "numpy==2.5.5 ; python_full_version >= '3.12'\n",
        encoding="utf-8",
    )
    assert pinned_version("numpy", pins, "3.11") == "2.4.6"
    assert pinned_version("numpy", pins, "3.13") == "2.5.5"
    with pytest.raises(BuildProblem, match="make lock"):
        pinned_version("scipy", pins, "3.13")
    assert pinned_version("numpy", ROOT / "requirements.txt", "3.13")


def test_without_its_python_a_bundle_says_that_it_starts_slower(runnable_bundle: Bundle) -> None:
    assert find_interpreter("3.99") is None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert find_interpreter(version) == Path(sys.executable)
    assert "compiled by" in runnable_bundle.describe()
    assert f"{runnable_bundle.unzipped_bytes / 2**20:.1f} MiB" in runnable_bundle.describe()
