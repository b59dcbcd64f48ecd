"""What `analyse` leaves behind: four files, and the recommendation for people or programs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.analysis.recommendation import Recommendation, recommend
from dashboard.analysis.records import CRITERIA
from dashboard.analysis.view import JobView
from dashboard.datasets import Dataset
from dashboard.exports import bic_html, fits_csv, labelled_csv, models_json
from dashboard.services.scoring import Scoring
from dashboard.stores.base import JobRecord


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a finished job, in terms of one criterion (higher is better)."""

    record: JobRecord
    dataset: Dataset
    criterion: str
    recommendation: Recommendation | None
    n_rows_used: int
    problem: str
    """A sentence when part of the job failed, else ""."""

    @classmethod
    def of(cls, view: JobView, record: JobRecord, dataset: Dataset, criterion: str) -> Report:
        """The report on a job that has ended, `view` holding all its outcomes."""
        return cls(
            record=record,
            dataset=dataset,
            criterion=criterion,
            recommendation=recommend(view, criterion),
            n_rows_used=view.n_rows,
            problem=_problem(view, record),
        )

    @property
    def n_rows_left_out(self) -> int:
        """Rows with a missing or infinite value in a chosen column."""
        return self.dataset.n_rows - self.n_rows_used

    def as_json(self, files: dict[str, Path]) -> str:
        """One JSON object; paths are absolute, scores higher is better."""
        chosen = self.recommendation
        started, finished = self.record.started_at, self.record.finished_at
        report: dict[str, Any] = {
            "job_id": self.record.job_id,
            "state": self.record.state,
            "dataset": self.dataset.name,
            "notes": list(self.dataset.notes),
            "columns": list(self.record.analysis.columns),
            "n_rows_used": self.n_rows_used,
            "n_rows_left_out": self.n_rows_left_out,
            "n_fits": self.record.n_units,
            "n_fits_done": self.record.n_units_done,
            "n_failed": self.record.n_failed,
            "elapsed_s": finished - started if started and finished else None,
            "cost_usd": self.record.spent.usd,
            "n_requests": self.record.spent.n_requests,
            "criterion": self.criterion,
            "recommendation": None if chosen is None else chosen.to_json(),
            "files": {name: str(path.absolute()) for name, path in files.items()},
        }
        return json.dumps(report, allow_nan=False)

    def as_text(self, files: dict[str, Path]) -> str:
        """Lines for people: notes, what was used, the cost, the recommendation, the files."""
        lines = [f"Note: {note}" for note in self.dataset.notes]
        left_out = ""
        if self.n_rows_left_out:
            left_out = f" ({self.n_rows_left_out:,} left out: missing or infinite values)"
        columns = ", ".join(self.record.analysis.columns)
        lines.append(f"{self.dataset.name}: {self.n_rows_used:,} rows{left_out}, {columns}")
        usage = self.record.spent
        if usage.n_requests:
            lines.append(f"Cost: ${usage.usd:,.4f} for {usage.n_requests:,} requests")
        lines.append("")
        if self.recommendation is None:
            lines.append("No recommendation: no fit gave a score.")
        else:
            lines += _recommendation_lines(self.recommendation)
        lines += ["", "Written:", *(f"  {path}" for path in files.values())]
        return "\n".join(lines)


def write_files(report: Report, view: JobView, scoring: Scoring, out: Path) -> dict[str, Path]:
    """fits.csv, models.json, bic.html and, with a recommendation, labels.csv in `out`; replaced
    each as a whole, so that a reader never finds half a file."""
    contents = {
        "fits": ("fits.csv", fits_csv(view)),
        "models": ("models.json", _models(view, report.record)),
        "bic": ("bic.html", bic_html(view, report.criterion).encode()),
    }
    chosen = report.recommendation
    if chosen is not None:
        cell = view.cells[chosen.covariance_type, chosen.k]
        assert cell.best is not None
        assert cell.preparation is not None
        rows = scoring.labelled_rows(view.spec, cell.best, cell.preparation)
        contents["labels"] = ("labels.csv", labelled_csv(rows))
    files = {}
    for name, (filename, content) in contents.items():
        files[name] = out / filename
        unfinished = out / f".{filename}.{os.getpid()}"
        try:
            unfinished.write_bytes(content)
            os.replace(unfinished, files[name])
        finally:
            unfinished.unlink(missing_ok=True)
    return files


def _models(view: JobView, record: JobRecord) -> bytes:
    return json.dumps(models_json(view, record), indent=1, allow_nan=False).encode()


def _recommendation_lines(chosen: Recommendation) -> list[str]:
    name = CRITERIA[chosen.criterion]
    agreement = "only one experiment"
    if chosen.agreement is not None:
        agreement = f"{chosen.agreement:.2f} (mean adjusted Rand index of the other experiments)"
    facts = [
        (name, f"{chosen.score:,.1f} (higher is better)"),
        ("Evidence", chosen.evidence),
        ("Agreement", agreement),
        ("Votes", f"{chosen.votes:,} of {chosen.n_votes:,} experiments prefer this model"),
        ("Sizes", ", ".join(f"{size:,}" for size in chosen.sizes)),
        *(("Warning", warning) for warning in chosen.warnings),
    ]
    title = f"Recommended: {chosen.covariance_type} with K = {chosen.k}"
    return [title, *(f"  {label:<10} {text}" for label, text in facts)]


def _problem(view: JobView, record: JobRecord) -> str:
    if not record.n_failed:
        return ""
    failures = list(view.failures.values())
    why = failures[0].error.get("message", "") if failures else ""
    return (
        f"{record.n_failed:,} of {record.n_tasks:,} tasks failed and are missing in the results. "
        f"Run the same command again to compute them. {why}"
    ).rstrip()
