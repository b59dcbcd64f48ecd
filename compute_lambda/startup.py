"""How long ago this process began: what a cold start cost before the first line of ours ran."""

from __future__ import annotations

import os
import time
from pathlib import Path

_IMPORTED = time.perf_counter()


def process_age_ms(proc: Path = Path("/proc/self/stat")) -> float:
    """Milliseconds since the process started, to 10 ms.

    Linux keeps the start time in /proc in clock ticks since boot; elsewhere, the age of this module
    is the best that can be had.
    """
    try:
        # The second field, the program's name, may hold blanks and brackets.
        after_name = proc.read_text().rpartition(")")[2].split()
        started_s = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, (time.clock_gettime(time.CLOCK_BOOTTIME) - started_s) * 1e3)
    except (OSError, ValueError, IndexError, AttributeError):
        return (time.perf_counter() - _IMPORTED) * 1e3
