"""How long the default job takes on this machine: 6 types, K = 1 to 10, 10 x 10 restarts.

    python -m benchmarks.default_job [--runs 3] [--threads 2]

The way of a real job: the simulated soil field (3,080 rows, two columns), planned, computed by
the local backend, recorded in SQLite, in a fresh data directory each time, with no page open.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.rig.machine import headline
from dashboard.planning.spec import JobSpec
from dashboard.services import build_services
from dashboard.settings import Settings

LIMIT_S = 600


def run_once(n_threads: int) -> tuple[float, float, int]:
    """Seconds to the first recorded outcome, seconds to the end, number of fits."""
    with tempfile.TemporaryDirectory(prefix="default-job-") as directory:
        services = build_services(Settings(data_dir=Path(directory), n_threads=n_threads))
        try:
            dataset = services.catalogue.ensure_builtins()[0]
            spec = JobSpec(dataset.dataset_id, dataset.default_columns)
            started = time.perf_counter()
            job_id = services.jobs.submit(spec).job_id
            while not services.store.outcomes(job_id, limit=1).outcomes:
                time.sleep(0.005)
            first_s = time.perf_counter() - started
            record = services.jobs.wait(job_id, LIMIT_S)
            total_s = time.perf_counter() - started
            if record is None or record.state != "done" or record.n_failed:
                raise RuntimeError(f"Expected a finished job without failures, got {record}.")
            return first_s, total_s, record.n_units
        finally:
            services.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    runs = [run_once(options.threads) for _ in range(options.runs)]
    first_s = statistics.median(run[0] for run in runs)
    total_s = statistics.median(run[1] for run in runs)
    n_fits = runs[0][2]
    print(
        f"default job, {n_fits:,} fits, {options.threads} threads: {total_s:.2f} s in all, first "
        f"result recorded after {first_s:.2f} s (medians of {options.runs} runs)",
        flush=True,
    )
    headline(
        f"default job, {n_fits:,} fits, planned, computed and recorded, {options.threads} threads",
        f"{total_s:.2f} s; first result after {first_s:.2f} s",
        "1.5 s",
    )


if __name__ == "__main__":
    main()
