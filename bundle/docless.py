"""Compiles every module under a folder, without docstrings. A program of its own: it is run by the
bundle's Python, which need not be this one, and needs nothing but the standard library.

    python3.13 docless.py FOLDER PREFIX

Docstrings are a quarter of what a cold start reads, and nobody asks a Lambda for help. They become
empty rather than absent: NumPy hands some of them to C code that takes text only. Those of classes
become a dot: a dataclass without any works its signature out to have one. The bytecode carries a
hash of its source that Python does not check, so it stays valid whatever time stamps a zip gives,
and is the same each time. PREFIX stands for FOLDER in tracebacks.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import sys
from pathlib import Path

UNCHECKED_HASH = (0b01).to_bytes(4, "little")
"""PEP 552."""


def without_docstrings(source: bytes, name: str) -> ast.Module:
    """The syntax tree of a module, every docstring replaced by next to nothing."""
    tree = ast.parse(source, name)
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        first = node.body[0] if node.body else None
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            first.value.value = "." if isinstance(node, ast.ClassDef) else ""
    return tree


def compile_module(path: Path, name: str) -> None:
    """Put the bytecode of `path` where Python looks for it; tracebacks call the module `name`."""
    source = path.read_bytes()
    code = compile(without_docstrings(source, name), name, "exec", dont_inherit=True)
    output = Path(importlib.util.cache_from_source(str(path)))
    output.parent.mkdir(exist_ok=True)
    output.write_bytes(
        importlib.util.MAGIC_NUMBER
        + UNCHECKED_HASH
        + importlib.util.source_hash(source)
        + marshal.dumps(code)
    )


def main(folder: str, prefix: str) -> None:
    """Compile every module under `folder`; tracebacks show `prefix` in its place."""
    root = Path(folder)
    for path in sorted(root.rglob("*.py")):
        compile_module(path, f"{prefix}/{path.relative_to(root).as_posix()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
