"""The plain HTTP routes beside the page: polling, uploads, exports, health."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from compute_lambda.contract.errors import ReportedError
from dashboard.analysis import is_current, points, updates
from dashboard.datasets import DatasetError
from dashboard.http.downloads import Downloads
from dashboard.http.problems import RequestError, error_response, unexpected_response
from dashboard.services.views import UnknownJobError, ViewRegistry
from dashboard.stores.base import StoreError

if TYPE_CHECKING:
    from dashboard.services import Services

CHUNK_BYTES = 1 << 20
BYTES_PER_MB = 1_000_000
UPLOAD_TYPE = "application/octet-stream"


def api(services: Services, views: ViewRegistry) -> Blueprint:
    """All routes under ``/api``; every error has the one JSON shape."""
    blueprint = Blueprint("api", __name__, url_prefix="/api")
    downloads = Downloads(services, views)
    routes: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/health", lambda: health(services)),
        ("GET", "/jobs/<job_id>/updates", lambda job_id: job_updates(services, views, job_id)),
        ("GET", "/jobs/<job_id>/points", lambda job_id: jsonify(points(views.view(job_id)))),
        ("GET", "/jobs/<job_id>/export/<name>", downloads.send),
        ("POST", "/datasets", lambda: add_dataset(services)),
        # Dash answers every address that nobody else claims with the page itself.
        ("GET", "/<path:rest>", _no_such_route),
    ]
    for method, rule, view in routes:
        blueprint.add_url_rule(rule, f"{method} {rule}".replace(".", "_"), view, methods=[method])
    blueprint.register_error_handler(RequestError, error_response)
    blueprint.register_error_handler(UnknownJobError, _unknown_job)
    blueprint.register_error_handler(DatasetError, _dataset_error)
    blueprint.register_error_handler(ReportedError, _reported)
    blueprint.register_error_handler(StoreError, _store_error)
    blueprint.register_error_handler(Exception, unexpected_response)
    return blueprint


def health(services: Services) -> Response:
    """That this process answers, for whatever watches over it; ``worker`` is its process id."""
    return jsonify(status="ok", backend=services.backend.label, worker=os.getpid())


def job_updates(services: Services, views: ViewRegistry, job_id: str) -> Response:
    """What is new after the client's cursor; 204 when it knows everything already."""
    after = _cursor(request.args.get("after", "0"))
    view, record = views.view_and_record(job_id)
    if is_current(view, record, after, request.args.get("state")):
        return Response(status=204)
    return jsonify(updates(view, record, after, backend=services.backend))


def add_dataset(services: Services) -> tuple[Response, int]:
    """Store the file in the request's body, ``?name=`` being its name; 201 with the dataset.

    The body goes to disk in chunks of 1 MB, so a large file costs no memory; the limit holds while
    it is read, whatever length the client announced.
    """
    if request.mimetype != UPLOAD_TYPE:
        # A form on another site can send text or a form, but not this type.
        raise RequestError(
            415,
            "wrong_content_type",
            f"Expected the file as the request's body with Content-Type {UPLOAD_TYPE}, got "
            f"{request.mimetype or 'none'}.",
        )
    most_mb = services.settings.max_upload_mb
    name = request.args.get("name", "").strip()[:200] or "table.csv"
    if (request.content_length or 0) > most_mb * BYTES_PER_MB:
        raise _too_large(most_mb)
    incoming = Path(services.settings.data_dir) / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=incoming, prefix="upload-") as file:
        received = 0
        while chunk := request.stream.read(CHUNK_BYTES):
            received += len(chunk)
            if received > most_mb * BYTES_PER_MB:
                raise _too_large(most_mb)
            file.write(chunk)
        file.flush()
        dataset = services.catalogue.add_file(Path(file.name), name)
    return jsonify(
        dataset={
            "dataset_id": dataset.dataset_id,
            "name": dataset.name,
            "n_rows": dataset.n_rows,
            "columns": [column.name for column in dataset.columns],
            "default_columns": list(dataset.default_columns),
            "notes": list(dataset.notes),
        }
    ), 201


def _no_such_route(rest: str) -> Response:
    raise RequestError(
        404, "unknown_route", f"Expected a route of this server, got “/api/{rest[:80]}”."
    )


def _cursor(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise RequestError(
            400, "bad_cursor", f"Expected after to be a whole number, got “{text[:40]}”."
        )
    return int(text)


def _too_large(most_mb: int) -> RequestError:
    return RequestError(
        413,
        "too_large",
        f"Expected a file of at most {most_mb} MB, got a larger one. Keep only the columns or rows "
        "that matter, or save it as Parquet, which is far smaller.",
        max_upload_mb=most_mb,
    )


def _unknown_job(error: UnknownJobError) -> Response:
    job_id = str(error.args[0])[:64] if error.args else ""
    return error_response(
        RequestError(
            404,
            "unknown_job",
            f"Expected a job of this installation, got “{job_id}”, which it does not have. It may "
            "have been deleted; the Jobs page lists all there are.",
        )
    )


def _reported(error: ReportedError) -> Response:
    """AWS refuses or cannot be reached, or a fit did; the message is for people already."""
    return error_response(RequestError(error.status, error.code, error.message, **error.details))


def _store_error(error: StoreError) -> Response:
    return error_response(RequestError(503, "store_unavailable", str(error)))


def _dataset_error(error: DatasetError) -> Response:
    status = 404 if error.code == "unknown_dataset" else 422
    return error_response(RequestError(status, error.code, error.message))
