"""What a Lambda runs: task kinds with their contracts, and the HTTP handler around them.

The names are imported when they are first asked for: the handler starts without NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compute_lambda.contract.errors import ContractError
    from compute_lambda.tasks.base import Invocation, Result, Task
    from compute_lambda.tasks.fit.fitting import fit
    from compute_lambda.tasks.fit.task import FitResult, FitTask

__all__ = ["ContractError", "FitResult", "FitTask", "Invocation", "Result", "Task", "fit"]

_HOMES = {
    "ContractError": "contract.errors",
    "FitResult": "tasks.fit.task",
    "FitTask": "tasks.fit.task",
    "Invocation": "tasks.base",
    "Result": "tasks.base",
    "Task": "tasks.base",
    "fit": "tasks.fit.fitting",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
