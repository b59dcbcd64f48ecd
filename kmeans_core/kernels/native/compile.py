"""Builds the C kernel with a compiler that is there: for this machine, or for another with zig.

    python kmeans_core/kernels/native/compile.py refresh
    python kmeans_core/kernels/native/compile.py build [--target ...] [--output PATH] [--sanitise]

`refresh` builds for this machine where the sources are newer than the library; `build` always.

A build tool, used by setup.py, make and the tests; the package itself never imports it. It needs
nothing but the standard library, so that it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
"""Where the library for this machine goes."""

SOURCE = HERE / "src" / "kernel.c"
"""What is compiled; it includes the headers."""

COMPILERS = ("cc", "gcc", "clang")
"""Tried in this order."""

LIMIT_S = 300
"""Seconds that a compiler may take."""

FLAGS = (
    "-std=c99",
    "-O3",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wall",
    "-Wextra",
)
"""No -march: the kernel picks its instructions at run time. Fused multiply-add may be used where
there is one. The two -fno- allow comparisons in vector registers and take nothing from the
treatment of NaN and infinities, which -ffast-math would."""

SANITISERS = (
    "-g",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)
"""Checks at run time of memory and of what C leaves undefined."""

TARGETS = {"x86_64": "x86_64-linux-gnu.2.17", "arm64": "aarch64-linux-gnu.2.17"}
"""Lambda's names and zig's. glibc 2.17, of 2012: older than on any Lambda."""


class KernelNotBuilt(Exception):
    """Why there is no compiled kernel, in a sentence for whoever installs the package."""


def library_name(platform: str = sys.platform) -> str:
    """File name of the kernel on this system."""
    suffix = {"darwin": "dylib", "win32": "dll"}.get(platform, "so")
    return f"_kernel.{suffix}"


def compilers() -> list[list[str]]:
    """Commands to try, in order: $CC alone where it is set, else what the PATH has of COMPILERS."""
    named = os.environ.get("CC", "").strip()
    if named:
        return [shlex.split(named)]
    return [[name] for name in COMPILERS if shutil.which(name)]


def zig() -> list[str]:
    """The compiler of the Python package ziglang, which builds for every target."""
    return [sys.executable, "-m", "ziglang", "cc"]


def compile_kernel(
    source: Path,
    output: Path,
    compiler: Sequence[str] | None = None,
    target: str | None = None,
    sanitise: bool = False,
) -> Path:
    """Compile `source` into the shared library `output`, which is replaced in one step.

    target: "x86_64" or "arm64" builds with zig for Lambda's Linux; None builds for this machine
    with `compiler`, else with the first of `compilers()` that succeeds. sanitise: address and
    undefined-behaviour checks that end the process. Raises KernelNotBuilt.
    """
    options = [*FLAGS, *(SANITISERS if sanitise else ())]
    if target is not None:
        candidates = [[*(compiler or zig()), "-target", TARGETS[target]]]
        options.append("-s")
    else:
        candidates = [list(compiler)] if compiler is not None else compilers()
    if not candidates:
        raise KernelNotBuilt(f"no C compiler was found (looked for {', '.join(COMPILERS)})")
    output.parent.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    # Beside the output: a library that is in use must not be written over, only replaced.
    with tempfile.TemporaryDirectory(prefix=".kernel-", dir=output.parent) as directory:
        made = Path(directory) / output.name
        for command in candidates:
            problem = run([*command, *options, "-o", str(made), str(source), "-lm"])
            if problem is None and target is None and not sanitise:
                problem = loading_problem(made)
            if problem is None:
                os.replace(made, output)
                return output
            problems.append(f"{shlex.join(command)} failed: {problem}")
    raise KernelNotBuilt("; ".join(problems))


def run(command: Sequence[str]) -> str | None:
    """None when the command succeeds, else what it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return (done.stderr.strip() or done.stdout.strip())[-2000:] or f"exit code {done.returncode}"


def loading_problem(library: Path) -> str | None:
    """None when this interpreter can load the library: a compiler may build for another one."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).centaurus_abi_version()"
    problem = run([sys.executable, "-c", code, str(library)])
    return None if problem is None else f"the library does not load: {problem.splitlines()[-1]}"


def fallback_sentence(reason: str) -> str:
    """What a person is told when the package goes on without a compiled kernel."""
    return (
        "Centaurus works without its compiled kernel, ten to thirty times slower: "
        f"{reason.rstrip('.')}. Install a C compiler (Debian: apt-get install gcc; macOS: "
        "xcode-select --install) and install Centaurus again."
    )


def refresh() -> str | None:
    """Build the library beside this module unless it is newer than the sources.

    Returns the sentence to show when that fails; an older library is removed then.
    """
    library = HERE / library_name()
    sources = [path for path in SOURCE.parent.rglob("*") if path.suffix in {".c", ".h"}]
    newest = max(path.stat().st_mtime for path in (*sources, Path(__file__)))
    if library.exists() and library.stat().st_mtime >= newest:
        return None
    try:
        compile_kernel(SOURCE, library)
    except KernelNotBuilt as problem:
        library.unlink(missing_ok=True)
        return fallback_sentence(str(problem))
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Build; 1 when that fails. A refresh that fails is only shown: the package works without."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build", help="compile the kernel")
    build.add_argument("--target", choices=sorted(TARGETS), help="for Lambda, with zig")
    build.add_argument("--output", type=Path, help="the library; beside this module by default")
    build.add_argument("--sanitise", action="store_true", help="with run-time checks")
    actions.add_parser("refresh", help="compile it for this machine where its sources are newer")
    options = parser.parse_args(arguments)
    if options.action == "refresh":
        sentence = refresh()
        if sentence is not None:
            print(sentence)
        return 0
    output = options.output or HERE / library_name("linux" if options.target else sys.platform)
    try:
        compile_kernel(SOURCE, output, target=options.target, sanitise=options.sanitise)
    except KernelNotBuilt as problem:
        print(f"The kernel was not built: {problem}", file=sys.stderr)
        return 1
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
