"""`python -m dashboard`, whose jobs stop in their middle: for tests only.

While the file `hold` exists in the data directory, with a number in it, no run reports more results
than that.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from dashboard.backends.local import LocalBackend
from dashboard.cli.main import main
from dashboard.services import assembly
from dashboard.settings import read_settings
from tests.holding import HoldFile, hold_results

HOLD = HoldFile(Path(read_settings({}).data_dir) / "hold")


class HeldBackend(LocalBackend):
    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        hold_results(self, HOLD)


if __name__ == "__main__":
    assembly.LocalBackend = HeldBackend  # type: ignore[misc]
    sys.exit(main())
