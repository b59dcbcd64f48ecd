"""One catalogue, many processes: content addresses, atomic files, damaged ones left out."""

from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dashboard.datasets import Dataset, DatasetCatalogue, DatasetError
from tests.waiting import WAIT_S

CSV = "Name,a (m),b\nx,1.5,2\ny,,4\nz,3.5,inf\n"


def _add(catalogue: DatasetCatalogue, text: str = CSV, name: str = "t.csv") -> Dataset:
    path = catalogue.root / "upload.tmp"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    try:
        return catalogue.add_file(path, name)
    finally:
        path.unlink()


@pytest.fixture
def catalogue(tmp_path: Path) -> DatasetCatalogue:
    return DatasetCatalogue(tmp_path / "data")


def test_what_is_stored(catalogue: DatasetCatalogue) -> None:
    started = time.time()
    dataset = _add(catalogue)
    assert (dataset.name, dataset.n_rows, dataset.origin) == ("t.csv", 3, "upload")
    assert [c.name for c in dataset.columns] == ["a", "b"]
    assert dataset.headers == ("Name", "a (m)", "b")
    assert (dataset.other_columns, dataset.other_reasons) == (("Name",), ('Holds text ("x").',))
    assert dataset.n_bytes == len(CSV)
    assert started <= dataset.created_at <= time.time()
    table = np.load(catalogue.root / f"{dataset.dataset_id}.npy")
    assert table.flags.f_contiguous
    assert table.dtype == np.float64
    np.testing.assert_array_equal(table, [[1.5, 2.0], [np.nan, 4.0], [3.5, np.inf]])
    assert catalogue.get(dataset.dataset_id) == dataset
    assert DatasetCatalogue(catalogue.root).get(dataset.dataset_id) == dataset
    assert sorted(p.name.partition(".")[2] for p in catalogue.root.iterdir()) == [
        "json",
        "npy",
        "rows.parquet",
    ]


def test_columns_in_the_order_asked_for(catalogue: DatasetCatalogue) -> None:
    dataset = _add(catalogue)
    values = catalogue.columns(dataset.dataset_id, ["b", "a"])
    assert values.flags.f_contiguous
    np.testing.assert_array_equal(values, [[2.0, 1.5], [4.0, np.nan], [np.inf, 3.5]])
    np.testing.assert_array_equal(catalogue.column_store.read(dataset.dataset_id, [1, 0]), values)
    assert catalogue.finite_rows(dataset.dataset_id, ["a"]).tolist() == [True, False, True]
    assert catalogue.finite_rows(dataset.dataset_id, ["a", "b"]).tolist() == [True, False, False]


def test_unknown_column(catalogue: DatasetCatalogue) -> None:
    dataset = _add(catalogue)
    with pytest.raises(DatasetError, match='"c" is not a numeric column') as caught:
        catalogue.columns(dataset.dataset_id, ["a", "c"])
    assert caught.value.code == "unknown_column"
    assert caught.value.message.endswith('choose from "a", "b".')
    with pytest.raises(
        DatasetError, match=r'"Name" is not a numeric column .* \(Holds text \("x"\)\)'
    ):
        dataset.column("Name")


def test_same_content_is_the_same_dataset(catalogue: DatasetCatalogue) -> None:
    first = _add(catalogue)
    assert _add(catalogue, CSV, "other name.csv") == first
    assert catalogue.datasets() == [first]


@pytest.mark.parametrize(
    "text",
    [CSV.replace("\n", "\r\n"), CSV.replace(",", ";"), CSV.replace("1.5", "1.50")],
)
def test_the_same_numbers_in_another_spelling_are_another_dataset(
    text: str, catalogue: DatasetCatalogue
) -> None:
    first = _add(catalogue)
    second = _add(catalogue, text, "other name.csv")
    assert second.name == "other name.csv"
    assert {each.dataset_id for each in catalogue.datasets()} == {
        first.dataset_id,
        second.dataset_id,
    }
    np.testing.assert_array_equal(
        *(catalogue.columns(each.dataset_id, ["a", "b"]) for each in (first, second))
    )
    written = "1.50" if "1.50" in text else "1.5"
    assert catalogue.rows(second.dataset_id)["a (m)"][0] == written


@pytest.mark.parametrize(
    "text",
    [
        CSV.replace("1.5", "1.6"),
        CSV.replace("a (m)", "A (m)"),
        CSV.replace("(m)", "(km)"),
        CSV.replace("\nx,", "\nxx,"),
        CSV.replace("x,1.5,2\ny,,4\n", "y,,4\nx,1.5,2\n"),
        CSV.replace("\nx,", "\nxy,").replace("\ny,", "\n,"),  # same letters, cut differently
    ],
)
def test_other_content_is_another_dataset(text: str, catalogue: DatasetCatalogue) -> None:
    assert _add(catalogue, text).dataset_id != _add(catalogue).dataset_id


