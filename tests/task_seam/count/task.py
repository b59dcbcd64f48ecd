"""The contract of counts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from compute_lambda.contract.content import checked_dataset_id
from compute_lambda.contract.limits import MAX_COLUMN_POSITION, MAX_ROWS
from compute_lambda.contract.version import CONTRACT_VERSION
from compute_lambda.tasks.base import Invocation, Result, Task, read_header, resume_state


@dataclass(frozen=True, slots=True)
class CountTask(Task):
    """Count the rows from `start` to `stop` whose `column` is above `threshold`."""

    kind: ClassVar[str] = "count"

    dataset_id: str
    column: int
    threshold: float
    start: int
    stop: int
    resume: dict[str, Any] | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.dataset_id,)

    @property
    def n_units(self) -> int:
        return self.stop - self.start

    def about(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("column", "threshold", "start", "stop")}

    def to_dict(self) -> dict[str, Any]:
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": self.kind,
            "dataset_id": self.dataset_id,
            **self.about(),
            "resume": self.resume,
        }

    @classmethod
    def from_dict(cls, raw: object) -> CountTask:
        fields = read_header(raw, cls.kind, cls.__slots__)
        start = fields.integer("start", 0, MAX_ROWS)
        return cls(
            dataset_id=checked_dataset_id(fields.value("dataset_id")),
            column=fields.integer("column", 0, MAX_COLUMN_POSITION),
            threshold=fields.number("threshold"),
            start=start,
            stop=fields.integer("stop", start + 1, MAX_ROWS),
            resume=resume_state(fields),
        )


@dataclass(frozen=True, slots=True)
class CountResult(Result):
    """`n_above` of the `n_seen` rows so far; `n_pieces` invocations did it."""

    kind: ClassVar[str] = "count"

    task_id: str
    n_above: int
    n_seen: int
    n_pieces: int
    asked: dict[str, Any]
    invocation: Invocation
    resume: dict[str, Any] | None = None

    def followed_by(self, later: CountResult) -> CountResult:
        return dataclasses.replace(
            later,
            n_above=self.n_above + later.n_above,
            n_seen=self.n_seen + later.n_seen,
            n_pieces=self.n_pieces + later.n_pieces,
            invocation=self.invocation.followed_by(later.invocation),
        )

    def about(self) -> dict[str, Any]:
        return self.asked

    def to_dict(self) -> dict[str, Any]:
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": self.kind,
            "task_id": self.task_id,
            "n_above": self.n_above,
            "n_seen": self.n_seen,
            "n_pieces": self.n_pieces,
            "asked": self.asked,
            "invocation": self.invocation.to_dict(),
            "resume": self.resume,
        }

    @classmethod
    def from_dict(cls, raw: object) -> CountResult:
        fields = read_header(raw, cls.kind, cls.__slots__)
        return cls(
            task_id=checked_dataset_id(fields.value("task_id"), "task_id"),
            n_above=fields.integer("n_above", 0, MAX_ROWS),
            n_seen=fields.integer("n_seen", 0, MAX_ROWS),
            n_pieces=fields.integer("n_pieces", 1, MAX_ROWS),
            asked=dict(fields.value("asked")),
            invocation=Invocation.from_dict(fields.value("invocation"), "invocation"),
            resume=resume_state(fields),
        )


def mismatch(task: CountTask, result: CountResult) -> str:
    return "" if result.asked == task.about() else "counts of something else"


def n_missing(task: CountTask, result: CountResult) -> int:
    return task.n_units - result.n_seen
