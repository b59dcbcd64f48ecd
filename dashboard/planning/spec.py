"""What a person asks for: one job, its limits, and whether it makes sense for a dataset."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from compute_lambda.contract.content import canonical_json, checked_dataset_id
from compute_lambda.contract.errors import ContractError, ReportedError
from compute_lambda.contract.fields import Fields, checked_list
from compute_lambda.contract.limits import MAX_CLUSTERS, MAX_FEATURES, MAX_SEED
from compute_lambda.tasks.fit.task import MAX_ITERATIONS, MAX_RESTARTS, MIN_REG_COVAR
from kmeans_core import (
    COVARIANCE_TYPES,
    DEFAULT_DISTANCE,
    DEFAULT_MAX_ITER,
    DEFAULT_REG_COVAR,
    DISTANCES,
)

MAX_EXPERIMENTS = 1_000
"""The spread of a score is known to 2 % by then."""

MAX_FITS_PER_JOB = 1_000_000
"""Hours of work on one machine; more is a typing error."""

MAX_COLUMN_NAME = 1_000
"""Characters."""

MAX_MAGNITUDE = 1e150
"""The core refuses larger values: their squares overflow."""


class SpecError(ReportedError, ValueError):
    """The job cannot be run as asked. `message` says what was expected, what came, what to do."""

    status = 422


class ColumnFacts(Protocol):
    """What `check_spec` reads of a dataset's column."""

    @property
    def name(self) -> str:
        """As the file names it, without its unit."""
        ...

    @property
    def role(self) -> str:
        """What the column seems to hold; "constant" and "empty" cannot be fitted."""
        ...

    @property
    def minimum(self) -> float | None:
        """Smallest finite value; None when there is none."""
        ...

    @property
    def maximum(self) -> float | None:
        """Largest finite value; None when there is none."""
        ...


class DatasetFacts(Protocol):
    """What `check_spec` and `plan` read of a dataset."""

    @property
    def dataset_id(self) -> str:
        """sha256 of the numeric table, 64 hexadecimal digits."""
        ...

    @property
    def n_rows(self) -> int:
        """All rows, those with missing values included."""
        ...

    @property
    def columns(self) -> Iterable[ColumnFacts]:
        """The numeric columns, in the order of the stored table."""
        ...

    @property
    def other_columns(self) -> Iterable[str]:
        """Names of the columns that hold no numbers."""
        ...

    def position(self, name: str, /) -> int:
        """Place of a numeric column in the stored table. Raises DatasetError."""
        ...


