"""Reading stored columns: only those, and never anything outside the folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compute_lambda import ContractError
from compute_lambda.contract.errors import DatasetError
from compute_lambda.tables.columns import DirectoryColumns

DATASET = "ef" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "datasets"
    root.mkdir()
    return root


@pytest.mark.parametrize("order", ["F", "C"])
def test_the_chosen_columns_in_the_chosen_order(folder: Path, order: str) -> None:
    table = np.arange(20.0).reshape(5, 4)
    table[2, 1] = np.nan
    np.save(folder / f"{DATASET}.npy", np.array(table, order=order))  # type: ignore[call-overload]
    columns = DirectoryColumns(folder).read(DATASET, (3, 1))
    np.testing.assert_array_equal(columns, table[:, [3, 1]])
    assert columns.dtype == np.float64
    assert columns.flags.f_contiguous
    assert not isinstance(columns, np.memmap)


@pytest.mark.parametrize(
    "dataset_id", ["../secret", "a" * 63, "A" * 64, "a" * 63 + "/", "", "a" * 65, "a" * 64 + "\n"]
)
def test_no_id_leads_out_of_the_folder(folder: Path, dataset_id: str) -> None:
    np.save(folder.parent / "secret.npy", np.ones((2, 2)))
    with pytest.raises(ContractError) as caught:
        DirectoryColumns(folder).read(dataset_id, (0,))
    assert caught.value.code == "bad_dataset_id"


@pytest.mark.parametrize("positions", [(0, 4), (-1,)])
def test_positions_beyond_the_table(folder: Path, positions: tuple[int, ...]) -> None:
    np.save(folder / f"{DATASET}.npy", np.ones((5, 4)))
    with pytest.raises(ContractError) as caught:
        DirectoryColumns(folder).read(DATASET, positions)
    assert caught.value.code == "unknown_column"
    assert "below 4" in caught.value.message


def test_an_unknown_dataset(folder: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        DirectoryColumns(folder).read(DATASET, (0,))
    assert (caught.value.code, caught.value.status) == ("dataset_not_found", 404)


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "shape", "dtype", "pickle"])
def test_a_damaged_dataset(folder: Path, damage: str) -> None:
    path = folder / f"{DATASET}.npy"
    content = {"shape": np.ones(5), "dtype": np.ones((5, 4), np.int64)}
    if damage == "pickle":
        np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
    else:
        np.save(path, content.get(damage, np.ones((500, 4))))
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:900])
    elif damage == "text":
        path.write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError) as caught:
        DirectoryColumns(folder).read(DATASET, (0,))
    assert (caught.value.code, caught.value.status) == ("dataset_damaged", 500)
