"""What this machine does not do by itself: the code for other processors, awkward addresses."""

from __future__ import annotations

import numpy as np
import pytest

from kmeans_core import COVARIANCE_TYPES, MahalanobisKMeans, kernels, prepare
from kmeans_core.fitting.evaluation import assign
from kmeans_core.fitting.experiments import fit_experiments
from kmeans_core.kernels import NumpyKernel
from kmeans_core.kernels.native import compile as build
from kmeans_core.kernels.native.binding import NativeKernel
from kmeans_core.kernels.native.library import load


@pytest.fixture(scope="module")
def without_vectors(tmp_path_factory: pytest.TempPathFactory) -> NativeKernel:
    """The kernel as it is built for a processor that the sources do not know."""
    if not build.compilers():
        pytest.skip("the kernel without vectors: no C compiler (apt-get install gcc)")
    output = tmp_path_factory.mktemp("plain") / build.library_name()
    command = [*build.compilers()[0], "-DNO_VECTORS"]
    return NativeKernel(load(build.compile_kernel(build.SOURCE, output, command)))


def test_the_code_for_other_processors_agrees_with_the_twin(
    without_vectors: NativeKernel, random_case, compare_with_twin
) -> None:
    assert without_vectors._variant == 0
    for seed in range(96):
        compare_with_twin(without_vectors, random_case(seed))


@pytest.mark.parametrize("code", COVARIANCE_TYPES)
def test_fits_for_other_processors_agree_with_the_twin(
    without_vectors: NativeKernel, overlapping: np.ndarray, monkeypatch: pytest.MonkeyPatch, code
) -> None:
    found = []
    for kernel in (without_vectors, NumpyKernel()):
        monkeypatch.setattr(kernels, "_current", kernel)
        found.append(MahalanobisKMeans(4, code, n_init=3).fit(overlapping))
    np.testing.assert_array_equal(found[0].labels_, found[1].labels_)
    np.testing.assert_allclose(found[0].bic_, found[1].bic_, rtol=1e-10)


def _shifted(array: np.ndarray) -> np.ndarray:
    """The same numbers one byte beside where float64 belongs."""
    room = np.zeros(array.nbytes + 1, dtype=np.uint8)
    shifted = room[1:].view(np.float64).reshape(array.shape)
    shifted[...] = array
    assert not shifted.flags.aligned
    return shifted


def test_numbers_that_are_not_aligned_are_moved_or_refused(
    kernel: kernels.Kernel, overlapping: np.ndarray
) -> None:
    data = prepare(overlapping)
    model = fit_experiments(data, "full-untied", [3], [0], 2).fits[0].model
    shifted = _shifted(data.columns)
    np.testing.assert_array_equal(assign(model, shifted), assign(model, data.columns))
    fits = [MahalanobisKMeans(3).fit(X) for X in (overlapping, _shifted(overlapping))]
    # Prepared by the twin, whose sums round otherwise where there are fused multiply-adds.
    assert fits[0].bic_ == pytest.approx(fits[1].bic_, rel=1e-13)
    if kernel.name == "native":
        with pytest.raises(ValueError, match=r"columns must be float64 .*aligned"):
            kernel.draw(shifted, np.zeros((1, 2)))
