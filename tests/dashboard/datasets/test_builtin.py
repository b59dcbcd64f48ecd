"""The built-in sets say of themselves which model wins; here they are held to it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dashboard.datasets import Dataset, DatasetCatalogue
from kmeans_core import COVARIANCE_TYPES, ExperimentFit, SeedBank, assign, fit_experiments, prepare

# name: winner by BIC, number of groups
WINNERS = {
    "Soil field (simulated)": ("full-untied", 4),
    "Round groups (spher-tied)": ("spher-tied", 5),
    "Round groups of many widths (spher-untied)": ("spher-untied", 4),
    "Flat groups (diag-tied)": ("diag-tied", 4),
    "Lying and standing bars (diag-untied)": ("diag-untied", 4),
    "Parallel streaks (full-tied)": ("full-tied", 3),
    "Pinwheel (full-untied)": ("full-untied", 4),
    "Elongated bands": ("full-tied", 3),
    "Nested groups": ("spher-untied", 3),
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> DatasetCatalogue:
    catalogue = DatasetCatalogue(tmp_path_factory.mktemp("builtin"))
    catalogue.ensure_builtins()
    return catalogue


def _named(catalogue: DatasetCatalogue, name: str) -> Dataset:
    return next(item for item in catalogue.datasets() if item.name == name)


def test_order_and_descriptions(catalogue: DatasetCatalogue) -> None:
    datasets = catalogue.ensure_builtins()
    assert [item.name for item in datasets] == [*WINNERS, "Iris"]
    for item in datasets:
        assert item.origin == "built-in"
        assert len(item.description) > 60
        assert item.description.endswith(".")
    for covariance_type in COVARIANCE_TYPES:
        assert sum(f"({covariance_type})" in item.name for item in datasets) == 1


def test_soil_field(catalogue: DatasetCatalogue) -> None:
    soil = catalogue.ensure_builtins()[0]
    assert soil.n_rows == 3080
    assert [(c.name, c.unit, c.role) for c in soil.columns] == [
        ("Longitude", "", "longitude"),
        ("Latitude", "", "latitude"),
        ("EC shallow", "mS/m", "measurement"),
        ("EC deep", "mS/m", "measurement"),
        ("Elevation", "m", "measurement"),
    ]
    assert soil.default_columns == ("EC shallow", "EC deep")
    assert soil.other_columns == ("zone",)
    for name in soil.default_columns:
        assert 1 < soil.column(name).minimum < soil.column(name).maximum < 250
    assert set(catalogue.rows(soil.dataset_id)["zone"].str[:1]) == set("ABCD")
    assert catalogue.finite_rows(soil.dataset_id, [c.name for c in soil.columns]).all()


def test_soil_zones_are_coherent_in_space(catalogue: DatasetCatalogue) -> None:
    """The next reading along the track is nearly always of the same zone."""
    soil = catalogue.ensure_builtins()[0]
    zones = catalogue.rows(soil.dataset_id)["zone"].to_numpy()
    assert np.mean(zones[1:] == zones[:-1]) > 0.95


def test_iris(catalogue: DatasetCatalogue) -> None:
    iris = _named(catalogue, "Iris")
    assert (iris.n_rows, iris.other_columns) == (150, ("species",))
    assert [(c.name, c.unit) for c in iris.columns] == [
        ("sepal length", "cm"),
        ("sepal width", "cm"),
        ("petal length", "cm"),
        ("petal width", "cm"),
    ]
    assert iris.default_columns == tuple(c.name for c in iris.columns)
    assert catalogue.columns(iris.dataset_id, ["petal length"])[0, 0] == 1.4


@pytest.mark.parametrize("name", [name for name in WINNERS if not name.startswith("Soil")])
def test_simulated_sets_have_two_plain_columns_and_the_truth(
    name: str, catalogue: DatasetCatalogue
) -> None:
    dataset = _named(catalogue, name)
    assert [(c.name, c.unit, c.selected) for c in dataset.columns] == [
        ("feature 1", "", True),
        ("feature 2", "", True),
    ]
    assert dataset.other_columns == ("group",)
    assert 1500 <= dataset.n_rows <= 2500
    groups = catalogue.rows(dataset.dataset_id)["group"]
    assert sorted(set(groups)) == list("ABCDE")[: WINNERS[name][1]]


def test_ids_are_the_same_everywhere(catalogue: DatasetCatalogue, tmp_path: Path) -> None:
    again = DatasetCatalogue(tmp_path).ensure_builtins()
    assert [d.dataset_id for d in again] == [d.dataset_id for d in catalogue.ensure_builtins()]


def test_second_start_makes_and_writes_nothing(
    catalogue: DatasetCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.ensure_builtins()
    before = {p.name: p.stat().st_mtime_ns for p in catalogue.root.iterdir()}
    monkeypatch.setattr(DatasetCatalogue, "_store_builtin", None)  # what takes its time
    second = DatasetCatalogue(catalogue.root).ensure_builtins()
    assert len(second) == len(WINNERS) + 1
    assert {p.name: p.stat().st_mtime_ns for p in catalogue.root.iterdir()} == before


def test_deleted_or_outdated_files_are_written_again(tmp_path: Path) -> None:
    catalogue = DatasetCatalogue(tmp_path)
    first = catalogue.ensure_builtins()
    (tmp_path / f"{first[2].dataset_id}.npy").unlink()
    assert DatasetCatalogue(tmp_path).ensure_builtins() == first
    assert (tmp_path / f"{first[2].dataset_id}.npy").is_file()
    index = json.loads((tmp_path / "builtins.json").read_text())
    (tmp_path / "builtins.json").write_text(json.dumps(index | {"version": "older"}))
    sidecar = tmp_path / f"{first[1].dataset_id}.json"
    raw = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(raw | {"description": "older"}))
    fresh = DatasetCatalogue(tmp_path)
    assert fresh.datasets() == []
    assert fresh.ensure_builtins() == first


def _rand_index(a: np.ndarray, b: np.ndarray) -> float:
    """Adjusted Rand index (Hubert & Arabie 1985); 1 is agreement, 0 chance."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    rows, columns = pairs(table.sum(1)), pairs(table.sum(0))
    expected = rows * columns / pairs(np.array([a.size]))
    return (pairs(table) - expected) / ((rows + columns) / 2 - expected)


