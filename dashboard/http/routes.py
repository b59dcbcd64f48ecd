"""The plain HTTP routes beside the page: polling, uploads, exports, health."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.routing import Map, Rule

from compute_lambda.contract.errors import HttpError
from dashboard.analysis import is_current, points, updates
from dashboard.http.downloads import Downloads
from dashboard.http.problems import unknown_route, wrong_method
from dashboard.services.views import ViewRegistry

if TYPE_CHECKING:
    from flask.sansio.app import App

    from dashboard.services import Services

PREFIX = "/api"
CHUNK_BYTES = 1 << 20
BYTES_PER_MB = 1_000_000
UPLOAD_TYPE = "application/octet-stream"


def api(services: Services, views: ViewRegistry) -> Blueprint:
    """All routes under `/api`, the unknown ones included: Dash answers every address that nobody
    else claims with the page itself. Errors are answered by `answer_errors`.
    """
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)
    downloads = Downloads(services, views)
    routes: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/health", lambda: health(services)),
        ("GET", "/jobs/<job_id>/updates", lambda job_id: job_updates(services, views, job_id)),
        ("GET", "/jobs/<job_id>/points", lambda job_id: jsonify(points(views.view(job_id)))),
        ("GET", "/jobs/<job_id>/export/<name>", downloads.send),
        ("POST", "/datasets", lambda: add_dataset(services)),
    ]
    for method, rule, view in routes:
        blueprint.add_url_rule(
            rule,
            f"{method} {rule}".replace(".", "_"),
            view,
            methods=[method],
            provide_automatic_options=False,  # Flask would list the methods of the rest as well
        )
    blueprint.record(lambda state: _claim_the_rest(state.app, routes))
    return blueprint


def _claim_the_rest(server: App, routes: list[tuple[str, str, Callable[..., Any]]]) -> None:
    """Every other address under `/api` with every method, and every other method of ours."""
    ours = Map([Rule(PREFIX + rule, methods=[method], endpoint=rule) for method, rule, _ in routes])

    def rest(**_: str) -> Response:
        allowed = sorted(ours.bind("", path_info=request.path).allowed_methods())
        if not allowed:
            raise unknown_route(request.path)
        known = ", ".join([*allowed, "OPTIONS"])
        if request.method == "OPTIONS":
            return Response(status=204, headers={"Allow": known})
        raise wrong_method(request.path, request.method, known)

    server.view_functions["api.rest"] = rest
    for path in (PREFIX, f"{PREFIX}/", f"{PREFIX}/<path:rest>"):
        # Without methods a rule of Werkzeug stands for all of them, which one of Flask cannot.
        server.url_map.add(Rule(path, endpoint="api.rest"))


def health(services: Services) -> Response:
    """That this process answers, for whatever watches over it; `worker` is its process id."""
    return jsonify(status="ok", backend=services.backend.label, worker=os.getpid())


def job_updates(services: Services, views: ViewRegistry, job_id: str) -> Response:
    """What is new after the client's cursor; 204 when it knows everything already."""
    after = _cursor(request.args.get("after", "0"))
    view, record = views.view_and_record(job_id)
    if is_current(view, record, after, request.args.get("state")):
        return Response(status=204)
    return jsonify(updates(view, record, after, backend=services.backend))


def add_dataset(services: Services) -> tuple[Response, int]:
    """Store the file in the request's body, `?name=` being its name; 201 with the dataset.

    The body goes to disk in chunks of 1 MB, so a large file costs no memory; the limit holds while
    it is read, whatever length the client announced.
    """
    if request.mimetype != UPLOAD_TYPE:
        # A form on another site can send text or a form, but not this type.
        raise HttpError(
            415,
            "wrong_content_type",
            f"Expected the file as the request's body with Content-Type {UPLOAD_TYPE}, got "
            f"{request.mimetype or 'none'}. Send it as it is, with that header.",
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


def _cursor(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise HttpError(
            400,
            "bad_cursor",
            f"Expected after to be a whole number, got “{text[:40]}”. "
            "Send the cursor of the answer before, or 0.",
        )
    return int(text)


def _too_large(most_mb: int) -> HttpError:
    return HttpError(
        413,
        "too_large",
        f"Expected a file of at most {most_mb} MB, got a larger one. Keep only the columns or rows "
        "that matter, or save it as Parquet, which is far smaller.",
        {"max_upload_mb": most_mb},
    )
