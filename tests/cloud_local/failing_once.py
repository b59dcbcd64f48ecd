"""The fit function in an environment whose NumPy, once, fails half-way through its import."""

import contextlib
import os
import sys
from pathlib import Path


class FailsOnce:
    """Refuses `numpy.dtypes` to the first who asks. NumPy's compiled half imports it while it
    loads, and does not load twice in one process."""

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002
        if name == "numpy.dtypes":
            with contextlib.suppress(FileExistsError):
                Path(os.environ["FAILED_ONCE"]).touch(exist_ok=False)
                raise ImportError("a failure that passes")


sys.meta_path.insert(0, FailsOnce())

from compute_lambda.handler import handler  # noqa: E402, F401
