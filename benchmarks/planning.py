"""How well costs are predicted, and how long the tasks are that the plan makes of them.

    python -m benchmarks.planning [--threads 2] [--jobs small,default,large]

Three jobs on the local backend, planned and recorded as real ones, each in a fresh data directory:
*small*, 150 rows x 4 columns (Iris) with three experiments; *default*, what a first visit runs;
*large*, 200,000 rows x 5 columns around eight overlapping centres, one experiment with three
restarts. The constants of this machine are measured anew at the start.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compute_lambda import Invocation
from dashboard.datasets import Dataset, DatasetCatalogue
from dashboard.planning.calibration import calibrate
from dashboard.planning.spec import JobSpec
from dashboard.services import Services, build_services
from dashboard.settings import Settings
from kmeans_core import KERNEL

JOBS = ("small", "default", "large")
LIMIT_S = 600
LARGE_ROWS, LARGE_COLUMNS = 200_000, 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """One job: seconds predicted and taken, until its first result, and milliseconds per task.

    `cpu_s` is the processor time of the job; where other programs share the cores, a run takes
    longer than `cpu_s` divided by the number of threads.
    """

    n_fits: int
    predicted_s: float
    first_s: float
    taken_s: float
    cpu_s: float
    tasks_ms: np.ndarray


def spec_of(name: str, catalogue: DatasetCatalogue, directory: Path) -> JobSpec:
    """The job called `name`; makes its dataset."""
    built_in = catalogue.ensure_builtins()
    if name == "default":
        return JobSpec(built_in[0].dataset_id, built_in[0].default_columns)
    if name == "small":
        iris = next(dataset for dataset in built_in if dataset.name.startswith("Iris"))
        return JobSpec(iris.dataset_id, iris.default_columns, n_experiments=3)
    large = _large(catalogue, directory)
    return JobSpec(large.dataset_id, large.default_columns, n_experiments=1, n_restarts=3)


def _large(catalogue: DatasetCatalogue, directory: Path) -> Dataset:
    rng = np.random.default_rng(0)
    centres = 3.0 * rng.normal(size=(8, LARGE_COLUMNS))
    rows = centres[rng.integers(8, size=LARGE_ROWS)] + rng.normal(size=(LARGE_ROWS, LARGE_COLUMNS))
    path = directory / "large.csv"
    np.savetxt(path, rows, fmt="%.6g", delimiter=",", header="a,b,c,d,e", comments="")
    return catalogue.add_file(path, path.name)


def run(name: str, n_threads: int) -> Outcome:
    """Run one job from nothing."""
    with tempfile.TemporaryDirectory(prefix="planning-") as directory:
        root = Path(directory)
        services = build_services(Settings(data_dir=root / "data", n_threads=n_threads))
        try:
            spec = spec_of(name, services.catalogue, root)
            predicted_s = services.jobs.quote(spec).seconds
            began, cpu_began = time.perf_counter(), time.process_time()
            job_id = services.jobs.submit(spec).job_id
            while not services.store.outcomes(job_id, limit=1).outcomes:
                if time.perf_counter() - began > LIMIT_S:
                    raise TimeoutError(f"No result within {LIMIT_S} s.")
                time.sleep(0.005)
            first_s = time.perf_counter() - began
            record = services.jobs.wait(job_id, LIMIT_S)
            taken_s = time.perf_counter() - began
            cpu_s = time.process_time() - cpu_began
            if record is None or record.state != "done" or record.n_failed:
                raise RuntimeError(f"Expected a finished job without failures, got {record}.")
            tasks_ms = np.array([one.read_ms + one.run_ms for one in invocations(services, job_id)])
            return Outcome(record.n_units, predicted_s, first_s, taken_s, cpu_s, tasks_ms)
        finally:
            services.close()


def invocations(services: Services, job_id: str) -> list[Invocation]:
    """Of all tasks of a job, in the order in which they were recorded."""
    found: list[Invocation] = []
    cursor = 0
    while True:
        page = services.store.outcomes(job_id, after=cursor)
        if not page.outcomes:
            return found
        found += [one.result.invocation for one in page.outcomes if one.result is not None]
        cursor = page.cursor


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--jobs", default=",".join(JOBS))
    options = parser.parse_args()
    began = time.perf_counter()
    model = calibrate()
    print(
        f"planning, kernel {KERNEL}, measured in {time.perf_counter() - began:.2f} s:"
        f" {model.pair_ns:.3g} ns per pair, {model.feature_ns:.3g} ns per pair and feature,"
        f" {model.iteration_us:.3g} us per iteration, {model.restart_us:.3g} us per restart,"
        f" {model.task_ms:.3g} ms per task",
        flush=True,
    )
    for name in options.jobs.split(","):
        outcome = run(name, options.threads)
        low, middle, high = np.percentile(outcome.tasks_ms, [5, 50, 95])
        print(
            f"{name} job, {outcome.n_units:,} fits, {options.threads} threads: predicted"
            f" {outcome.predicted_s:.2f} s, took {outcome.taken_s:.2f} s ({outcome.cpu_s:.2f} s of"
            f" processor time), first result after {outcome.first_s:.2f} s;"
            f" {len(outcome.tasks_ms)} tasks of {low:.0f} / {middle:.0f} / {high:.0f} ms"
            " (p5 / median / p95)",
            flush=True,
        )


if __name__ == "__main__":
    main()
