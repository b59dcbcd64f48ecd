"""What crosses the network for fits: the task, its result, and when one belongs to the other.

`from_dict` validates everything and raises ContractError. Payloads are plain JSON without NaN or
infinity, and floats survive the round trip bit for bit (Python writes the shortest decimal that
reads back as the same float64).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from compute_lambda.contract.content import checked_dataset_id
from compute_lambda.contract.errors import ContractError
from compute_lambda.contract.fields import Fields, checked_list
from compute_lambda.contract.limits import (
    MAX_CLUSTERS,
    MAX_COLUMN_POSITION,
    MAX_FEATURES,
    MAX_ROWS,
    MAX_SEED,
)
from compute_lambda.contract.models import preparation_from_dict, preparation_to_dict
from compute_lambda.contract.version import CONTRACT_VERSION
from compute_lambda.tasks.base import Invocation, Result, Task, read_header, resume_state
from compute_lambda.tasks.fit.wire import fit_from_dict, fit_to_dict
from kmeans_core import (
    COVARIANCE_TYPES,
    DEFAULT_DISTANCE,
    DEFAULT_MAX_ITER,
    DEFAULT_REG_COVAR,
    DISTANCES,
    ExperimentFit,
    Preparation,
)

MAX_EXPERIMENTS = 10_000
MAX_RESTARTS = 1_000
MAX_ITERATIONS = 10_000
MIN_REG_COVAR = 1e-12
"""Below this the floor drowns in rounding."""

MAX_FITS_PER_TASK = 100_000
"""A task is a unit of retry; more than this is a job."""

MAX_PAIRS_PER_TASK = 2_000
"""Every (K, experiment) pair is a model in one answer of at most 6 MB."""


@dataclass(frozen=True, slots=True)
class FitTask(Task):
    """Fit one covariance type to some columns of a stored dataset, for a few K and experiments.

    `columns` are positions in the stored table, in the order in which means are reported. Every
    (K, experiment) pair is fitted from `n_restarts` seeds and keeps the best one. `min_members`
    None means the core's default. `resume` is the state of an earlier, interrupted answer.
    """

    kind: ClassVar[str] = "fit"

    dataset_id: str
    columns: tuple[int, ...]
    standardise: bool
    covariance_type: str
    n_clusters: tuple[int, ...]
    experiments: tuple[int, ...]
    n_restarts: int
    seed: int
    distance: str = DEFAULT_DISTANCE
    min_members: int | None = None
    reg_covar: float = DEFAULT_REG_COVAR
    max_iter: int = DEFAULT_MAX_ITER
    resume: dict[str, Any] | None = None

    @property
    def n_fits(self) -> int:
        """Runs of the iteration: K values x experiments x restarts."""
        return len(self.n_clusters) * len(self.experiments) * self.n_restarts

    @property
    def n_units(self) -> int:
        """Fits: the units of progress."""
        return self.n_fits

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one dataset that is fitted."""
        return (self.dataset_id,)

    def content(self) -> dict[str, Any]:
        """What the id is made of, in the form that it had before there were other kinds.

        So the results of earlier releases are found again.
        """
        content = self.to_dict()
        del content["resume"], content["kind"]
        return content

    def about(self) -> dict[str, Any]:
        """Type, values of K and experiments."""
        return {
            "covariance_type": self.covariance_type,
            "n_clusters": list(self.n_clusters),
            "experiments": list(self.experiments),
        }

    def to_dict(self) -> dict[str, Any]:
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": self.kind,
            "dataset_id": self.dataset_id,
            "columns": list(self.columns),
            "standardise": self.standardise,
            "covariance_type": self.covariance_type,
            "n_clusters": list(self.n_clusters),
            "experiments": list(self.experiments),
            "n_restarts": self.n_restarts,
            "seed": self.seed,
            "distance": self.distance,
            "min_members": self.min_members,
            "reg_covar": float(self.reg_covar),
            "max_iter": self.max_iter,
            "resume": self.resume,
        }

    @classmethod
    def from_dict(cls, raw: object) -> FitTask:
        """The task in `raw`; fields with a default above may be left out.

        Raises ContractError with the offending field in `details["field"]`.
        """
        fields = read_header(raw, cls.kind, cls.__slots__)
        task = cls(
            dataset_id=checked_dataset_id(fields.value("dataset_id")),
            columns=fields.integers("columns", 0, MAX_COLUMN_POSITION, max_length=MAX_FEATURES),
            standardise=fields.boolean("standardise"),
            covariance_type=fields.choice("covariance_type", COVARIANCE_TYPES),
            n_clusters=fields.integers(
                "n_clusters", 1, MAX_CLUSTERS, max_length=MAX_CLUSTERS, ascending=True
            ),
            experiments=fields.integers(
                "experiments", 0, MAX_EXPERIMENTS - 1, max_length=MAX_EXPERIMENTS, ascending=True
            ),
            n_restarts=fields.integer("n_restarts", 1, MAX_RESTARTS),
            seed=fields.integer("seed", 0, MAX_SEED),
            min_members=_min_members(fields),
            resume=resume_state(fields),
            **_given_settings(fields),
        )
        _check_size(task)
        return task


