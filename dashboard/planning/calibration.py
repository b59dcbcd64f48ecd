"""The cost model of this machine: measured once, then remembered in the data directory.

The file is keyed by the kernel and the machine, so a data directory that moves, or a compiled
kernel that is installed later, is measured again. A file that cannot be read counts as missing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import platform
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from compute_lambda import FitTask, fit
from compute_lambda.tables.cache import TableCache
from dashboard.planning.cost import CostModel, default_costs
from kmeans_core import KERNEL, CovarianceType

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

REPETITIONS = 3
"""Least number of measurements of each kind; the smallest one counts."""

PATIENCE_S = 0.012
"""How long each kind of measurement may be repeated, unless REPETITIONS take longer."""

BOOKKEEPING_MS = 1.5
"""Per task outside the fit: its event, its JSON, the store and the memo. Measured as a whole job's
CPU time less that of its fits."""

LOCK_S = 5.0
"""How long a process waits for another one that is measuring, which takes a fraction of it."""

LARGEST, SMALLEST = 1e6, 1e-3
"""A constant outside of these, or NaN, was not measured: the file is damaged."""

_VERSION = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Case:
    """A fit of uniform noise that ends after `n_iter` iterations, long before it would converge."""

    covariance_type: str
    n_rows: int
    d: int
    k: int
    n_experiments: int
    n_restarts: int
    n_iter: int

    @property
    def n_fits(self) -> int:
        """Runs of the iteration."""
        return self.n_experiments * self.n_restarts

    @property
    def n_restart_iterations(self) -> int:
        """Iterations of all of them together."""
        return self.n_fits * self.n_iter

    @property
    def n_pairs(self) -> int:
        """Pairs of a row and a cluster that are looked at."""
        return self.n_restart_iterations * self.n_rows * self.k

    @property
    def n_features(self) -> int:
        """Features of each pair."""
        return CovarianceType.of(self.covariance_type).n_features(self.d)


_EMPTY = _Case("spher-untied", 32, 2, 2, 1, 1, 1)
"""Hardly any work, so that what every task costs remains. All cases are of untied types: they leave
no cluster empty on noise, and filling those again has a price of its own."""

_RESTARTS = _Case("full-untied", 96, 2, 4, 4, 8, 1)
"""Many restarts on few points, with one iteration."""

_ITERATIONS = _Case("full-untied", 96, 2, 4, 4, 8, 4)
"""The same with several iterations."""

_FEW_FEATURES = _Case("spher-untied", 1_000, 2, 8, 1, 12, 12)
"""Many points with few features, but too few points for boxes."""

_MANY_FEATURES = _Case("full-untied", 1_000, 6, 8, 1, 12, 12)
"""The same with many features."""

_BOXES = _Case("spher-untied", 3_000, 2, 8, 1, 8, 12)
"""Many points, arranged in boxes."""


def calibrate() -> CostModel:
    """Measure `compute_lambda.fit` on seeded tables of this process; takes 0.05 to 0.2 s.

    CPU time of one thread is measured, so that other programs on the machine matter little.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        empty, restarts, iterations, few, many, boxes = (
            _least_ms(case)
            for case in (_EMPTY, _RESTARTS, _ITERATIONS, _FEW_FEATURES, _MANY_FEATURES, _BOXES)
        )
    more = _ITERATIONS.n_restart_iterations - _RESTARTS.n_restart_iterations
    iteration_ms = max(iterations - restarts, 0.0) / more
    restart_ms = max(restarts - empty, 0.0) / _RESTARTS.n_fits

    def pair_ns(case: _Case, total_ms: float) -> float:
        own_ms = total_ms - empty - restart_ms * case.n_fits
        own_ms -= iteration_ms * (case.n_restart_iterations - case.n_fits)
        # A noisy overhead must not eat up what the pairs cost.
        return max(own_ms, 0.25 * total_ms) * 1e6 / case.n_pairs

    few_ns, many_ns = pair_ns(_FEW_FEATURES, few), pair_ns(_MANY_FEATURES, many)
    feature_ns = (many_ns - few_ns) / (_MANY_FEATURES.n_features - _FEW_FEATURES.n_features)
    feature_ns = max(feature_ns, 0.01 * few_ns)
    return CostModel(
        pair_ns=max(few_ns - feature_ns * _FEW_FEATURES.n_features, 0.2 * few_ns),
        feature_ns=feature_ns,
        iteration_us=max(iteration_ms * 1e3, 0.1),
        task_ms=empty + BOOKKEEPING_MS,
        restart_us=max((restart_ms - iteration_ms) * 1e3, 0.1),
        box_share=min(max(pair_ns(_BOXES, boxes) / few_ns, 0.1), 1.0),
    ).rounded()


