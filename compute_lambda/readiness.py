"""Whether the parts are there that a task needs, found out without loading them.

NumPy and the core take two thirds of a cold start, and whoever asks for `/health` waits for it. So
that looks whether NumPy is there and was built for this Python and this processor, by the names of
its files; and it really opens the compiled kernel, which takes 3 ms. That NumPy loads is known only
after the first task.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder

from compute_lambda.contract.errors import HttpError

_LIBRARY = "kmeans_core.kernels.native.library"

_NUMPY_EXTENSION = "_multiarray_umath"
"""The compiled half of NumPy, in its folder `_core`; the name ends with what it was built for."""


def kernel_name() -> str:
    """What fits are computed with here, as `kmeans_core.KERNEL` says it: "native" or "numpy".

    Raises HttpError 500 when a part is missing that every task needs.
    """
    if "kmeans_core" in sys.modules:
        return str(sys.modules["kmeans_core"].KERNEL)
    core = check_complete()
    # By its path: as a part of its package it would bring NumPy along.
    path = os.path.join(core, "kernels", "native", "library.py")
    spec = importlib.util.spec_from_file_location(f"alone:{_LIBRARY}", path)
    assert spec is not None
    assert spec.loader is not None
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return "numpy" if library.load_if_there() is None else "native"


def check_complete() -> str:
    """The folder of `kmeans_core`; loads nothing.

    Raises HttpError 500 `incomplete` when that or NumPy is not beside the function, or NumPy is one
    for another Python or another kind of processor.
    """
    numpy, core = _folder("numpy"), _folder("kmeans_core")
    if PathFinder.find_spec(_NUMPY_EXTENSION, [os.path.join(numpy, "_core")]) is None:
        raise _incomplete(
            "Expected a NumPy built for this function's Python and processor"
            f" ({_NUMPY_EXTENSION}{EXTENSION_SUFFIXES[0]}), found none."
        )
    return core


def _folder(package: str) -> str:
    spec = importlib.util.find_spec(package)
    # Without its own file it is a mere folder of that name.
    if spec is None or spec.origin is None:
        raise _incomplete(f"Expected the package {package} beside the function, found none.")
    return os.path.dirname(spec.origin)


def _incomplete(found: str) -> HttpError:
    return HttpError(500, "incomplete", f"{found} Build the bundle again and deploy it.")
