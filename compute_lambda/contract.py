"""The only things that cross the network: a fit task, its result, and facts of the invocation.

`from_dict` validates everything and raises ContractError. Payloads are plain JSON without NaN or
infinity, and floats survive the round trip bit for bit (Python writes the shortest decimal that
reads back as the same float64).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from compute_lambda.contract_version import CONTRACT_VERSION
from compute_lambda.errors import ContractError
from compute_lambda.fields import Fields, checked_list
from compute_lambda.wire import (
    fit_from_dict,
    fit_to_dict,
    preparation_from_dict,
    preparation_to_dict,
)
from kmeans_core import COVARIANCE_TYPES, DISTANCES, ExperimentFit, Preparation

MAX_CLUSTERS = 64  # the palette, the figures and the kernel's block buffers are sized for this
MAX_FEATURES = 64  # a full covariance of 64 columns has 2,080 entries per cluster
MAX_COLUMN_POSITION = 9_999
MAX_EXPERIMENTS = 10_000
MAX_RESTARTS = 1_000
MAX_ITERATIONS = 10_000
MAX_SEED = 2**32 - 1  # exact in JavaScript as well
MAX_ROWS = 2**53
MIN_REG_COVAR = 1e-12  # below this the floor drowns in rounding
MAX_FITS_PER_TASK = 100_000  # a task is a unit of retry; more than this is a job
MAX_PAIRS_PER_TASK = 2_000  # every (K, experiment) pair is a model in one answer of at most 6 MB

_DATASET_ID = re.compile(r"[0-9a-f]{64}")


def canonical_json(value: Any) -> str:
    """The one text for a JSON value: sorted keys, no blanks, ASCII, no NaN (raises ValueError)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def checked_dataset_id(value: object, field: str = "dataset_id") -> str:
    """`value` when it is 64 lower-case hexadecimal digits: safe as part of a path or a key."""
    if isinstance(value, str) and _DATASET_ID.fullmatch(value):
        return value
    raise ContractError(
        "bad_dataset_id",
        f"Expected {field} to be 64 lower-case hexadecimal digits (the sha256 of the dataset), got"
        " something else. Use the id under which the dataset was stored.",
        {"field": field, "expected": "64 lower-case hexadecimal digits"},
    )


@dataclass(frozen=True, slots=True)
class FitTask:
    """Fit one covariance type to some columns of a stored dataset, for a few K and experiments.

    `columns` are positions in the stored table, in the order in which means are reported. Every
    (K, experiment) pair is fitted from `n_restarts` seeds and keeps the best one. `min_members`
    None means the core's default. `resume` is the state of an earlier, interrupted answer.
    """

    dataset_id: str
    columns: tuple[int, ...]
    standardise: bool
    covariance_type: str
    n_clusters: tuple[int, ...]
    experiments: tuple[int, ...]
    n_restarts: int
    seed: int
    distance: str = "likelihood"
    min_members: int | None = None
    reg_covar: float = 1e-6
    max_iter: int = 300
    resume: dict[str, Any] | None = None

    @property
    def n_fits(self) -> int:
        """Runs of the iteration: K values x experiments x restarts."""
        return len(self.n_clusters) * len(self.experiments) * self.n_restarts

    @property
    def task_id(self) -> str:
        """sha256 of the content, 64 hex digits. `resume` is progress, not content, and left out."""
        content = self.to_dict()
        del content["resume"]
        return hashlib.sha256(canonical_json(content).encode("ascii")).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        return {
            "contract_version": CONTRACT_VERSION,
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
        fields = Fields(raw, ("contract_version", *cls.__slots__))
        _check_version(fields)
        given = fields.has
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
            distance=fields.choice("distance", DISTANCES) if given("distance") else "likelihood",
            min_members=_min_members(fields),
            reg_covar=fields.number("reg_covar", MIN_REG_COVAR, 1.0)
            if given("reg_covar")
            else 1e-6,
            max_iter=fields.integer("max_iter", 1, MAX_ITERATIONS) if given("max_iter") else 300,
            resume=_resume(fields),
        )
        _check_size(task)
        return task


