"""A table with a known answer, written in every way that people and programs write tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.datasets import Dataset, DatasetCatalogue

N = 60
RNG = np.random.default_rng(11)
EC = np.round(RNG.normal(np.repeat([10.0, 30.0, 55.0], N // 3), 1.5), 2)
PH = np.round(RNG.normal(np.repeat([5.0, 6.5, 8.0], N // 3), 0.15), 2)
BIG = np.round(EC * 100)
"""Whole numbers from some hundreds to some thousands."""


@dataclass
class Read:
    """A dataset that was read, and its numbers."""

    dataset: Dataset
    catalogue: DatasetCatalogue

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.dataset.columns]

    @property
    def selected(self) -> list[str]:
        return list(self.dataset.default_columns)

    def column(self, name: str) -> np.ndarray:
        return self.catalogue.columns(self.dataset.dataset_id, [name])[:, 0]

    def says(self, *parts: str) -> bool:
        """Whether one of the notes holds all the parts."""
        return any(all(part in note for part in parts) for note in self.dataset.notes)


Reading = Callable[..., Read]


def lines(*columns: Sequence[object], delimiter: str = ",") -> str:
    """Rows of text, one cell of each column in each."""
    return "".join(
        delimiter.join(str(cell) for cell in row) + "\n" for row in zip(*columns, strict=True)
    )


def comma(values: Sequence[float], decimals: int = 2) -> list[str]:
    """Numbers with decimal commas."""
    return [f"{value:.{decimals}f}".replace(".", ",") for value in values]
