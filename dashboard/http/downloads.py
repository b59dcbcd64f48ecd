"""Files made on the server from a job: tables, models, self-contained charts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from flask import Response, request
from werkzeug.utils import secure_filename

from compute_lambda.contract.errors import HttpError
from dashboard.analysis import Cell, JobView, cell_records, colour_record, recommend
from dashboard.analysis.updates import cell_record
from dashboard.exports import (
    bic_html,
    figure_html,
    fits_csv,
    labelled_csv,
    labelled_parquet,
    models_json,
)
from dashboard.figures import panels_figure, selected_figure
from dashboard.services.views import ViewRegistry
from dashboard.stores.base import JobRecord

if TYPE_CHECKING:
    import pandas as pd

    from dashboard.services import Services

CSV = "text/csv; charset=utf-8"
HTML = "text/html; charset=utf-8"
CRITERIA = ("bic", "icl", "aic")


class Downloads:
    """`GET /api/jobs/<id>/export/<name>`; the query says what the page shows.

    `type` and `k` choose the clustering (default: the recommended one by `criterion`), `x`
    and `y` the columns of the panels' axes, `theme=dark` the colours of the charts.
    """

    def __init__(self, services: Services, views: ViewRegistry) -> None:
        self._services = services
        self._views = views
        self._makers: dict[str, tuple[str, Callable[[JobView, JobRecord], bytes | str]]] = {
            "fits.csv": (CSV, lambda view, _record: fits_csv(view)),
            "models.json": ("application/json", _models),
            "labels.csv": (CSV, lambda view, _record: labelled_csv(self._rows(view))),
            "labels.parquet": (
                "application/vnd.apache.parquet",
                lambda view, _record: labelled_parquet(self._rows(view)),
            ),
            "bic.html": (HTML, lambda view, _record: bic_html(view, _criterion(), _dark())),
            "panels.html": (HTML, lambda view, _record: _panels_html(view)),
            "selected.html": (HTML, lambda view, _record: _selected_html(view)),
        }

    def send(self, job_id: str, name: str) -> Response:
        """The file `name` of a job, as an attachment."""
        if name not in self._makers:
            raise HttpError(
                404,
                "unknown_export",
                f"Expected one of {', '.join(self._makers)}, got “{name[:40]}”. Correct the name.",
            )
        view, record = self._views.view_and_record(job_id)
        mimetype, make = self._makers[name]
        response = Response(make(view, record), content_type=mimetype)
        stem = secure_filename(record.dataset_name.rsplit(".", 1)[0])[:60] or "centaurus"
        response.headers["Content-Disposition"] = f'attachment; filename="{stem}-{name}"'
        response.headers["Cache-Control"] = "no-store"
        return response

    def _rows(self, view: JobView) -> pd.DataFrame:
        cell = _cell(view)
        if cell.best is None or cell.preparation is None:
            raise _not_there(cell.covariance_type, cell.k)
        return self._services.scoring.labelled_rows(view.spec, cell.best, cell.preparation)


def _models(view: JobView, record: JobRecord) -> str:
    return json.dumps(models_json(view, record), indent=1, allow_nan=False)


def _panels_html(view: JobView) -> str:
    cell = _cell(view)
    columns = view.shown.columns
    x = _column(view, "x", columns[0])
    y = _column(view, "y", columns[1]) if len(columns) > 1 else None
    figure = panels_figure(
        view.shown,
        cell_records(view),
        cell.k,
        x,
        None if y == x else y,
        colour_record(view),
        criterion=_criterion(),
        dark=_dark(),
    )
    return figure_html(figure, f"Centaurus: covariance types at K = {cell.k}")


def _selected_html(view: JobView) -> str:
    cell = _cell(view)
    record = cell_record(view, cell)
    if record["model"] is None:
        raise _not_there(cell.covariance_type, cell.k)
    figure: go.Figure = selected_figure(
        view.shown, record, view.colours()[cell.key], criterion=_criterion(), dark=_dark()
    )
    return figure_html(figure, f"Centaurus: {cell.covariance_type}, K = {cell.k}")


def _cell(view: JobView) -> Cell:
    """The clustering that the request names, or the recommended one."""
    chosen, k = request.args.get("type"), request.args.get("k", "")
    if chosen is None and not k:
        best = recommend(view, _criterion())
        if best is None:
            raise HttpError(
                409,
                "no_result_yet",
                "Expected a job with a finished fit, got one without any. Wait for its first fits.",
            )
        chosen, k = best.covariance_type, str(best.k)
    cell = view.cells.get((chosen or "", int(k))) if k.isdecimal() and len(k) < 6 else None
    if cell is None:
        raise _not_there(str(chosen)[:40], k[:10])
    return cell


def _not_there(covariance_type: str, k: int | str) -> HttpError:
    return HttpError(
        404,
        "no_such_clustering",
        f"Expected a clustering that this job has finished, got {covariance_type} with K = {k}. "
        "Wait for it, or choose another one.",
    )


def _column(view: JobView, axis: str, default: str) -> str:
    name = request.args.get(axis) or default
    if name not in view.shown.columns:
        raise HttpError(
            400,
            "unknown_column",
            f"Expected {axis} to be one of the job's columns, got “{name[:80]}”. "
            "Correct it, or leave it out.",
        )
    return name


def _criterion() -> str:
    criterion = request.args.get("criterion", "bic")
    if criterion not in CRITERIA:
        raise HttpError(
            400,
            "bad_criterion",
            f"Expected bic, icl or aic, got “{criterion[:40]}”. Choose one of them.",
        )
    return criterion


def _dark() -> bool:
    return request.args.get("theme") == "dark"
