"""All datasets of one data directory, content-addressed, shared by any number of processes."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from compute_lambda.tables.columns import DirectoryColumns
from dashboard.datasets.builtin.table import BUILTINS, Builtin, builtins_version
from dashboard.datasets.model.dataset import Dataset
from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.model.limits import DEFAULT_LIMITS, Limits
from dashboard.datasets.preview import Preview, preview_rows
from dashboard.datasets.reading.files import read_file
from dashboard.datasets.reading.layout.headers import read_headers
from dashboard.datasets.reading.numeric_table import write_numeric_table

logger = logging.getLogger(__name__)

_ID = re.compile(r"[0-9a-f]{64}")
_INDEX = "builtins.json"
_WORK_PREFIX = "incoming-"
_MAX_NAME = 120
_WORK_MAX_AGE_S = 24 * 3600


class DatasetCatalogue:
    """Datasets under `root`: `<id>.npy` (n, D) column-major float64, `<id>.rows.parquet`
    the original rows, `<id>.json` the sidecar, written last: a dataset exists when it does.
    """

    def __init__(self, root: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        self.root = Path(root)
        self.limits = limits
        self.root.mkdir(parents=True, exist_ok=True)
        self._sidecars: dict[str, tuple[int, Dataset]] = {}

    # -- reading ---------------------------------------------------------------------------

    def datasets(self) -> list[Dataset]:
        """Built-ins in their order, then uploads, newest first. Unreadable ones are logged."""
        found = []
        for path in self.root.glob("*.json"):
            if _ID.fullmatch(path.stem) is None:
                continue
            try:
                found.append(self._load(path.stem))
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("Dataset %s left out, its files are damaged: %s", path.stem, error)
        uploads = sorted(
            (item for item in found if item.origin == "upload"),
            key=lambda item: (-item.created_at, item.dataset_id),
        )
        ids = self._index()  # built-ins of an older version stay readable for their jobs, unlisted
        current = [item for item in found if item.origin == "built-in" and item.dataset_id in ids]
        return sorted(current, key=lambda item: item.rank) + uploads

    def get(self, dataset_id: str) -> Dataset:
        """Raises DatasetError `unknown_dataset`, also for anything that is not an id."""
        try:
            return self._load(_checked(dataset_id))
        except FileNotFoundError:
            raise _unknown(dataset_id) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("Dataset %s cannot be read: %s", dataset_id, error)
            raise _unknown(dataset_id) from None

    def columns(self, dataset_id: str, names: Sequence[str]) -> np.ndarray:
        """(n, d) float64 in Fortran order: all rows, NaN where missing, infinite as it is."""
        dataset = self.get(dataset_id)
        positions = [dataset.position(name) for name in names]
        return self.column_store.read(dataset_id, positions)

    def finite_rows(self, dataset_id: str, names: Sequence[str]) -> np.ndarray:
        """(n,) bool: rows in which every one of these columns is finite."""
        dataset = self.get(dataset_id)
        table = np.load(self._npy(dataset_id), mmap_mode="r")
        finite = np.ones(dataset.n_rows, dtype=bool)
        for name in names:
            finite &= np.isfinite(table[:, dataset.position(name)])
        return finite

    def rows(self, dataset_id: str) -> pd.DataFrame:
        """The original rows with all columns, under their original headers, text as written."""
        self.get(dataset_id)
        rows: pd.DataFrame = pq.read_table(self._rows(dataset_id), use_threads=False).to_pandas()
        return rows

    def preview(self, dataset_id: str, n: int = 8) -> Preview:
        """The first `n` original rows as text."""
        self.get(dataset_id)
        return preview_rows(self._rows(dataset_id), n)

    @property
    def column_store(self) -> DirectoryColumns:
        """What a worker reads the stored columns from."""
        return DirectoryColumns(self.root)

    # -- writing ---------------------------------------------------------------------------

    def add_file(self, path: Path, filename: str) -> Dataset:
        """Reads an uploaded file; `path` is left as it is. Raises DatasetError.

        The same content again, under whatever name, gives the dataset that is there already.
        """
        path = Path(path)
        filename = "".join(filter(str.isprintable, filename.replace("\\", "/").split("/")[-1]))
        filename = filename.strip()[-_MAX_NAME:]
        with _WorkDirectory(self.root) as work:
            read = read_file(path, filename, work / "rows", work / "npy", self.limits)
            return self._publish(
                work,
                Dataset(
                    dataset_id=read.table.dataset_id,
                    name=filename,
                    n_rows=read.table.n_rows,
                    columns=read.table.columns,
                    other_columns=read.table.other_columns,
                    other_reasons=read.table.other_reasons,
                    headers=read.headers,
                    origin="upload",
                    description="",
                    notes=read.notes,
                    created_at=time.time(),
                    n_bytes=path.stat().st_size,
                ),
            )

    def delete(self, dataset_id: str) -> None:
        """Raises DatasetError `unknown_dataset` or `built_in`."""
        if self.get(dataset_id).origin == "built-in":
            raise DatasetError("built_in", "Built-in datasets cannot be deleted.")
        self._sidecar(dataset_id).unlink(missing_ok=True)
        self._npy(dataset_id).unlink(missing_ok=True)
        self._rows(dataset_id).unlink(missing_ok=True)
        self._sidecars.pop(dataset_id, None)

    def ensure_builtins(self) -> list[Dataset]:
        """The built-in datasets, the page's default first; generated when they are not there."""
        ids = self._index()
        if len(ids) == len(BUILTINS) and all(self._is_complete(each) for each in ids):
            try:
                return [self._load(each) for each in ids]
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("Built-in datasets are written again: %s", error)
        datasets = [self._store_builtin(item, rank) for rank, item in enumerate(BUILTINS)]
        index = {"version": builtins_version(), "ids": [each.dataset_id for each in datasets]}
        self._replace(json.dumps(index), self.root / _INDEX)
        return datasets

    # -- files -----------------------------------------------------------------------------

    def _index(self) -> list[str]:
        try:
            index = json.loads((self.root / _INDEX).read_text())
            return list(index["ids"]) if index["version"] == builtins_version() else []
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _store_builtin(self, item: Builtin, rank: int) -> Dataset:
        frame = item.generate()
        headers = read_headers(list(frame.columns))
        with _WorkDirectory(self.root) as work:
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), work / "rows")
            table = write_numeric_table(work / "rows", work / "npy", headers)
            dataset = Dataset(
                dataset_id=table.dataset_id,
                name=item.name,
                n_rows=table.n_rows,
                columns=table.columns,
                other_columns=table.other_columns,
                other_reasons=table.other_reasons,
                headers=headers.sources,
                origin="built-in",
                description=item.description,
                notes=table.notes,
                created_at=0.0,
                n_bytes=(work / "npy").stat().st_size,
                rank=rank,
            )
            return self._publish(work, dataset)

    def _publish(self, work: Path, dataset: Dataset) -> Dataset:
        """Moves the files into place, the sidecar last; the first of equal datasets stays."""
        dataset_id = dataset.dataset_id
        if dataset.origin == "upload" and self._is_complete(dataset_id):
            try:
                existing = self._load(dataset_id)
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("Dataset %s is written again: %s", dataset_id, error)
            else:
                if existing.origin == "upload" or dataset_id in self._index():
                    return existing
        os.replace(work / "rows", self._rows(dataset_id))
        os.replace(work / "npy", self._npy(dataset_id))
        self._replace(json.dumps(dataset.to_dict(), allow_nan=False), self._sidecar(dataset_id))
        return dataset

    def _replace(self, text: str, target: Path) -> None:
        with _WorkDirectory(self.root) as work:
            (work / "text").write_text(text)
            os.replace(work / "text", target)

    def _load(self, dataset_id: str) -> Dataset:
        path = self._sidecar(dataset_id)
        stamp = path.stat().st_mtime_ns
        known = self._sidecars.get(dataset_id)
        if known is not None and known[0] == stamp:
            return known[1]
        dataset = Dataset.from_dict(json.loads(path.read_text()))
        if dataset.dataset_id != dataset_id or not self._is_complete(dataset_id):
            raise ValueError("the sidecar belongs to another dataset, or files are missing")
        self._sidecars[dataset_id] = (stamp, dataset)
        return dataset

    def _is_complete(self, dataset_id: str) -> bool:
        files = (self._sidecar(dataset_id), self._npy(dataset_id), self._rows(dataset_id))
        return all(path.is_file() for path in files)

    def _sidecar(self, dataset_id: str) -> Path:
        return self.root / f"{_checked(dataset_id)}.json"

    def _npy(self, dataset_id: str) -> Path:
        return self.root / f"{_checked(dataset_id)}.npy"

    def _rows(self, dataset_id: str) -> Path:
        return self.root / f"{_checked(dataset_id)}.rows.parquet"


def _checked(dataset_id: str) -> str:
    """Ids become file names, so nothing but 64 hexadecimal digits passes."""
    if not isinstance(dataset_id, str) or _ID.fullmatch(dataset_id) is None:
        raise _unknown(dataset_id)
    return dataset_id


def _unknown(dataset_id: object) -> DatasetError:
    return DatasetError(
        "unknown_dataset",
        f'There is no dataset "{str(dataset_id)[:12]}"; it may have been deleted. '
        "Choose another one, or upload the table again.",
    )


class _WorkDirectory:
    """A directory on the same file system as `root`, so that moving out of it is atomic."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __enter__(self) -> Path:
        for left_over in self._root.glob(f"{_WORK_PREFIX}*"):  # of processes that were killed
            try:
                if time.time() - left_over.stat().st_mtime > _WORK_MAX_AGE_S:
                    shutil.rmtree(left_over, ignore_errors=True)
            except OSError:
                continue
        self._path = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=self._root))
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
