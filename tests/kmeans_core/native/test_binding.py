"""What stands between Python's arrays and C: checks, the choice of a kernel, exact functions."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from kmeans_core import kernels, prepare
from kmeans_core.fitting.experiments import states_from_centres
from kmeans_core.fitting.lloyd import _start, problem_of
from kmeans_core.kernels.native import library
from kmeans_core.kernels.native.binding import NativeKernel
from kmeans_core.model.components import Components
from kmeans_core.model.covariance import CovarianceType
from tests.waiting import WAIT_S

try:
    _NATIVE = NativeKernel(library.load())
except OSError:
    pytest.skip("the compiled kernel (apt-get install gcc, then make)", allow_module_level=True)

KIND = CovarianceType.of("diag-untied")


def _arguments(n: int = 50, k: int = 3) -> dict:
    rng = np.random.default_rng(0)
    return {
        "columns": rng.normal(size=(2, n)),
        "covariance_type": KIND,
        "thetas": rng.normal(size=(2, k, 5)),
        "labels": np.full((2, n), k, dtype=np.uint8),
        "statistics": np.zeros((2, k, 5)),
        "n_changed": np.empty(2, dtype=np.int64),
    }


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("columns", lambda a: np.asfortranarray(a)),
        ("columns", lambda a: a.astype(np.float32)),
        ("columns", lambda a: a[:, ::2]),
        ("thetas", lambda a: a[..., :4]),
        ("thetas", lambda a: a[..., ::-1]),
        ("labels", lambda a: a[:, :-1]),
        ("labels", lambda a: a[:1]),
        ("labels", lambda a: a.astype(np.int8)[0]),
        ("labels", _read_only),
        ("statistics", lambda a: a[:, :2]),
        ("statistics", lambda a: a.astype(np.float32)),
        ("statistics", _read_only),
        ("n_changed", lambda a: a.astype(np.int32)),
        ("n_changed", lambda a: a[:1]),
    ],
)
def test_an_array_that_c_cannot_take_is_refused(name, spoil):
    arguments = _arguments()
    _NATIVE.assign_accumulate(**arguments)
    arguments = _arguments()
    arguments[name] = spoil(arguments[name])
    with pytest.raises((ValueError, IndexError, TypeError)):
        _NATIVE.assign_accumulate(**arguments)


def test_a_label_beyond_the_clusters_is_refused():
    columns = np.zeros((2, 5))
    labels = np.array([[0, 1, 2, 3, 0]], dtype=np.uint8)
    with pytest.raises(ValueError, match="below 3, the number of clusters; got 3"):
        _NATIVE.accumulate(columns, KIND, labels, 3)
    data = prepare(np.arange(10.0).reshape(5, 2))
    problem = problem_of(data, KIND, "likelihood", 1e-6)
    states = states_from_centres(KIND, [(0, 0)], data.columns.T[None, :3])
    restarts = _start(problem, states, 1)
    restarts.labels[:] = labels
    with pytest.raises(ValueError, match="below 3"):
        _NATIVE.iterate(problem, restarts, 5, 1.0)


def test_a_library_of_another_version_is_not_used(monkeypatch):
    monkeypatch.setattr(library, "ABI_VERSION", library.ABI_VERSION + 1)
    with pytest.raises(OSError, match="version"):
        library.load()
    with pytest.warns(RuntimeWarning, match="compiled kernel is not used: it has version"):
        assert library.load_if_there() is None
    with pytest.warns(RuntimeWarning):
        assert kernels._best().name == "numpy"


def test_a_missing_library_is_no_news(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(library, "library_path", lambda: str(tmp_path / "_kernel.so"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert library.load_if_there() is None


def test_densities_are_exact_over_the_whole_range(every_kernel):
    # One column, unit variance: terms differ by nothing up to thousands.
    x = np.concatenate([np.linspace(-60, 60, 2003), [-1e3, 1e3, 0.0]])
    components = Components(
        np.log([[0.5, 0.3, 0.2]]), np.array([[[-20.0], [0.0], [20.0]]]), np.ones((1, 3, 1))
    )
    (found,) = every_kernel.point_log_likelihoods(components, x[None].copy())
    terms = np.log([0.5, 0.3, 0.2])[:, None] - 0.5 * (x - np.array([[-20.0], [0.0], [20.0]])) ** 2
    expected = np.logaddexp.reduce(terms, axis=0)
    np.testing.assert_allclose(found, expected, rtol=4e-16, atol=2e-15)
    (total,) = every_kernel.log_likelihoods(components, x[None].copy())
    assert total == pytest.approx(expected.sum(), rel=1e-14)


def test_a_point_beyond_all_distances_has_density_zero(every_kernel):
    components = Components(
        np.log([[0.5, 0.5]]), np.array([[[0.0], [1.0]]]), np.full((1, 2, 1), 1e100)
    )
    (found,) = every_kernel.point_log_likelihoods(components, np.array([[1e120, 0.0, -1e150]]))
    assert found.tolist() == [-np.inf, pytest.approx(np.log(0.5)), -np.inf]


@pytest.mark.parametrize("width", [1, 3, 400])
def test_a_table_of_another_width_is_refused(every_kernel, width):
    preparation = prepare(np.random.default_rng(0).normal(size=(50, 2))).preparation
    with pytest.raises(ValueError, match=r"shape|broadcast"):
        every_kernel.scaled(np.zeros((4, width)), preparation.shift, preparation.scale)


CROWDED = """
import threading, numpy as np
from kmeans_core import MahalanobisKMeans
start, n_started = threading.Thread.start, 0

def refuse(thread):
    global n_started
    n_started += 1
    if n_started > 2:
        raise RuntimeError("can't start new thread")
    start(thread)

threading.Thread.start = refuse
X = np.random.default_rng(0).normal(size=(3_000, 2))
few = MahalanobisKMeans(4, n_init=20, n_threads=6).fit(X)
assert few.bic_ == MahalanobisKMeans(4, n_init=20, n_threads=1).fit(X).bic_
print("done")
"""

FORKED = """
import os, sys, threading, numpy as np
from kmeans_core import MahalanobisKMeans
X = np.random.default_rng(0).normal(size=(3_000, 2))

def fit():
    return MahalanobisKMeans(4, n_init=4, max_iter=5, n_threads=2).fit(X).bic_

expected, ended = fit(), threading.Event()

def go_on():
    while not ended.is_set():
        fit()

threads = [threading.Thread(target=go_on) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        os._exit(0 if fit() == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
ended.set()
for thread in threads:
    thread.join()
print("done")
"""


@pytest.mark.parametrize("script", [CROWDED, FORKED])
def test_threads_that_cannot_start_and_forks_do_no_harm(script):
    if script is FORKED and not hasattr(os, "fork"):
        pytest.skip("the kernel after a fork (use a system that has fork)")
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