def _fits(values: np.ndarray, k: int) -> tuple[list[ExperimentFit], np.ndarray]:
    data = prepare(values)
    seeds = SeedBank(data, 0)
    fits = [
        fit
        for covariance_type in COVARIANCE_TYPES
        for fit in fit_experiments(
            data, covariance_type, [k - 1, k, k + 1], [0, 1], 5, seed=0, seeds=seeds
        ).fits
        if fit.eligible
    ]
    return fits, data.columns


@pytest.mark.parametrize("name", WINNERS)
def test_bic_prefers_what_the_name_says(name: str, catalogue: DatasetCatalogue) -> None:
    dataset = _named(catalogue, name)
    covariance_type, k = WINNERS[name]
    values = catalogue.columns(dataset.dataset_id, dataset.default_columns)
    fits, columns = _fits(values, k)
    best = max(fits, key=lambda fit: fit.bic)
    assert (best.covariance_type, best.n_clusters) == (covariance_type, k)
    truth = catalogue.rows(dataset.dataset_id)[dataset.other_columns[0]].to_numpy()
    numbers = np.unique(truth, return_inverse=True)[1]
    assert _rand_index(numbers, assign(best.model, columns)) > 0.9
    assert f"K = {k}" in dataset.description
    assert covariance_type in dataset.description


@pytest.mark.parametrize("name", ["Elongated bands", "Nested groups"])
def test_plain_k_means_fails_here(name: str, catalogue: DatasetCatalogue) -> None:
    dataset = _named(catalogue, name)
    data = prepare(catalogue.columns(dataset.dataset_id, dataset.default_columns))
    # spher-tied with the Mahalanobis rule is ordinary K-means
    batch = fit_experiments(data, "spher-tied", [3], [0], 20, distance="mahalanobis")
    labels = assign(batch.fits[0].model, data.columns, "mahalanobis")
    truth = catalogue.rows(dataset.dataset_id)["group"].to_numpy()
    assert _rand_index(np.unique(truth, return_inverse=True)[1], labels) < 0.5