def costs_of_this_machine(
    directory: Path, measure: Callable[[], CostModel] = calibrate
) -> CostModel:
    """The model remembered in `directory`; measured and remembered the first time.

    Never raises: without a measurement the kernel's defaults are used, and a file that cannot be
    written is only logged.
    """
    facts = machine_facts()
    path = directory / f"costs-{_key(facts)}.json"
    known = _read(path, facts)
    if known is not None:
        return known
    # Several servers that start at once must not disturb each other's measurement, and must come
    # to the same model: tasks are cut by it.
    with _alone(directory):
        known = _read(path, facts)
        if known is not None:
            return known
        try:
            measured = measure()
        except Exception:
            _log.exception("The speed of this machine could not be measured; using defaults")
            return default_costs()
        try:
            return _write(path, facts, measured)
        except OSError as error:
            _log.warning("The speed of this machine could not be remembered in %s: %s", path, error)
            return measured


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One process at a time, where directories can be locked; for LOCK_S the others wait.

    The lock ends with its process.
    """
    if fcntl is None:
        yield
        return
    lock = -1
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory, os.O_RDONLY)
        _lock(lock)
    except OSError as error:
        _log.warning("Measuring without a lock on %s: %s", directory, error)
    try:
        yield
    finally:
        if lock >= 0:
            os.close(lock)


def _lock(descriptor: int) -> None:
    give_up_at = time.monotonic() + LOCK_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)


def machine_facts() -> dict[str, str]:
    """What the speed depends on: kernel, processor and number of cores."""
    return {
        "kernel": KERNEL,
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2] for line in text.splitlines() if line.startswith("model name"))
    return next(names, platform.processor()).strip()


def _key(facts: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:10]


def _least_ms(case: _Case) -> float:
    """Smallest CPU time of the fit; data and seeds are prepared before."""
    task = FitTask(
        dataset_id="0" * 64,
        columns=tuple(range(case.d)),
        standardise=True,
        covariance_type=case.covariance_type,
        n_clusters=(case.k,),
        experiments=tuple(range(case.n_experiments)),
        n_restarts=case.n_restarts,
        seed=0,
        max_iter=case.n_iter,
    )
    table = np.random.default_rng(0).random((case.n_rows, case.d))
    cache = TableCache()
    fit(task, table, cache=cache)
    taken_ms: list[float] = []
    give_up_at = time.perf_counter() + PATIENCE_S
    while len(taken_ms) < REPETITIONS or time.perf_counter() < give_up_at:
        began = time.thread_time()
        fit(task, table, cache=cache)
        taken_ms.append((time.thread_time() - began) * 1e3)
    return min(taken_ms)


def _read(path: Path, facts: dict[str, str]) -> CostModel | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["version"] != _VERSION or raw["machine"] != facts:
            return None
        names = [field.name for field in dataclasses.fields(CostModel)]
        values = {name: float(raw["costs"][name]) for name in names}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("Measuring the speed of this machine again, %s is damaged: %s", path, error)
        return None
    if not all(SMALLEST <= value <= LARGEST for value in values.values()):
        _log.warning("Measuring the speed of this machine again, %s is damaged: %s", path, values)
        return None
    # Rounded again: a power that lost its last digit on the way would be another model.
    return CostModel(**values).rounded()


def _write(path: Path, facts: dict[str, str], model: CostModel) -> CostModel:
    """Remember `model`, unless another process was quicker: then its model. Raises OSError."""
    record = {"version": _VERSION, "machine": facts, "costs": dataclasses.asdict(model)}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    new.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    try:
        quicker = _read(path, facts)
        if quicker is not None:
            return quicker
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
    return model
