"""`analyse`: a table in, the best clustering out, through the same job as on the page."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from dashboard.analysis.view import JobView
from dashboard.cli.report import Report, write_files
from dashboard.datasets import Dataset, DatasetError
from dashboard.planning.spec import JobSpec
from dashboard.services import Services, build_services
from dashboard.settings import Settings
from dashboard.stores.base import JobRecord

EXIT_OK, EXIT_FAILURE, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
PROGRESS_S = 0.1
"""How often the progress bar moves, in seconds."""
CANCEL_S = 15.0
"""A cancelled job ends within moments, at the latest after this many seconds."""


def analyse(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the job that `arguments` describe; the exit status.

    Raises DatasetError and SpecError for data and settings that cannot be used, StoreError and
    OSError when the data directory cannot.
    """
    # Stopped by a service manager or by Ctrl-C: the same orderly end.
    signal.signal(signal.SIGTERM, _interrupt)
    _check_file(arguments.file)
    out = arguments.out or Path(f"{_stem(arguments.file)}_centaurus")
    is_new = not out.exists()
    if not _make_directory(out):
        return EXIT_USAGE
    try:
        return _run(arguments, settings, out)
    finally:
        if is_new:
            with contextlib.suppress(OSError):  # there are results in it
                out.rmdir()


def _run(arguments: argparse.Namespace, settings: Settings, out: Path) -> int:
    services = build_services(settings)
    try:
        dataset = services.catalogue.add_file(arguments.file, arguments.file.name)
        spec = _spec(arguments, dataset)
        _announce(services, spec)
        record = services.jobs.submit(spec, spending_cap_usd=services.spending_cap_usd)
        try:
            record = _follow(services, record)
        except KeyboardInterrupt:
            return _interrupted(services, record.job_id)
        return _finish(services, dataset, record, arguments, out)
    finally:
        services.close()


def _spec(arguments: argparse.Namespace, dataset: Dataset) -> JobSpec:
    k_min, k_max = arguments.k
    return JobSpec.from_dict(
        {
            "dataset_id": dataset.dataset_id,
            "columns": list(arguments.columns or dataset.default_columns),
            "standardise": arguments.standardise,
            "k_min": k_min,
            "k_max": k_max,
            "covariance_types": list(arguments.types),
            "n_experiments": arguments.experiments,
            "n_restarts": arguments.restarts,
            "min_members": arguments.min_members,
            "seed": arguments.seed,
            "distance": arguments.distance,
        }
    )


def _announce(services: Services, spec: JobSpec) -> None:
    """Say what the job will take, to people and wherever it costs money; nothing when it is done.

    Raises DatasetError and SpecError when it cannot be run.
    """
    quote = services.jobs.quote(spec)
    known = services.store.job(spec.job_id)
    if known is not None and known.state == "done" and not known.n_failed:
        return
    if services.costs_money or sys.stderr.isatty():
        print(quote.sentence(services.spending_cap_usd), file=sys.stderr)


def _follow(services: Services, record: JobRecord) -> JobRecord:
    """Wait for the end, with a progress bar on a terminal."""
    with tqdm(
        total=record.n_units,
        unit=" fits",
        unit_scale=False,
        leave=False,
        disable=not sys.stderr.isatty(),
    ) as bar:
        while True:
            now = services.jobs.wait(record.job_id, PROGRESS_S)
            if now is None:
                raise DatasetError("deleted", "The job was deleted on the page while it ran.")
            bar.update(now.n_units_done - bar.n)
            if now.finished:
                return now


def _interrupted(services: Services, job_id: str) -> int:
    here = services.jobs.runs_here(job_id)
    if here:
        services.jobs.cancel(job_id)
    record = services.jobs.wait(job_id, CANCEL_S if here else 0.0)
    n_done, n_fits = (record.n_units_done, record.n_units) if record else (0, 0)
    if here:
        end = "Run the same command again to go on from there."
    else:
        end = "The job goes on in the process that runs it; run the same command to wait for it."
    print(f"\nInterrupted after {n_done:,} of {n_fits:,} fits. {end}", file=sys.stderr)
    return EXIT_INTERRUPTED


def _finish(
    services: Services,
    dataset: Dataset,
    record: JobRecord,
    arguments: argparse.Namespace,
    out: Path,
) -> int:
    if record.state != "done":
        reason = record.error or (
            f"The job was cancelled after {record.n_units_done:,} of {record.n_units:,} fits. Run "
            "the same command again to go on from there."
        )
        print(reason, file=sys.stderr)
        return EXIT_FAILURE
    view = _view(services, record)
    report = Report.of(view, record, dataset, arguments.criterion)
    files = write_files(report, view, services.scoring, out)
    print(report.as_json(files) if arguments.json else report.as_text(files))
    if report.problem:
        print(report.problem, file=sys.stderr)
        return EXIT_FAILURE
    return EXIT_OK


def _view(services: Services, record: JobRecord) -> JobView:
    view = JobView(services.catalogue, record.analysis)
    cursor = 0
    while True:
        page = services.store.outcomes(record.job_id, after=cursor)
        if not page.outcomes:
            return view
        view.absorb(page.outcomes)
        cursor = page.cursor


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise DatasetError(
            "not_a_file", f'Expected a table, got the directory "{path}". Give one of its files.'
        )
    if not path.exists():
        raise DatasetError("no_file", f'There is no file "{path}". Check the path.')


def _make_directory(out: Path) -> bool:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(
            f'Cannot write results to "{out}": {error.strerror}. Choose another directory with '
            "--out.",
            file=sys.stderr,
        )
        return False
    return True


def _stem(path: Path) -> str:
    """The file's name without .csv, .csv.gz, ..."""
    name = path.name.removesuffix(".gz")
    return Path(name).stem or "table"


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
