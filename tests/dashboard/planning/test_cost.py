"""The cost formula term by term, and the measurement that is remembered."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dashboard.planning import calibration
from dashboard.planning.calibration import calibrate, costs_of_this_machine, machine_facts
from dashboard.planning.cost import (
    NATIVE_COSTS,
    NUMPY_COSTS,
    CostModel,
    default_costs,
    expected_iterations,
)
from dashboard.services import build_services
from dashboard.settings import Settings
from kmeans_core import COVARIANCE_TYPES

MODEL = CostModel(pair_ns=8.0, feature_ns=0.5, iteration_us=64.0, task_ms=2.0, restart_us=32.0)


def test_an_experiment_by_hand() -> None:
    # 10 restarts x (32 us + 8 iterations x (64 us + 1,000 rows x 3 clusters x (8 + 10 x 0.5) ns))
    iteration_ms = 0.064 + 1_000 * 3 * 13e-6
    assert MODEL.experiment_ms("full-untied", 3, 1_000, 3, 10, 8) == pytest.approx(
        10 * (0.032 + 8 * iteration_ms)
    )
    # 0.8 x 1000^(1/3) x sqrt(3) iterations when nothing ends them earlier
    assert MODEL.experiment_ms("full-untied", 3, 1_000, 3, 10) == pytest.approx(
        10 * (0.032 + 8 * 3**0.5 * iteration_ms)
    )


def test_one_cluster_is_fitted_once_in_one_iteration() -> None:
    one_ms = MODEL.experiment_ms("spher-tied", 1, 1_000, 3, 50)
    assert one_ms == pytest.approx(0.032 + 0.064 + 1_000 * (8 + 4 * 0.5) * 1e-6)


def test_pairs_cost_less_in_boxes() -> None:
    boxes = dataclasses.replace(MODEL, box_share=0.25)
    restarts_ms = 10 * 0.032
    for n_rows, d, share in [(3_000, 2, 0.25), (1_000, 2, 1.0), (3_000, 5, 1.0), (70_000, 2, 1.0)]:
        plain_ms = MODEL.experiment_ms("spher-tied", 4, n_rows, d, 10) - restarts_ms
        ms = boxes.experiment_ms("spher-tied", 4, n_rows, d, 10) - restarts_ms
        iterations_ms = 10 * expected_iterations(n_rows, 4) * 0.064
        assert ms - iterations_ms == pytest.approx(share * (plain_ms - iterations_ms))


def test_iterations_grow_with_rows_and_clusters_up_to_eight() -> None:
    assert expected_iterations(10**6, 1) == 1.0
    assert expected_iterations(5, 2) == 2.0
    assert expected_iterations(3_080, 8) == pytest.approx(32.9, abs=0.1)
    assert expected_iterations(3_080, 64) == expected_iterations(3_080, 8)
    counts = [expected_iterations(n, 5) for n in (150, 3_000, 20_000, 200_000)]
    assert counts == sorted(counts)


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_the_compiled_kernel_is_expected_to_be_faster(kind: str) -> None:
    for k, n, d in [(2, 200, 2), (8, 3_000, 2), (10, 200_000, 5)]:
        slow = NUMPY_COSTS.experiment_ms(kind, k, n, d, 10)
        assert 3 * NATIVE_COSTS.experiment_ms(kind, k, n, d, 10) < slow


def test_rounding_is_coarse_and_settles() -> None:
    rounded = CostModel(3.0, 0.25, 60.0, 2.1, 30.0).rounded()
    assert dataclasses.astuple(rounded) == pytest.approx((2 * 2**0.5, 0.25, 64.0, 2.0, 32.0, 1.0))
    assert rounded.rounded() == rounded
    assert CostModel(3.3, 0.26, 55.0, 1.8, 33.0).rounded() == rounded  # a tenth more or less
    for value in dataclasses.astuple(rounded):
        power = 2 * math.log2(value)
        assert power == pytest.approx(round(power))
    assert default_costs("numpy") == NUMPY_COSTS.rounded()
    assert default_costs("native (avx2)") == NATIVE_COSTS.rounded()


def test_a_measurement_is_quick_and_predicts_this_machine() -> None:
    began = time.process_time()
    model = calibrate()
    assert time.process_time() - began < 0.5
    assert model == model.rounded()
    case = dataclasses.replace(calibration._FEW_FEATURES, n_rows=1_000, k=6)
    seen_ms = calibration._least_ms(case)
    pair_ns = model.pair_ns + model.feature_ns * case.n_features
    predicted_ms = (
        case.n_fits * model.restart_us / 1e3
        + case.n_restart_iterations * model.iteration_us / 1e3
        + case.n_pairs * pair_ns / 1e6
    )
    assert predicted_ms / 4 < seen_ms < predicted_ms * 4 + model.task_ms


class Measured:
    """Counts its measurements; each one comes out differently."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> CostModel:
        self.n += 1
        return CostModel(2.0**self.n, 0.25, 64.0, 2.0)


