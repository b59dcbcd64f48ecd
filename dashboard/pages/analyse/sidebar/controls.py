"""Between a job's specification and the sidebar's controls, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dash import html

from dashboard.figures.plain_text import with_unit
from dashboard.pages.analyse.sidebar.layout import MAX_EXPERIMENTS, MAX_K, MAX_RESTARTS
from dashboard.pages.parts import ids

if TYPE_CHECKING:
    from dashboard.datasets import Dataset
    from dashboard.planning.spec import JobSpec

SPEC_CONTROLS: dict[str, str] = {
    ids.DATASET: "value",
    ids.COLUMNS: "value",
    ids.STANDARDISE: "checked",
    ids.K_RANGE: "value",
    ids.TYPES: "value",
    ids.EXPERIMENTS: "value",
    ids.RESTARTS: "value",
    ids.MIN_MEMBERS: "value",
    ids.SEED: "value",
    ids.DISTANCE: "value",
    ids.MAX_ITER: "value",
    ids.REG_COVAR: "value",
}
"""Every control that a specification decides, by id: the property that holds its value."""

SLIDERS = (ids.K_RANGE, ids.EXPERIMENTS, ids.RESTARTS)
MOST_REASONS = 12
"""Columns whose reason for being left out is shown."""

UPLOADS = "Uploads"
"""The group of the dataset select that holds what can be deleted."""


def spec_values(spec: JobSpec) -> dict[str, Any]:
    """Value of every control of `SPEC_CONTROLS` for a specification."""
    return {
        ids.DATASET: spec.dataset_id,
        ids.COLUMNS: list(spec.columns),
        ids.STANDARDISE: spec.standardise,
        ids.K_RANGE: [spec.k_min, spec.k_max],
        ids.TYPES: list(spec.covariance_types),
        ids.EXPERIMENTS: spec.n_experiments,
        ids.RESTARTS: spec.n_restarts,
        ids.MIN_MEMBERS: "" if spec.min_members is None else spec.min_members,
        ids.SEED: spec.seed,
        ids.DISTANCE: spec.distance,
        ids.MAX_ITER: spec.max_iter,
        ids.REG_COVAR: spec.reg_covar,
    }


def defaults_when_empty(spec: JobSpec) -> dict[str, float]:
    """What a number field means that somebody has emptied, by the name of the setting."""
    return {"seed": spec.seed, "reg_covar": spec.reg_covar, "max_iter": spec.max_iter}


def slider_ends(spec: JobSpec) -> dict[str, int]:
    """Upper ends of the sliders that also fit a job from the command line, which may be larger.

    A slider that cannot show its value would change it, and with it start another job.
    """
    return {
        ids.K_RANGE + ".max": max(MAX_K, spec.k_max),
        ids.EXPERIMENTS + ".max": max(MAX_EXPERIMENTS, spec.n_experiments),
        ids.RESTARTS + ".max": max(MAX_RESTARTS, spec.n_restarts),
    }


def dataset_choices(datasets: Iterable[Dataset]) -> list[dict[str, Any]]:
    """Grouped options of the dataset select: uploads first, then the built-in ones."""
    groups: dict[str, list[dict[str, str]]] = {"upload": [], "built-in": []}
    for dataset in datasets:
        groups[dataset.origin].append({"value": dataset.dataset_id, "label": dataset.name})
    titles = {"upload": UPLOADS, "built-in": "Built-in"}
    return [{"group": titles[key], "items": items} for key, items in groups.items() if items]


def column_choices(dataset: Dataset) -> list[dict[str, Any]]:
    """Options of the columns picker: numeric columns with their unit; useless ones are disabled."""
    return [
        {
            "value": column.name,
            "label": with_unit(column.name, column.unit),
            "disabled": column.role in ("empty", "constant"),
        }
        for column in dataset.columns
    ]


def columns_note(dataset: Dataset, chosen: Sequence[str]) -> list[Any]:
    """One line per column that is left out, with the reason; how a file was read comes first."""
    reasons = [
        (column.name, column.reason)
        for column in dataset.columns
        if column.reason and column.name not in chosen
    ]
    why = list(dataset.other_reasons) + [""] * len(dataset.other_columns)
    reasons += [
        (name, reason or "Not numeric.")
        for name, reason in zip(dataset.other_columns, why, strict=False)
    ]
    lines: list[Any] = [
        html.Div([html.B(name), ": ", reason]) for name, reason in reasons[:MOST_REASONS]
    ]
    if len(reasons) > MOST_REASONS:
        lines.append(html.Div(f"and {len(reasons) - MOST_REASONS:,} more columns left out"))
    return lines


def rows_line(n_rows: int, n_used: int) -> str:
    """`3,232 rows, 17 left out (non-finite)`."""
    line = f"{n_rows:,} row{'' if n_rows == 1 else 's'}"
    if n_used < n_rows:
        line += f", {n_rows - n_used:,} left out (non-finite)"
    return line


def capped_k_range(k_range: Sequence[int], n_rows: int) -> list[int]:
    """The range within what the slider and the number of rows allow."""
    most = max(1, min(MAX_K, n_rows))
    return [min(k_range[0], most), min(k_range[1], most)]
