"""Peak memory of a fit against the size of the data.

    python -m benchmarks.memory [--rows 100000,1000000,10000000]

Each fit runs in a process of its own, on columns that it makes itself. What counts is the peak of
its resident memory less what it had before the data: while the data are prepared, with the caller's
table still there, and, that table gone, during the fit. Allowed for the fit: the data once, column
by column, 10 bytes per row and restart that is under way, and 64 MB; restarts of many rows run in
waves.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from benchmarks.rig.machine import headline
from benchmarks.rig.soil_table import overlapping_groups
from kmeans_core import fit_experiments, prepare
from kmeans_core.fitting import experiments
from kmeans_core.model.covariance import CovarianceType

D, N_CLUSTERS, N_RESTARTS = 5, 8, 8
MB = 1e6
STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_mb() -> float:
    """The largest resident memory of this process since `forget_peak`, or of its whole life."""
    try:
        lines = STATUS.read_text().splitlines()
        kb = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB
    return kb * 1024 / MB


def forget_peak() -> None:
    """Begin a new peak where the system can (Linux); elsewhere peaks of later steps are bounds."""
    with suppress(OSError):
        FORGET.write_text("5")


def under_way(n_rows: int) -> int:
    """Restarts that one wave of the fit has, as `experiments.run_in_groups` cuts them."""
    work = n_rows * N_CLUSTERS * CovarianceType.of("full-untied").n_features(D)
    fitting = max(experiments._LEAST_TOGETHER, experiments._WORK_PER_ITERATION // work)
    return min(N_RESTARTS, fitting)


def measure(n_rows: int) -> dict[str, float]:
    """Of this process: before the data, with the data, preparing them, during the fit."""
    fit_experiments(prepare(overlapping_groups(100, D).T), "full-untied", [2], [0], 1)
    forget_peak()
    peaks = {"before": peak_mb()}
    columns = overlapping_groups(n_rows, D)
    peaks["data"] = peak_mb()
    forget_peak()
    prepared = prepare(columns.T)
    peaks["prepare"] = peak_mb()
    del columns
    forget_peak()
    fit_experiments(prepared, "full-untied", [N_CLUSTERS], [0], N_RESTARTS, max_iter=3)
    peaks["fit"] = peak_mb()
    return peaks


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="100000,1000000,10000000")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        print(json.dumps(measure(options.measure)))
        return
    print("| rows | data, MB | peak of making them | of preparing | of the fit | allowed |")
    print("|---|---|---|---|---|---|")
    for n_rows in map(int, options.rows.split(",")):
        command = [sys.executable, "-m", "benchmarks.memory", "--measure", str(n_rows)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        peaks = json.loads(done.stdout)
        data, prepared, fit = (peaks[name] - peaks["before"] for name in ("data", "prepare", "fit"))
        allowed = (8 * D + 10 * under_way(n_rows)) * n_rows / MB + 64
        print(
            f"| {n_rows:,} | {8 * D * n_rows / MB:.0f} | {data:.0f} | {prepared:.0f} | {fit:.0f}"
            f" | {allowed:.0f} |",
            flush=True,
        )
    headline(
        f"peak memory, d = {D}, {N_RESTARTS} restarts, up to {n_rows:.0e} rows",
        f"{fit:.0f} MB for {8 * D * n_rows / MB:.0f} MB of data; {prepared:.0f} MB to prepare",
        f"{allowed:.0f} MB",
    )


if __name__ == "__main__":
    main()
