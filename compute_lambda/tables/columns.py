"""Reading the columns that a task needs, and only those."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compute_lambda.contract.content import checked_dataset_id
from compute_lambda.contract.errors import ContractError, DatasetError


class ColumnStore(Protocol):
    """Where prepared numeric tables are kept, by content id."""

    def read(self, dataset_id: str, positions: Sequence[int]) -> NDArray[np.float64]:
        """The chosen columns, (n, d) float64 in Fortran order, non-finite values included.

        Raises DatasetError, and ContractError when a position is beyond the table.
        """
        ...


class DirectoryColumns:
    """Tables as `<root>/<dataset id>.npy`: two-dimensional float64, column-major.

    Only the chosen columns are read from disk: the file is mapped, not loaded.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def read(self, dataset_id: str, positions: Sequence[int]) -> NDArray[np.float64]:
        table = self._mapped(checked_dataset_id(dataset_id))
        check_positions(positions, table.shape[1])
        columns = np.empty((table.shape[0], len(positions)), dtype=np.float64, order="F")
        for index, position in enumerate(positions):
            columns[:, index] = table[:, position]
        return columns

    def _mapped(self, dataset_id: str) -> NDArray[np.float64]:
        path = self.root / f"{dataset_id}.npy"
        try:
            table = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise DatasetError(
                "dataset_not_found",
                f"Expected a stored dataset, got the unknown id {dataset_id}. Upload the dataset"
                " again, or correct the id.",
                dataset_id,
            ) from None
        except (ValueError, EOFError) as error:
            raise _damaged(dataset_id, str(error)) from error
        if table.ndim != 2 or table.dtype != np.float64:
            raise _damaged(dataset_id, f"{table.ndim}-dimensional {table.dtype}")
        return table


def check_positions(positions: Sequence[int], n_columns: int) -> None:
    """Raise ContractError when the table has no column at one of the positions."""
    beyond = [position for position in positions if not 0 <= position < n_columns]
    if beyond:
        raise ContractError(
            "unknown_column",
            f"Expected column positions below {n_columns}, the number of columns of the"
            f" dataset, got {beyond[0]}. Choose existing columns.",
            {"field": "columns", "expected": f"0 to {n_columns - 1}"},
        )


def _damaged(dataset_id: str, found: str) -> DatasetError:
    return DatasetError(
        "dataset_damaged",
        f"Expected the stored dataset {dataset_id} to be a table of float64, got: {found}. Delete"
        " it and upload it again.",
        dataset_id,
    )