def only_file(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


def test_it_is_measured_once_and_remembered(tmp_path: Path) -> None:
    measure = Measured()
    first = costs_of_this_machine(tmp_path / "new", measure)
    assert costs_of_this_machine(tmp_path / "new", measure) == first == CostModel(2, 0.25, 64, 2)
    assert measure.n == 1
    record = json.loads(only_file(tmp_path / "new").read_text())
    assert record["machine"] == machine_facts()
    assert record["costs"] == dataclasses.asdict(first)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda text: text[: len(text) // 2],
        lambda _: "[1, 2]",
        lambda text: text.replace('"pair_ns": 2.0', '"pair_ns": NaN'),
        lambda text: text.replace('"pair_ns": 2.0', '"pair_ns": -2.0'),
        lambda text: text.replace('"pair_ns": 2.0', '"pair_ns": "fast"'),
        lambda text: text.replace('"pair_ns"', '"pears_ns"'),
        lambda text: text.replace('"version": 3', '"version": 2'),
    ],
)
def test_a_damaged_file_is_measured_again(tmp_path: Path, damage) -> None:
    measure = Measured()
    costs_of_this_machine(tmp_path, measure)
    path = only_file(tmp_path)
    assert damage(path.read_text()) != path.read_text()
    path.write_text(damage(path.read_text()))
    assert costs_of_this_machine(tmp_path, measure) == CostModel(4, 0.25, 64, 2)
    assert costs_of_this_machine(tmp_path, measure) == CostModel(4, 0.25, 64, 2)
    assert measure.n == 2


def test_another_kernel_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Measured()
    mine = costs_of_this_machine(tmp_path, measure)
    with monkeypatch.context() as other:
        other.setattr(calibration, "KERNEL", "another")
        assert costs_of_this_machine(tmp_path, measure) == CostModel(4, 0.25, 64, 2)
    assert costs_of_this_machine(tmp_path, measure) == mine
    assert len(list(tmp_path.iterdir())) == 2


def test_servers_that_start_at_once_measure_once_and_agree(tmp_path: Path) -> None:
    measure = Measured()
    with ThreadPoolExecutor(4) as starting:
        each = [starting.submit(costs_of_this_machine, tmp_path / "new", measure) for _ in range(4)]
    assert [model.result() for model in each] == 4 * [CostModel(2, 0.25, 64, 2)]
    assert measure.n == 1


def test_without_locks_the_first_of_two_that_measure_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "fcntl", None)

    def measure() -> CostModel:
        costs_of_this_machine(tmp_path, lambda: CostModel(2, 0.25, 64, 2))  # the other is quicker
        return CostModel(16, 0.25, 64, 2)

    assert costs_of_this_machine(tmp_path, measure) == CostModel(2, 0.25, 64, 2)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failing_measurement_and_a_directory_that_cannot_be_written_do_no_harm(
    tmp_path: Path,
) -> None:
    def broken() -> CostModel:
        raise RuntimeError("no clock")

    assert costs_of_this_machine(tmp_path, broken) == default_costs()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("in the way")
    assert costs_of_this_machine(tmp_path / "file", Measured()) == CostModel(2, 0.25, 64, 2)


def test_services_measure_once_per_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = []
    for _ in range(2):
        services = build_services(Settings(data_dir=tmp_path, n_threads=1))
        models.append(services.backend.costs)
        services.close()
        monkeypatch.setattr(calibration, "_least_ms", lambda _: 1 / 0)
    assert models[0] == models[1]
