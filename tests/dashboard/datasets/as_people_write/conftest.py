"""A catalogue to read into."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.datasets import DatasetCatalogue
from tests.dashboard.datasets.as_people_write.written import Read, Reading


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """read(text or bytes, filename="t.csv") -> what came out."""
    catalogue = DatasetCatalogue(tmp_path / "data")

    def reading(content: str | bytes, name: str = "t.csv") -> Read:
        path = tmp_path / "upload"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Read(catalogue.add_file(path, name), catalogue)

    return reading
