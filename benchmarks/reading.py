"""How long it takes to read a table that is uploaded, and how much memory the process needs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.rig.machine import headline

N_ROWS, N_COLUMNS, N_RUNS = 1_000_000, 6, 3
AIM = "5 s, 500 MB"
_CHILD = """
import resource, sys, time
from pathlib import Path
from dashboard.datasets.reading.files import read_file
path = Path(sys.argv[1])
before = time.perf_counter()
read_file(path, path.name, path.with_suffix(".rows"), path.with_suffix(".npy"))
print(time.perf_counter() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def write_table(path: Path, n_rows: int, delimiter: str = ",", decimal: str = ".") -> None:
    """A table of `N_COLUMNS` columns with two decimals each, and a text column."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(delimiter.join(["plot", *(f"m{i}" for i in range(N_COLUMNS))]) + "\n")
        for start in range(0, n_rows, 50_000):
            block = rng.normal(30.0, 9.0, (min(50_000, n_rows - start), N_COLUMNS))
            for row in np.round(block, 2).tolist():
                cells = delimiter.join(f"{value:.2f}".replace(".", decimal) for value in row)
                file.write(f"p{start}{delimiter}{cells}\n")


def measure(path: Path) -> tuple[float, float]:
    """Seconds and megabytes at most, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)], capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


def main() -> None:
    """Print one line per way to write the table."""
    with tempfile.TemporaryDirectory() as directory:
        for name, delimiter, decimal in (("CSV", ",", "."), ("decimal commas", ";", ",")):
            path = Path(directory) / "table.csv"
            write_table(path, N_ROWS, delimiter, decimal)
            runs = [measure(path) for _ in range(N_RUNS)]
            seconds, megabytes = (statistics.median(each) for each in zip(*runs, strict=True))
            size = path.stat().st_size / 2**20
            what = f"reading {N_ROWS:,} x {N_COLUMNS} ({name}, {size:.0f} MB)"
            headline(what, f"{seconds:.1f} s, {megabytes:.0f} MB", AIM)


if __name__ == "__main__":
    main()
