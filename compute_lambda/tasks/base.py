"""What every task, result and kind of task has; whoever is not a kind knows only this.

A *task* is a small, self-contained piece of work that is named after its content: the same task
has the same id wherever it is made, and its result depends on nothing else. A *kind* of task is a
folder beside this module, and a line in `registry`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from compute_lambda.contract.content import content_id
from compute_lambda.contract.errors import ContractError
from compute_lambda.contract.fields import Fields
from compute_lambda.contract.version import CONTRACT_VERSION
from compute_lambda.tasks.host import Host

MAX_DURATION_MS = 1e9
"""Eleven days: whoever reports more has not measured it."""

MAX_KIND_CHARACTERS = 40


def check_version(fields: Fields) -> None:
    """Raise ContractError `contract_version` for a payload of another release."""
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


def read_header(
    raw: object, kind: str, names: tuple[str, ...], *, kind_optional: bool = False
) -> Fields:
    """The fields of a task or result of that kind: `names` and those that all have.

    `kind` may be left out by what was written down before there were kinds. Raises ContractError
    for another version or kind.
    """
    fields = Fields(raw, ("contract_version", "kind", *names))
    check_version(fields)
    if fields.has("kind") or not kind_optional:
        fields.choice("kind", (kind,))
    return fields


def resume_state(fields: Fields) -> dict[str, Any] | None:
    """The optional field `resume`: an object, whose content is the kind's own business."""
    if not fields.has("resume") or fields.value("resume") is None:
        return None
    return dict(Fields(fields.value("resume"), fields.value("resume"), "resume").raw)


@dataclass(frozen=True, slots=True)
class Invocation:
    """Where and how long a task ran. `started_at` is Unix time in seconds.

    `startup_ms` is what had to be started first: the process where this was its first invocation
    (`cold`), NumPy and the core where it was its first task; otherwise 0. `read_ms` went into
    getting the data, `run_ms` into the work itself. `memory_mb` is the memory that the host grants
    (0 when it sets no limit), `kernel` which arithmetic ran, `worker` a name for the process or
    thread.
    """

    request_id: str
    started_at: float
    startup_ms: float
    read_ms: float
    run_ms: float
    cold: bool
    memory_mb: int
    kernel: str
    worker: str

    @property
    def busy_ms(self) -> float:
        """What a function is billed for: start-up, reading and the work."""
        return self.startup_ms + self.read_ms + self.run_ms

    def followed_by(self, later: Invocation) -> Invocation:
        """This one and a later one that went on with the same task: durations add up."""
        return dataclasses.replace(
            self,
            read_ms=self.read_ms + later.read_ms,
            run_ms=self.run_ms + later.run_ms,
        )

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, raw: object, where: str = "") -> Invocation:
        """The facts in `raw`. Raises ContractError with the offending field."""
        fields = Fields(raw, (*cls.__slots__, _EARLIER_RUN_MS), where)
        run_ms = _EARLIER_RUN_MS if fields.has(_EARLIER_RUN_MS) else "run_ms"
        return cls(
            request_id=fields.text("request_id"),
            started_at=fields.number("started_at", 0.0),
            startup_ms=fields.number("startup_ms", 0.0, MAX_DURATION_MS),
            read_ms=fields.number("read_ms", 0.0, MAX_DURATION_MS),
            run_ms=fields.number(run_ms, 0.0, MAX_DURATION_MS),
            cold=fields.boolean("cold"),
            memory_mb=fields.integer("memory_mb", 0, 2**31),
            kernel=fields.text("kernel"),
            worker=fields.text("worker"),
        )


_EARLIER_RUN_MS = "fit_ms"
"""What `run_ms` was called while fits were the only work; stores and memories still hold it."""


class Task:
    """A piece of work. Kinds are frozen dataclasses whose fields are the content.

    `inputs` are the ids of the stored datasets that a worker must find, `n_units` the units of
    progress in it (see `TaskKind.unit`). `resume` is the state of an earlier, interrupted answer;
    it is progress, not content.
    """

    __slots__ = ()
    kind: ClassVar[str]
    resume: dict[str, Any] | None

    @property
    def inputs(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def n_units(self) -> int:
        raise NotImplementedError

    @property
    def task_id(self) -> str:
        """sha256 of the content, 64 hexadecimal digits."""
        return content_id(self.content())

    def content(self) -> dict[str, Any]:
        """What the id is made of: everything but progress."""
        content = self.to_dict()
        del content["resume"]
        return content

    def resumed(self, state: dict[str, Any] | None) -> Self:
        """The same task, to go on from `state`."""
        return dataclasses.replace(self, resume=state)  # type: ignore[type-var]

    def about(self) -> dict[str, Any]:
        """What it holds, as plain JSON: kept with its failure, and shown in the table of tasks."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def from_dict(cls, raw: object) -> Self:
        """The task in `raw`. Raises ContractError with the offending field in its details."""
        raise NotImplementedError


class Result:
    """What came of a task. `resume` is None when that is complete; otherwise send it again."""

    __slots__ = ()
    kind: ClassVar[str]
    task_id: str
    invocation: Invocation
    resume: dict[str, Any] | None

    def followed_by(self, later: Self) -> Self:
        """This interrupted result and the one that its `resume` led to, as one."""
        raise NotImplementedError

    def about(self) -> dict[str, Any]:
        """What it holds, in the same words as `Task.about`."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def from_dict(cls, raw: object) -> Self:
        """The result in `raw`. Raises ContractError with the offending field in its details."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class FactColumn:
    """A column of the table of tasks; `tip` explains it, `width_px` is the least that it needs."""

    key: str
    title: str
    tip: str
    width_px: int
    numeric: bool = False


T = TypeVar("T", bound=Task)
R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class TaskKind(Generic[T, R]):
    """All that the rest of the program needs of a kind.

    `unit` names the units of progress ("fits"). `run(task, host)` does the work. `mismatch(task,
    result)` says what is wrong with a result that is not the task's, "" when it is; `n_missing`
    how much of it a result that says it is complete lacks. `facts(about)` makes from `Task.about`
    what people read of a task in a table, by the keys of `columns`.
    """

    name: str
    unit: str
    task: type[T]
    result: type[R]
    run: Callable[[T, Host], R]
    mismatch: Callable[[T, R], str]
    n_missing: Callable[[T, R], int]
    columns: tuple[FactColumn, ...]
    facts: Callable[[Mapping[str, Any]], dict[str, str | int]]
