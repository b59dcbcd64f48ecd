"""The shape of the code: who may import whom, what each layer may depend on, sizes and names."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Downwards only: a package may import itself and what stands to the right of it.
MAY_IMPORT = {
    # Tools for development, which nothing that is shipped may need.
    "cloud_local": {"cloud_local", "bundle", "dashboard", "compute_lambda"},
    "bundle": {"bundle", "kmeans_core"},
    "dashboard": {"dashboard", "compute_lambda", "kmeans_core"},
    "compute_lambda": {"compute_lambda", "kmeans_core"},
    "kmeans_core": {"kmeans_core"},
}
# What a Lambda bundle carries. Everything else would cost start-up time and megabytes.
THIRD_PARTY = {
    "compute_lambda": {"numpy"},
    # scikit-learn asks an estimator for its tags in its own type; it is imported only then.
    "kmeans_core": {"numpy", "sklearn"},
}
# Lambda's runtime has it. Imported at the first read of S3 only: test_process.py holds that.
LATE_IMPORTS = {ROOT / "compute_lambda" / "s3_columns.py": {"botocore"}}
# Runs at build time only: it calls compilers, and nothing in the packages may import it.
BUILD_TOOL = ROOT / "kmeans_core" / "kernels" / "native" / "compile.py"
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
MAX_MODULE_LINES = 400


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported_top_levels(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None or node.level > 0
            if node.level:
                names.add(path.relative_to(ROOT).parts[0])
            else:
                names.add(str(node.module).split(".")[0])
    return names


def test_the_scan_sees_every_package() -> None:
    for package in MAY_IMPORT:
        assert len(modules(package)) >= 5, package


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_downwards_only(package: str) -> None:
    ours = set(MAY_IMPORT)
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imported_top_levels(path) & ours - MAY_IMPORT[package]
    }
    assert wrong == set()


@pytest.mark.parametrize("package", THIRD_PARTY)
def test_the_lambda_side_needs_numpy_alone(package: str) -> None:
    allowed = THIRD_PARTY[package] | MAY_IMPORT[package] | set(sys.stdlib_module_names)
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imported_top_levels(path) - allowed - LATE_IMPORTS.get(path, set())
    }
    assert wrong == set()


def test_the_core_does_no_io_and_reads_no_environment() -> None:
    modules_out = {"pathlib", "io", "logging", "socket", "subprocess", "tempfile"}
    names_out = {"print", "open", "input", "environ", "getenv", "argv", "stdout", "stderr"}
    wrong = set()
    for path in set(modules("kmeans_core")) - {BUILD_TOOL}:
        place = path.relative_to(ROOT)
        wrong |= {f"{place} imports {name}" for name in imported_top_levels(path) & modules_out}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "attr", None) or getattr(node, "id", None)
            if isinstance(node, (ast.Name, ast.Attribute)) and name in names_out:
                wrong.add(f"{place}:{node.lineno} uses {name}")
    assert wrong == set()


def test_the_build_tool_is_not_imported() -> None:
    importing = re.compile(rf"native(\.| import (\w+, )*){BUILD_TOOL.stem}\b")
    found = {
        path.relative_to(ROOT)
        for package in MAY_IMPORT
        for path in set(modules(package)) - {BUILD_TOOL}
        if importing.search(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_c_is_called_from_one_place_only() -> None:
    callers = {
        path.relative_to(ROOT).parent
        for package in MAY_IMPORT
        for path in modules(package)
        if "ctypes" in imported_top_levels(path)
    }
    assert callers == {Path("kmeans_core/kernels/native")}


def test_figures_and_analysis_know_nothing_of_dash() -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for folder in ("dashboard/figures", "dashboard/analysis", "dashboard/exports")
        for path in modules(folder)
        for name in imported_top_levels(path) & {"dash", "flask", "dash_mantine_components"}
    }
    assert wrong == set()


def test_a_module_is_named_after_its_idea_and_small_enough_to_read() -> None:
    for package in MAY_IMPORT:
        for path in modules(package):
            assert path.stem not in FORBIDDEN_NAMES, path
            lines = len(path.read_text(encoding="utf-8").splitlines())
            assert lines <= MAX_MODULE_LINES, f"{path.relative_to(ROOT)} has {lines} lines"