@dataclass(frozen=True, slots=True)
class FitResult(Result):
    """What came of a task: one ExperimentFit per finished (K, experiment) pair, in prepared units.

    `n_rows` counts the rows used (rows with a non-finite value in a chosen column are left out).
    `resume` is None when the task is complete; otherwise send the task again with it.
    """

    kind: ClassVar[str] = "fit"

    task_id: str
    fits: tuple[ExperimentFit, ...]
    preparation: Preparation
    n_rows: int
    invocation: Invocation
    resume: dict[str, Any] | None = None

    def followed_by(self, later: FitResult) -> FitResult:
        """This interrupted result and the one that its `resume` led to, as one.

        Fits are ordered by K and experiment, durations add up, the rest is the first invocation's.
        """
        fits = {(fit.n_clusters, fit.experiment): fit for fit in (*self.fits, *later.fits)}
        return dataclasses.replace(
            self,
            fits=tuple(fits[pair] for pair in sorted(fits)),
            invocation=self.invocation.followed_by(later.invocation),
            resume=later.resume,
        )

    def about(self) -> dict[str, Any]:
        """Type, values of K and experiments of the fits that are in."""
        return {
            "covariance_type": self.fits[0].covariance_type if self.fits else "",
            "n_clusters": sorted({int(fit.n_clusters) for fit in self.fits}),
            "experiments": sorted({int(fit.experiment) for fit in self.fits}),
        }

    def to_dict(self) -> dict[str, Any]:
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": self.kind,
            "task_id": self.task_id,
            "fits": [fit_to_dict(fit) for fit in self.fits],
            "preparation": preparation_to_dict(self.preparation),
            "n_rows": self.n_rows,
            "invocation": self.invocation.to_dict(),
            "resume": self.resume,
        }

    @classmethod
    def from_dict(cls, raw: object) -> FitResult:
        """The result in `raw`. Raises ContractError with the offending field."""
        fields = read_header(raw, cls.kind, cls.__slots__, kind_optional=True)
        preparation = preparation_from_dict(fields.value("preparation"), "preparation")
        d = len(preparation.shift)
        fits = checked_list(fields.value("fits"), "fits", 0, MAX_PAIRS_PER_TASK)
        return cls(
            task_id=checked_dataset_id(fields.value("task_id"), "task_id"),
            fits=tuple(fit_from_dict(fit, f"fits[{i}]", d) for i, fit in enumerate(fits)),
            preparation=preparation,
            n_rows=fields.integer("n_rows", 1, MAX_ROWS),
            invocation=Invocation.from_dict(fields.value("invocation"), "invocation"),
            resume=resume_state(fields),
        )


def mismatch(task: FitTask, result: FitResult) -> str:
    """What is wrong with a result that cannot be this task's, "" when nothing is."""
    found = {(fit.n_clusters, fit.experiment) for fit in result.fits}
    asked = {(k, number) for k in task.n_clusters for number in task.experiments}
    if not found <= asked or len(found) != len(result.fits):
        return "fits that nobody asked for"
    kinds = {fit.model.covariance_type for fit in result.fits}
    if not kinds <= {task.covariance_type}:
        return f"fits of another type, {', '.join(sorted(kinds))}"
    if len(result.preparation.shift) != len(task.columns):
        return "fits of other columns"
    return ""


def n_missing(task: FitTask, result: FitResult) -> int:
    """How many of the task's (K, experiment) pairs a finished result does not have."""
    return len(task.n_clusters) * len(task.experiments) - len(result.fits)


def _given_settings(fields: Fields) -> dict[str, Any]:
    """Those of the settings with a default that are given."""
    given: dict[str, Any] = {}
    if fields.has("distance"):
        given["distance"] = fields.choice("distance", DISTANCES)
    if fields.has("reg_covar"):
        given["reg_covar"] = fields.number("reg_covar", MIN_REG_COVAR, 1.0)
    if fields.has("max_iter"):
        given["max_iter"] = fields.integer("max_iter", 1, MAX_ITERATIONS)
    return given


def _min_members(fields: Fields) -> int | None:
    if not fields.has("min_members") or fields.value("min_members") is None:
        return None
    return fields.integer("min_members", 1, MAX_ROWS)


def _check_size(task: FitTask) -> None:
    pairs = len(task.n_clusters) * len(task.experiments)
    if pairs > MAX_PAIRS_PER_TASK or task.n_fits > MAX_FITS_PER_TASK:
        raise ContractError(
            "too_many_fits",
            f"Expected at most {MAX_PAIRS_PER_TASK:,} (K, experiment) pairs and"
            f" {MAX_FITS_PER_TASK:,} fits in one task, got {pairs:,} and {task.n_fits:,}. Send"
            " fewer experiments per task.",
            {"field": "experiments", "pairs": pairs, "n_fits": task.n_fits},
        )
