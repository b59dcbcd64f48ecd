"""`python -m benchmarks`: every figure that the README quotes, on this machine."""

from __future__ import annotations

import platform
import subprocess
import sys

BENCHMARKS = ("default_job", "planning", "first_point", "slider_redraw")


def main() -> int:
    """Run each benchmark in a process of its own; 0 when all of them ran."""
    print(f"{platform.machine()}, Python {platform.python_version()}", flush=True)
    codes = [subprocess.call([sys.executable, "-m", f"benchmarks.{name}"]) for name in BENCHMARKS]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
