"""The manifest of a table: exact sizes and hashes, and nothing but whole column-major tables."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from compute_lambda.tables.manifest import ColumnManifest


def test_it_has_the_hash_of_each_column(tmp_path: Path) -> None:
    table = np.asfortranarray(np.random.default_rng(0).normal(size=(200_000, 2)))
    np.save(tmp_path / "t.npy", table)
    found = ColumnManifest.of(tmp_path / "t.npy")
    assert found.n_bytes == (tmp_path / "t.npy").stat().st_size
    assert (found.n_rows, found.column_bytes) == (200_000, 1_600_000)
    assert found.sha256 == tuple(
        hashlib.sha256(np.ascontiguousarray(table[:, index]).tobytes()).hexdigest()
        for index in range(2)
    )
    assert ColumnManifest.from_json(found.to_json()) == found


@pytest.mark.parametrize("damage", ["rows first", "cut", "longer", "integers", "flat", "text"])
def test_anything_else_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "t.npy"
    table = np.asfortranarray(np.ones((50, 3)))
    other = {
        "rows first": np.ascontiguousarray(table),
        "integers": table.astype(np.int64, order="F"),
        "flat": np.ones(5),
    }
    np.save(path, other.get(damage, table))
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "longer":
        path.write_bytes(content + b"x")
    elif damage == "text":
        path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError):
        ColumnManifest.of(path)
