"""How long a running job will still take: predicted by cost, corrected by its own speed so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dashboard.analysis.records import CellKey
from dashboard.analysis.view import JobView

if TYPE_CHECKING:
    from dashboard.planning.cost import CostModel
    from dashboard.stores.base import JobRecord

PRIOR_S = 1.0
"""The prediction counts as much as so many seconds of observation."""

CLOCKS_S = 1.0
"""How far the clock of a worker may be behind that of the store."""

LEAST_SHARE = 0.1
"""Of the time left that is always shown, however long the next task has been waited for."""


class Speed(Protocol):
    """What is asked of a backend."""

    @property
    def concurrency(self) -> int: ...

    @property
    def costs(self) -> CostModel: ...


def remaining_s(view: JobView, record: JobRecord, backend: Speed, now: float) -> float | None:
    """Seconds until the job ends, at `now` (Unix time); None when it is not running.

    Work is counted in predicted milliseconds. Its speed is `concurrency` at first, and then what
    was computed between the start and the end of the last task that is in. Tasks remembered from
    earlier jobs say nothing about it. Failed tasks are not run again and are not waited for.
    """
    if record.state != "running" or record.started_at is None:
        return None
    with view.lock:
        known_ms = _experiments_ms(view, backend.costs)
        left_ms = _left_ms(view, known_ms)
        done_ms, last_end = _computed(view, known_ms, record.started_at)
    observed_s = min(last_end, now) - record.started_at
    speed = (backend.concurrency * PRIOR_S + done_ms / 1e3) / (PRIOR_S + max(0.0, observed_s))
    all_s = left_ms / 1e3 / speed
    waited_s = max(0.0, now - max(last_end, record.started_at))
    return max(all_s - waited_s, LEAST_SHARE * all_s)


def _experiments_ms(view: JobView, costs: CostModel) -> dict[CellKey, float]:
    """Predicted milliseconds of one experiment of every cell; remembered."""
    remembered = view.memory.get("experiments_ms")
    if remembered is None or remembered[0] != costs:
        spec, n_rows, d = view.spec, view.n_rows, len(view.spec.columns)
        table = {
            (kind, k): costs.experiment_ms(kind, k, n_rows, d, spec.n_restarts, spec.max_iter)
            for kind in spec.covariance_types
            for k in spec.k_values
        }
        remembered = view.memory["experiments_ms"] = costs, table
    found: dict[CellKey, float] = remembered[1]
    return found


def _left_ms(view: JobView, known_ms: dict[CellKey, float]) -> float:
    cells = view.cells
    n_left = {
        key: view.spec.n_experiments - (cells[key].n if key in cells else 0) for key in known_ms
    }
    for failure in view.failures.values():
        details = failure.error.get("details") or {}
        for k in details.get("n_clusters") or ():
            key = details.get("covariance_type"), k
            if key in n_left:
                n_left[key] -= len(details.get("experiments") or ())
    return sum(max(0, n_left[key]) * ms for key, ms in known_ms.items())


def _computed(
    view: JobView, known_ms: dict[CellKey, float], started_at: float
) -> tuple[float, float]:
    """Predicted milliseconds of what was computed since `started_at`, and when the last one ended.

    Goes on from where it was at the last call.
    """
    remembered = view.memory.get("computed")
    if remembered is None or remembered[0] != (started_at, id(known_ms)):
        remembered = (started_at, id(known_ms)), 0, 0.0, started_at
    key, n_seen, done_ms, last_end = remembered
    for timing in view.timings(n_seen):
        n_seen += 1
        if timing.started_at >= started_at - CLOCKS_S:
            done_ms += sum(n * known_ms.get(cell, 0.0) for cell, n in timing.n_experiments.items())
            last_end = max(last_end, timing.ended_at)
    view.memory["computed"] = key, n_seen, done_ms, last_end
    return done_ms, last_end
