"""Whether this process can fit, found out without loading what fitting needs.

NumPy and the core take two thirds of a cold start. Whoever asks for `/health` waits for it, so that
looks whether NumPy is there, really opens the compiled kernel, which takes 3 ms, and does no more.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec

from compute_lambda.errors import HttpError

_LIBRARY = "kmeans_core.native.library"


def kernel_name() -> str:
    """What fits are computed with here, as `kmeans_core.KERNEL` says it: "native" or "numpy".

    Raises HttpError 500 when a part is missing that every fit needs.
    """
    if "kmeans_core" in sys.modules:
        return str(sys.modules["kmeans_core"].KERNEL)
    _found("numpy")
    package = _found("kmeans_core")
    assert package.origin is not None
    # By its path: as a part of its package it would bring NumPy along.
    path = os.path.join(os.path.dirname(package.origin), "native", "library.py")
    spec = importlib.util.spec_from_file_location(f"alone:{_LIBRARY}", path)
    assert spec is not None
    assert spec.loader is not None
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return "numpy" if library.load_if_there() is None else "native"


def _found(package: str) -> ModuleSpec:
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise HttpError(
            500,
            "incomplete",
            f"Expected the package {package} beside the function, found none. Build the bundle"
            " again and deploy it.",
        )
    return spec
