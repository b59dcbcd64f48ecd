"""`python -m benchmarks [NAME ...]`: every figure that the README quotes, on this machine."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.rig.machine import HEADLINE, description

BENCHMARKS = (
    "against_reference",
    "peers",
    "kernel_speed",
    "growth",
    "memory",
    "threads",
    "default_job",
    "planning",
    "reading",
    "first_point",
    "slider_redraw",
    "bundle",
    "warm_overhead",
    "dispatcher",
)


def run(name: str) -> tuple[bool, list[str]]:
    """Run one benchmark in a process of its own, passing on what it prints; whether it succeeded,
    and its rows of the table."""
    print(f"\n{name}\n{'-' * len(name)}", flush=True)
    began = time.perf_counter()
    rows = []
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(HEADLINE):
                rows.append(line.removeprefix(HEADLINE).strip())
            else:
                print(line, end="", flush=True)
    print(f"({time.perf_counter() - began:.0f} s)", flush=True)
    return process.returncode == 0, rows


def main() -> int:
    """0 when all of them ran; ends with the headline figures as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or BENCHMARKS
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; choose of {', '.join(BENCHMARKS)}")
    print(description(), flush=True)
    results = {name: run(name) for name in names}
    rows = [row for _, own in results.values() for row in own]
    if rows:
        print(f"\n{description()}\n\n| What | Measured | Aim |\n|---|---|---|")
        for row in rows:
            cells = [*row.split(" | "), "", ""][:3]
            print("| " + " | ".join(cell.strip(" |") for cell in cells) + " |")
    failed = [name for name, (succeeded, _) in results.items() if not succeeded]
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