def test_builtins_first_then_uploads_newest_first(catalogue: DatasetCatalogue) -> None:
    old = _add(catalogue)
    builtins = catalogue.ensure_builtins()
    sidecar = catalogue.root / f"{old.dataset_id}.json"
    raw = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(raw | {"created_at": 1.0}))
    new = _add(catalogue, CSV.replace("1.5", "9.5"))
    listed = [item.dataset_id for item in catalogue.datasets()]
    assert listed == [*(b.dataset_id for b in builtins), new.dataset_id, old.dataset_id]


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"dataset_id": 3}', "null"])
def test_damaged_sidecar_is_left_out_and_logged(
    damage: str, catalogue: DatasetCatalogue, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = _add(catalogue), _add(catalogue, CSV.replace("1.5", "9.5"))
    (catalogue.root / f"{bad.dataset_id}.json").write_text(damage)
    fresh = DatasetCatalogue(catalogue.root)
    with caplog.at_level(logging.WARNING):
        assert fresh.datasets() == [good]
    assert bad.dataset_id in caplog.text
    with pytest.raises(DatasetError, match="There is no dataset"):
        fresh.get(bad.dataset_id)
    again = _add(fresh, CSV.replace("1.5", "9.5"))
    assert again.dataset_id == bad.dataset_id
    assert {item.dataset_id for item in fresh.datasets()} == {good.dataset_id, bad.dataset_id}


@pytest.mark.parametrize("suffix", ["npy", "rows.parquet"])
def test_missing_file_is_repaired_by_another_upload(
    suffix: str, catalogue: DatasetCatalogue
) -> None:
    dataset = _add(catalogue)
    (catalogue.root / f"{dataset.dataset_id}.{suffix}").unlink()
    assert DatasetCatalogue(catalogue.root).datasets() == []
    _add(catalogue)
    assert catalogue.columns(dataset.dataset_id, ["b"])[1] == 4.0
    assert len(catalogue.rows(dataset.dataset_id)) == 3


def test_delete(catalogue: DatasetCatalogue) -> None:
    dataset = _add(catalogue)
    mapped = catalogue.columns(dataset.dataset_id, ["b"])
    catalogue.delete(dataset.dataset_id)
    assert list(catalogue.root.iterdir()) == []
    assert mapped[1, 0] == 4.0
    with pytest.raises(DatasetError) as caught:
        catalogue.get(dataset.dataset_id)
    assert caught.value.code == "unknown_dataset"
    with pytest.raises(DatasetError):
        catalogue.delete(dataset.dataset_id)


def test_builtins_cannot_be_deleted(catalogue: DatasetCatalogue) -> None:
    first = catalogue.ensure_builtins()[0]
    with pytest.raises(DatasetError, match="cannot be deleted") as caught:
        catalogue.delete(first.dataset_id)
    assert caught.value.code == "built_in"
    assert catalogue.get(first.dataset_id) == first


@pytest.mark.parametrize("bad", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", None])
def test_ids_are_checked(bad: str, catalogue: DatasetCatalogue) -> None:
    for call in (catalogue.get, catalogue.delete, catalogue.rows, catalogue.preview):
        with pytest.raises(DatasetError) as caught:
            call(bad)
        assert caught.value.code == "unknown_dataset"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../x/t.csv", "t.csv"),
        ("C:\\data\\t.csv", "t.csv"),
        ("=cmd() <b>.csv", "=cmd() <b>.csv"),
        ("a\x00b\n.csv", "ab.csv"),
        ("x" * 500 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_file_names(given: str, kept: str, catalogue: DatasetCatalogue) -> None:
    assert _add(catalogue, CSV, given).name == kept


def test_preview(catalogue: DatasetCatalogue) -> None:
    dataset = _add(catalogue)
    preview = catalogue.preview(dataset.dataset_id, 2)
    assert preview.headers == ("Name", "a (m)", "b")
    assert preview.rows == (("x", "1.5", "2"), ("y", "", "4"))
    assert len(catalogue.preview(dataset.dataset_id).rows) == 3
    long = _add(catalogue, f"a,note\n1.5,{'x' * 5000}\n2.5,y\n")
    assert catalogue.preview(long.dataset_id).rows[0] == ("1.5", "x" * 199 + "…")


def test_leftovers_of_killed_processes_are_removed(catalogue: DatasetCatalogue) -> None:
    old, recent = catalogue.root / "incoming-old", catalogue.root / "incoming-recent"
    for directory in (old, recent):
        directory.mkdir()
        (directory / "rows").write_bytes(b"x")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    _add(catalogue)
    assert (old.exists(), recent.exists()) == (False, True)


_ADDING = """
import sys
from pathlib import Path
from dashboard.datasets import DatasetCatalogue
root, upload = Path(sys.argv[1]), Path(sys.argv[2])
catalogue = DatasetCatalogue(root)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    dataset = catalogue.add_file(upload, "t.csv")
    assert catalogue.columns(dataset.dataset_id, ["a"])[0, 0] == 0.5
    assert len(catalogue.rows(dataset.dataset_id)) == 2000
    catalogue.ensure_builtins()
print(dataset.dataset_id)
"""


def test_two_processes_add_the_same_file_at_once(tmp_path: Path) -> None:
    root, upload = tmp_path / "data", tmp_path / "t.csv"
    upload.write_text("a,name\n" + "".join(f"{i}.5,n{i}\n" for i in range(2000)))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _ADDING, str(root), str(upload)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[3],
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        outcomes = [process.communicate("go\n", timeout=WAIT_S) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [error for _, error in outcomes] == ["", ""]
    ids = {output.strip() for output, _ in outcomes}
    assert len(ids) == 1
    uploads = [d for d in DatasetCatalogue(root).datasets() if d.origin == "upload"]
    assert {d.dataset_id for d in uploads} == ids
    assert not list(root.glob("incoming-*"))