MAX_DURATION_MS = 1e9
"""Eleven days: whoever reports more has not measured it."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """Where and how long a task ran. `started_at` is Unix time in seconds.

    `startup_ms` is what had to be started first: the process where this was its first invocation
    (`cold`), NumPy and the core where it was its first fit; otherwise 0. `memory_mb` is the memory
    that the host grants (0 when it sets no limit), `kernel` which arithmetic ran, `worker` a name
    for the process or thread.
    """

    request_id: str
    started_at: float
    startup_ms: float
    read_ms: float
    fit_ms: float
    cold: bool
    memory_mb: int
    kernel: str
    worker: str

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, raw: object, where: str = "") -> Invocation:
        fields = Fields(raw, cls.__slots__, where)
        return cls(
            request_id=fields.text("request_id"),
            started_at=fields.number("started_at", 0.0),
            startup_ms=fields.number("startup_ms", 0.0, MAX_DURATION_MS),
            read_ms=fields.number("read_ms", 0.0, MAX_DURATION_MS),
            fit_ms=fields.number("fit_ms", 0.0, MAX_DURATION_MS),
            cold=fields.boolean("cold"),
            memory_mb=fields.integer("memory_mb", 0, 2**31),
            kernel=fields.text("kernel"),
            worker=fields.text("worker"),
        )


@dataclass(frozen=True, slots=True)
class FitResult:
    """What came of a task: one ExperimentFit per finished (K, experiment) pair, in prepared units.

    `n_rows` counts the rows used (rows with a non-finite value in a chosen column are left out).
    `resume` is None when the task is complete; otherwise send the task again with it.
    """

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
        invocation = dataclasses.replace(
            self.invocation,
            read_ms=self.invocation.read_ms + later.invocation.read_ms,
            fit_ms=self.invocation.fit_ms + later.invocation.fit_ms,
        )
        return dataclasses.replace(
            self,
            fits=tuple(fits[pair] for pair in sorted(fits)),
            invocation=invocation,
            resume=later.resume,
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "contract_version": CONTRACT_VERSION,
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
        fields = Fields(raw, ("contract_version", *cls.__slots__))
        _check_version(fields)
        preparation = preparation_from_dict(fields.value("preparation"), "preparation")
        d = len(preparation.shift)
        fits = checked_list(fields.value("fits"), "fits", 0, MAX_PAIRS_PER_TASK)
        return cls(
            task_id=checked_dataset_id(fields.value("task_id"), "task_id"),
            fits=tuple(fit_from_dict(fit, f"fits[{i}]", d) for i, fit in enumerate(fits)),
            preparation=preparation,
            n_rows=fields.integer("n_rows", 1, MAX_ROWS),
            invocation=Invocation.from_dict(fields.value("invocation"), "invocation"),
            resume=_resume(fields),
        )


def _check_version(fields: Fields) -> None:
    if not fields.has("contract_version"):
        return
    version = fields.integer("contract_version", 0, 2**31)
    if version != CONTRACT_VERSION:
        raise ContractError(
            "contract_version",
            f"Expected contract_version {CONTRACT_VERSION}, got {version}. The two sides run"
            " different releases: deploy the same one on both.",
            {"field": "contract_version", "expected": CONTRACT_VERSION},
        )


def _min_members(fields: Fields) -> int | None:
    if not fields.has("min_members") or fields.value("min_members") is None:
        return None
    return fields.integer("min_members", 1, MAX_ROWS)


def _resume(fields: Fields) -> dict[str, Any] | None:
    if not fields.has("resume") or fields.value("resume") is None:
        return None
    return dict(Fields(fields.value("resume"), fields.value("resume"), "resume").raw)


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
