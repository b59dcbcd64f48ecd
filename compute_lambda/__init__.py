"""What a Lambda runs: the request contract, one fit task, and the HTTP handler around it.

The names are imported when they are first asked for: the handler starts without NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compute_lambda.contract import FitResult, FitTask, Invocation
    from compute_lambda.errors import ContractError
    from compute_lambda.fitting import fit

__all__ = ["ContractError", "FitResult", "FitTask", "Invocation", "fit"]

_HOMES = {
    "ContractError": "errors",
    "FitResult": "contract",
    "FitTask": "contract",
    "Invocation": "contract",
    "fit": "fitting",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