@dataclass(frozen=True, slots=True)
class JobSpec:
    """All settings of a job; two jobs with the same settings are the same job.

    Every K from `k_min` to `k_max` is fitted with every covariance type, `n_experiments` times
    independently; each experiment keeps the best of `n_restarts` random starts.
    """

    kind: ClassVar[str] = "analysis"

    dataset_id: str
    columns: tuple[str, ...]
    standardise: bool = True
    k_min: int = 1
    k_max: int = 10
    covariance_types: tuple[str, ...] = COVARIANCE_TYPES
    n_experiments: int = 10
    n_restarts: int = 10
    min_members: int | None = None
    seed: int = 0
    distance: str = DEFAULT_DISTANCE
    reg_covar: float = DEFAULT_REG_COVAR
    max_iter: int = DEFAULT_MAX_ITER

    @property
    def job_id(self) -> str:
        """First 16 hex digits of the sha256 of the canonical settings."""
        content = canonical_json(self.to_dict()).encode("ascii")
        return hashlib.sha256(content).hexdigest()[:16]

    @property
    def k_values(self) -> tuple[int, ...]:
        """Numbers of clusters, ascending, both ends included."""
        return tuple(range(self.k_min, self.k_max + 1))

    @property
    def n_fits(self) -> int:
        """Runs of the iteration: types x K values x experiments x restarts."""
        n_models = len(self.covariance_types) * len(self.k_values)
        return n_models * self.n_experiments * self.n_restarts

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, which `from_dict` reads back; the job id is made from it."""
        record: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        record["columns"] = list(self.columns)
        # The order in which the types were ticked does not make another job.
        record["covariance_types"] = [t for t in COVARIANCE_TYPES if t in self.covariance_types]
        record["reg_covar"] = float(self.reg_covar)
        return record

    @classmethod
    def from_dict(cls, raw: object) -> JobSpec:
        """The spec in `raw`; fields with a default may be left out. Raises SpecError."""
        try:
            return cls._read(Fields(raw, [field.name for field in dataclasses.fields(cls)]))
        except ContractError as error:
            raise SpecError(error.code, error.message, error.details) from error

    @classmethod
    def _read(cls, fields: Fields) -> JobSpec:
        given: dict[str, Any] = {}
        ranges = {
            "k_min": (1, MAX_CLUSTERS),
            "k_max": (1, MAX_CLUSTERS),
            "n_experiments": (1, MAX_EXPERIMENTS),
            "n_restarts": (1, MAX_RESTARTS),
            "seed": (0, MAX_SEED),
            "max_iter": (1, MAX_ITERATIONS),
        }
        for name, (low, high) in ranges.items():
            if fields.has(name):
                given[name] = fields.integer(name, low, high)
        if fields.has("standardise"):
            given["standardise"] = fields.boolean("standardise")
        if fields.has("distance"):
            given["distance"] = fields.choice("distance", DISTANCES)
        if fields.has("reg_covar"):
            given["reg_covar"] = fields.number("reg_covar", MIN_REG_COVAR, 1.0)
        if fields.has("min_members") and fields.value("min_members") is not None:
            given["min_members"] = fields.integer("min_members", 1, 2**53)
        if fields.has("covariance_types"):
            given["covariance_types"] = _covariance_types(fields)
        spec = cls(checked_dataset_id(fields.value("dataset_id")), _column_names(fields), **given)
        _check_settings(spec)
        return spec


def default_settings() -> dict[str, Any]:
    """The value of every setting of a `JobSpec` that may be left out, by its name."""
    fields = dataclasses.fields(JobSpec)
    return {one.name: one.default for one in fields if one.default is not dataclasses.MISSING}


def check_spec(spec: JobSpec, dataset: DatasetFacts, n_finite_rows: int) -> None:
    """Raise SpecError when `spec` cannot be run on `dataset`.

    `n_finite_rows` is the number of rows in which every chosen column holds a finite number.
    """
    _check_settings(spec)
    _check_columns(spec, dataset)
    chosen = _some(spec.columns)
    if n_finite_rows < 1:
        raise SpecError(
            "no_rows",
            f"Expected rows with a number in every chosen column ({chosen}), got none among"
            f" {dataset.n_rows:,} rows. Leave out the column with the most missing values.",
        )
    if n_finite_rows < 2:
        raise SpecError(
            "one_row",
            "Expected at least 2 rows with a number in every chosen column, got 1: one row cannot"
            " be grouped. Choose fewer columns or a dataset with more rows.",
        )
    if spec.k_max > n_finite_rows:
        raise SpecError(
            "too_many_clusters",
            f"Expected K to be at most the number of usable rows, {n_finite_rows:,}, got K up to"
            f" {spec.k_max}. Lower the upper end of the K range to {n_finite_rows:,} or less.",
        )


def _check_settings(spec: JobSpec) -> None:
    if not spec.columns:
        raise SpecError(
            "no_column", "Expected at least one column to fit, got none. Select a numeric column."
        )
    if len(spec.columns) > MAX_FEATURES:
        raise SpecError(
            "too_many_columns",
            f"Expected at most {MAX_FEATURES} columns in one job, got {len(spec.columns):,}."
            " Select the columns that should decide about the groups.",
        )
    if not spec.covariance_types:
        raise SpecError(
            "no_covariance_type",
            "Expected at least one covariance type, got none. Switch one on.",
        )
    if spec.k_min > spec.k_max:
        raise SpecError(
            "empty_k_range",
            f"Expected the lower end of the K range to be at most the upper one, got {spec.k_min}"
            f" to {spec.k_max}. Swap them.",
        )
    if spec.n_fits > MAX_FITS_PER_JOB:
        raise SpecError(
            "too_many_fits",
            f"Expected at most {MAX_FITS_PER_JOB:,} fits in one job, got {spec.n_fits:,} (types x K"
            " values x experiments x restarts). Lower experiments or restarts: ten of each are"
            " enough for most data.",
        )


def _check_columns(spec: JobSpec, dataset: DatasetFacts) -> None:
    numeric = {column.name: column for column in dataset.columns}
    for name in spec.columns:
        column = numeric.get(name)
        if column is None and name in tuple(dataset.other_columns):
            raise SpecError(
                "not_numeric",
                f'Expected numeric columns, got "{name}", which holds text. Leave it out or store'
                " its values as numbers.",
            )
        if column is None:
            raise SpecError(
                "unknown_column",
                f'Expected columns of the dataset, got "{name}", which it does not have. Choose'
                f" among {_some(numeric)}.",
            )
        if column.role == "empty":
            raise SpecError(
                "empty_column",
                f'Expected numbers in every chosen column, got none in "{name}". Leave it out.',
            )
        largest = max(-(column.minimum or 0.0), column.maximum or 0.0)
        if largest > MAX_MAGNITUDE:
            raise SpecError(
                "too_large",
                f"Expected values of at most {MAX_MAGNITUDE:g} in size, got {largest:g} in"
                f' "{name}". Leave the column out or give it in larger units.',
            )
        if column.role == "constant" or column.minimum == column.maximum:
            raise SpecError(
                "constant_column",
                f'Expected columns that vary, got "{name}", which has the same value in every row.'
                " Leave it out: it cannot tell groups apart.",
            )


def _some(names: Iterable[str], limit: int = 12) -> str:
    names = list(names)
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _column_names(fields: Fields) -> tuple[str, ...]:
    # An empty or over-long selection is left to _check_settings, which words it for people.
    names = fields.array("columns", 0, 100_000)
    for index, name in enumerate(names):
        where = f"columns[{index}]"
        Fields({where: name}, (where,)).text(where, MAX_COLUMN_NAME)
    _check_distinct(names, "columns")
    return tuple(names)


def _covariance_types(fields: Fields) -> tuple[str, ...]:
    types = checked_list(fields.value("covariance_types"), "covariance_types", 0, 100)
    for index, name in enumerate(types):
        where = f"covariance_types[{index}]"
        Fields({where: name}, (where,)).choice(where, COVARIANCE_TYPES)
    _check_distinct(types, "covariance_types")
    return tuple(name for name in COVARIANCE_TYPES if name in types)


def _check_distinct(names: list[str], field: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SpecError(
                "repeated_name",
                f'Expected {field} to name everything once, got "{name}" more than once. Remove'
                " the repetition.",
            )
        seen.add(name)
