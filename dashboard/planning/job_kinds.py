"""Kinds of jobs: what a person asks for, planned into tasks. One line for each kind.

A job *kind* is a specification, a plan of tasks made from it, and a summary of what came of them.
Job service, run, recorder and stores know only this.
"""

from __future__ import annotations

import importlib
from typing import Any, ClassVar, Protocol

from compute_lambda import Result
from dashboard.planning.quote import Provider, Quote, Tables
from dashboard.planning.spec import SpecError

JOB_KINDS: dict[str, str] = {
    "analysis": "dashboard.planning.analysis",
}
"""Name of a kind: the module that holds it, as `KIND`."""


class Spec(Protocol):
    """All settings of a job; jobs with the same settings are the same job.

    `dataset_id` is the table that it is about; `to_dict` gives plain JSON, and `job_id` is made
    from that.
    """

    kind: ClassVar[str]

    @property
    def dataset_id(self) -> str:
        """The table."""
        ...

    @property
    def job_id(self) -> str:
        """Hash of the settings."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON."""
        ...


class Summary(Protocol):
    """What the list of jobs shows of a job's results, found while they come in."""

    def add(self, result: Result) -> None:
        """Take note of one more result; the order does not matter."""
        ...

    def record(self) -> dict[str, Any] | None:
        """The summary as plain JSON, or None while there is nothing to say."""
        ...


class JobKind(Protocol):
    """One kind of job. `unit` names its units of progress ("fits")."""

    name: str
    unit: str

    def read(self, raw: object) -> Spec:
        """The specification in `raw`. Raises SpecError."""
        ...

    def quote(self, spec: Any, tables: Tables, provider: Provider) -> Quote:
        """What `spec` would take, and its tasks; the same for the same data and settings.

        Raises SpecError and DatasetError when it cannot be run.
        """
        ...

    def summary(self) -> Summary:
        """An empty summary."""
        ...


def job_kind(name: str) -> JobKind:
    """The kind of that name. Raises SpecError where it is not known here."""
    home = JOB_KINDS.get(name)
    if home is None:
        raise SpecError(
            "unknown_job_kind",
            f"Expected a kind of job that this release knows ({', '.join(sorted(JOB_KINDS))}), got"
            f" {name!r:.60}. It is of a newer release: update Centaurus.",
        )
    kind: JobKind = importlib.import_module(home).KIND
    return kind
