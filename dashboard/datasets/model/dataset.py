"""What is known about a dataset without opening its table: plain frozen records."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from dashboard.datasets.model.errors import DatasetError

Role = Literal[
    "measurement",
    "identifier",
    "time",
    "category",
    "constant",
    "longitude",
    "latitude",
    "coordinate",
    "empty",
]
Origin = Literal["built-in", "upload"]


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One numeric column.

    `minimum` to `std` refer to the finite values and are None when there is none; `std` is
    the population standard deviation (divisor n). `unit` is "" when the header names none.
    `reason` says in a short sentence why the column is not selected, "" when it is. `nodata` is a
    value that probably stands for "no value", such as -9999, None when there is none.
    """

    name: str
    unit: str
    n_missing: int
    n_infinite: int
    n_distinct: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    role: Role
    selected: bool
    reason: str
    nodata: float | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """One table of the catalogue.

    `columns` are the numeric columns in the order of the stored table, `other_columns` the
    names of the rest (text, dates, true/false), for the same position in `other_reasons` a short
    sentence why they are not offered. `notes` are sentences about how the file was read.
    `headers` are all columns as the file named them, in the file's order (without columns that
    could not be kept), as in `DatasetCatalogue.rows`. `created_at` is in seconds since the
    epoch, `n_bytes` the size of the uploaded file, or of the numeric table of a built-in.
    """

    dataset_id: str
    name: str
    n_rows: int
    columns: tuple[ColumnInfo, ...]
    other_columns: tuple[str, ...]
    origin: Origin
    description: str
    notes: tuple[str, ...]
    created_at: float
    n_bytes: int
    other_reasons: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    rank: int = 0

    def position(self, name: str) -> int:
        """Position of the numeric column `name` in the stored table.

        Raises DatasetError `unknown_column`.
        """
        for position, column in enumerate(self.columns):
            if column.name == name:
                return position
        offered = ", ".join(f'"{column.name}"' for column in self.columns[:8])
        if len(self.columns) > 8:
            offered += ", ..."
        why = dict(zip(self.other_columns, self.other_reasons, strict=False)).get(name, "")
        raise DatasetError(
            "unknown_column",
            f'"{name}" is not a numeric column of "{self.name}"'
            + (f" ({why.rstrip('.')})" if why else "")
            + f"; choose from {offered}.",
        )

    def column(self, name: str) -> ColumnInfo:
        """The numeric column `name`; raises DatasetError `unknown_column`."""
        return self.columns[self.position(name)]

    @property
    def default_columns(self) -> tuple[str, ...]:
        """Names of the columns that are selected when nobody has chosen."""
        return tuple(column.name for column in self.columns if column.selected)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the inverse of `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Dataset:
        """Raises KeyError, TypeError or ValueError on anything but the output of `to_dict`."""
        values = dict(raw)
        values["columns"] = tuple(ColumnInfo(**column) for column in raw["columns"])
        for key in ("other_columns", "notes", "other_reasons", "headers"):
            values[key] = tuple(str(item) for item in raw[key])
        dataset = cls(**values)
        if not (isinstance(dataset.n_rows, int) and isinstance(dataset.dataset_id, str)):
            raise ValueError("n_rows and dataset_id have the wrong type")
        return dataset
