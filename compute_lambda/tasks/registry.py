"""Every kind of task, one line each, loaded when it is first needed.

A bundle may hold only some of them: the fit function stays small.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from compute_lambda.contract.errors import ContractError
from compute_lambda.contract.fields import Fields
from compute_lambda.tasks.base import MAX_KIND_CHARACTERS, Result, Task, TaskKind
from compute_lambda.tasks.host import Host

KINDS: dict[str, str] = {
    "fit": "compute_lambda.tasks.fit",
    "score": "compute_lambda.tasks.score",
}
"""Name of a kind: the package that holds it, as `KIND`."""

EARLIEST_KIND = "fit"
"""The kind of what was written down before there were others."""

_loaded: dict[str, TaskKind[Any, Any]] = {}


def kind_of(name: str) -> TaskKind[Any, Any]:
    """The kind of that name. Raises ContractError `unknown_kind` where it is not known here."""
    known = _loaded.get(name)
    if known is not None:
        return known
    package = KINDS.get(name)
    if package is None or importlib.util.find_spec(package) is None:
        here = ", ".join(sorted(KINDS))
        raise ContractError(
            "unknown_kind",
            f"Expected a kind of task that is known here ({here}), got {name!r:.60}. Deploy the"
            " same release on both sides, to a function that holds this kind.",
            {"field": "kind", "known": sorted(KINDS)},
        )
    kind: TaskKind[Any, Any] = importlib.import_module(package).KIND
    _loaded[name] = kind
    return kind


def kind_in(raw: object, default: str | None = None) -> TaskKind[Any, Any]:
    """The kind that the JSON object `raw` names. Raises ContractError."""
    fields = Fields(raw, raw if isinstance(raw, dict) else ())
    if default is not None and not fields.has("kind"):
        return kind_of(default)
    return kind_of(fields.text("kind", MAX_KIND_CHARACTERS))


def read_task(raw: object) -> Task:
    """The task in `raw`, of whichever kind. Raises ContractError."""
    task: Task = kind_in(raw).task.from_dict(raw)
    return task


def read_result(raw: object) -> Result:
    """The result in `raw`, of whichever kind. Raises ContractError."""
    result: Result = kind_in(raw, EARLIEST_KIND).result.from_dict(raw)
    return result


def run_task(task: Task, host: Host) -> Result:
    """Do the work of `task`. Raises ContractError and DatasetError."""
    result: Result = kind_of(task.kind).run(task, host)
    return result
