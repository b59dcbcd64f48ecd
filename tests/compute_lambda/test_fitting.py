"""One task on one table: rows left out, cache, interruption."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import kmeans_core
from compute_lambda import ContractError, FitResult, FitTask, fit
from compute_lambda.tables.cache import TableCache
from compute_lambda.tasks.fit.fitting import CacheKey, PreparedTable
from compute_lambda.tasks.host import Process
from kmeans_core import COVARIANCE_TYPES, KERNEL, FitBatch, SeedBank, prepare
from tests.waiting import WAIT_S

TASK = FitTask(
    dataset_id="cd" * 32,
    columns=(0, 1),
    standardise=True,
    covariance_type="diag-untied",
    n_clusters=(3,),
    experiments=(0, 1, 2),
    n_restarts=4,
    seed=3,
)


def table(n_rows: int = 150, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_rows, 2)) + 5 * rng.integers(0, 3, size=(n_rows, 1))


def prepared(n_rows: int) -> PreparedTable:
    data = prepare(table(n_rows))
    return PreparedTable(data, SeedBank(data, 0))


def key(number: int) -> CacheKey:
    return CacheKey(f"{number:064x}", (0, 1), True, 0)


def test_rows_with_a_missing_value_do_not_count() -> None:
    whole = table()
    holes = np.insert(whole, [0, 70, 150], [[np.nan, 1], [2, np.inf], [-np.inf, np.nan]], axis=0)
    result = fit(TASK, holes)
    assert result.n_rows == 150
    assert result.to_dict()["fits"] == fit(TASK, whole).to_dict()["fits"]


def test_the_result_reports_the_host() -> None:
    process = Process(worker="w", cold=True, startup_ms=5.0, memory_mb=512)
    invocation = fit(TASK, table(), request_id="r", process=process).invocation
    assert (invocation.request_id, invocation.worker, invocation.kernel) == ("r", "w", KERNEL)
    assert (invocation.cold, invocation.startup_ms, invocation.memory_mb) == (True, 5.0, 512)
    assert invocation.read_ms >= 0
    assert invocation.run_ms > 0
    assert invocation.started_at > 1.7e9


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (np.full((10, 2), np.nan), "no_rows"),
        (np.empty((0, 2)), "no_rows"),
        (table(2), "too_many_clusters"),
        (np.ones((10, 3)), "wrong_shape"),
        (np.ones(10), "wrong_shape"),
        (table() * 1e150, "unusable_data"),
    ],
)
def test_data_that_do_not_suit_the_task(columns: NDArray[np.float64], code: str) -> None:
    with pytest.raises(ContractError) as caught:
        fit(TASK, columns)
    assert caught.value.code == code


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize(
    "columns",
    [
        table() * 1e148,
        table() * 1e-300,
        np.round(table()) * 5e-324,
        table() + 1e12,
        np.ones((150, 2)),
        table() * [1.0, 0.0],
        np.repeat(table()[:, :1], 2, axis=1),
        table()[:3],
    ],
    ids=["huge", "tiny", "subnormal", "far", "constant", "half constant", "twins", "three rows"],
)
@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_odd_tables_give_results_that_can_be_sent(
    columns: NDArray[np.float64], standardise: bool, kind: str
) -> None:
    task = dataclasses.replace(
        TASK, covariance_type=kind, standardise=standardise, n_clusters=(1, 3)
    )
    result = fit(task, columns)
    sent = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert FitResult.from_dict(sent).to_dict() == result.to_dict()


def test_a_result_that_cannot_be_sent_is_refused_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def nonsense(*args: Any, **settings: Any) -> FitBatch:
        batch = kmeans_core.fit_experiments(*args, **settings)
        return dataclasses.replace(
            batch, fits=(*batch.fits[:1], dataclasses.replace(batch.fits[1], icl=math.nan))
        )

    monkeypatch.setattr(
        sys.modules["compute_lambda.tasks.fit.fitting"], "fit_experiments", nonsense
    )
    with pytest.raises(ContractError) as caught:
        fit(TASK, table())
    assert caught.value.code == "not_finite"
    assert caught.value.details == {"n_clusters": 3, "experiment": 1}


def test_a_resume_of_other_clusters_is_refused() -> None:
    stopped = fit(dataclasses.replace(TASK, n_clusters=(5,)), table(), should_stop=lambda: True)
    assert stopped.resume is not None
    with pytest.raises(ContractError) as caught:
        fit(dataclasses.replace(TASK, resume=stopped.resume), table())
    assert caught.value.code == "bad_resume"


def test_an_answer_does_not_depend_on_cutting_the_work_into_tasks() -> None:
    together = fit(TASK, table()).to_dict()["fits"]
    apart = [
        fit(dataclasses.replace(TASK, experiments=(e,)), table()).to_dict()["fits"][0]
        for e in TASK.experiments
    ]
    assert apart == together


def test_a_cached_table_is_not_read_again() -> None:
    cache, reads = TableCache(), []

    def read() -> NDArray[np.float64]:
        reads.append(1)
        return table()

    first = fit(TASK, read, cache=cache)
    second = fit(dataclasses.replace(TASK, covariance_type="full-tied"), read, cache=cache)
    assert len(reads) == 1
    assert second.n_rows == 150
    fit(dataclasses.replace(TASK, seed=4), read, cache=cache)
    fit(dataclasses.replace(TASK, standardise=False), read, cache=cache)
    assert len(reads) == 3
    assert fit(TASK, table()).to_dict()["fits"] == first.to_dict()["fits"]


def test_threads_that_ask_together_build_once() -> None:
    cache, builds = TableCache(), []
    all_asking = threading.Barrier(8, timeout=WAIT_S)
    release = threading.Event()

    def build() -> PreparedTable:
        builds.append(1)
        assert release.wait(WAIT_S)
        return prepared(20)

    def ask() -> PreparedTable:
        all_asking.wait()
        return cache.get(key(1), build)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask) for _ in range(8)]
        release.set()
        tables = {id(found.result(timeout=WAIT_S)) for found in asked}
    assert len(builds) == 1
    assert len(tables) == 1


def test_a_failed_build_is_tried_again() -> None:
    cache = TableCache()

    def fail() -> PreparedTable:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        cache.get(key(1), fail)
    assert cache.get(key(1), lambda: prepared(20)).n_rows == 20


def test_the_least_recently_used_tables_make_way() -> None:
    one = prepared(100).n_bytes
    cache, builds = TableCache(max_bytes=2 * one), []

    def get(number: int) -> None:
        def build() -> PreparedTable:
            builds.append(number)
            return prepared(100)

        cache.get(key(number), build)

    for number in (1, 2, 1, 3, 1, 2):
        get(number)
    assert builds == [1, 2, 3, 2]
    assert cache.n_bytes == 2 * one


def test_a_table_larger_than_the_cache_is_kept_until_the_next() -> None:
    cache = TableCache(max_bytes=10)
    big = cache.get(key(1), lambda: prepared(100))
    assert cache.get(key(1), lambda: prepared(100)) is big
    cache.get(key(2), lambda: prepared(50))
    assert cache.n_bytes == prepared(50).n_bytes
