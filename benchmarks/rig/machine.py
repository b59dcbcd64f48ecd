"""This machine in one line, and timings of several programs side by side.

Work of one thread is timed in processor time: other programs on the machine hardly matter then.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from threadpoolctl import threadpool_limits

from kmeans_core import KERNEL

HEADLINE = "headline: "
"""What begins a line that `python -m benchmarks` gathers into its table."""


def processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.machine()).strip()


def description() -> str:
    """Processor, cores, Python, kernel and how busy the machine is."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return (
        f"{processor()} ({platform.machine()}), {os.cpu_count()} cores,"
        f" Python {platform.python_version()}, kernel {KERNEL}; load average {load}"
    )


def headline(what: str, measured: str, wanted: str = "") -> None:
    """Print one row of the table that the README carries."""
    print(f"{HEADLINE}{what} | {measured} | {wanted}".rstrip(), flush=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP keep to one thread."""
    with threadpool_limits(limits=1):
        yield


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of processor time that one call takes, all threads added up."""
    began = time.process_time()
    work()
    return time.process_time() - began


def wall_s(work: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def side_by_side(
    programs: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[Callable[[], object]], float] = cpu_s,
) -> dict[str, float]:
    """Median seconds of each program over `rounds`; they take turns, after one round unmeasured
    when rounds > 1."""
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + (rounds > 1)):
        for name, program in programs.items():
            gc.collect()
            seconds = clock(program)
            if number or rounds == 1:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def repeated_s(work: Callable[[], object], at_least_s: float = 0.2) -> float:
    """Processor time of one call of something short: the median of five batches."""
    work()
    n_calls = max(1, round(at_least_s / 5 / max(cpu_s(work), 1e-7)))

    def batch() -> None:
        for _ in range(n_calls):
            work()

    return statistics.median(cpu_s(batch) for _ in range(5)) / n_calls
