"""The shape of the code: who may import whom, what each layer may depend on, sizes and names."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
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
LATE_IMPORTS = {ROOT / "compute_lambda" / "tables" / "s3_columns.py": {"botocore"}}
# Runs at build time only: it calls compilers, and nothing in the packages may import it.
BUILD_TOOL = ROOT / "kmeans_core" / "kernels" / "native" / "compile.py"
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 400, 50


FLOORS = (
    {"dashboard", "dashboard.cli"},
    {"dashboard.pages"},
    {"dashboard.pages.shell", "dashboard.pages.analyse", "dashboard.pages.jobs"},
    {
        "dashboard.pages.analyse.details",
        "dashboard.pages.analyse.progress",
        "dashboard.pages.analyse.results",
        "dashboard.pages.analyse.sidebar",
    },
    {"dashboard.pages.parts"},
    {"dashboard.http"},
    {"dashboard.services"},
    {"dashboard.jobs"},
    {"dashboard.exports"},
    {"dashboard.figures"},
    {"dashboard.analysis"},
    {"dashboard.backends", "dashboard.backends.api"},
    {"dashboard.stores", "dashboard.stores.dynamodb", "dashboard.stores.sqlite"},
    {"dashboard.planning"},
    {"dashboard.aws"},
    {
        "dashboard.datasets",
        "dashboard.datasets.builtin",
        "dashboard.datasets.model",
        "dashboard.datasets.reading",
        "dashboard.datasets.reading.columns",
        "dashboard.datasets.reading.layout",
        "dashboard.datasets.reading.numbers",
        "dashboard.datasets.reading.rows",
        "dashboard.datasets.reading.text",
    },
    {"dashboard.settings"},
)
"""The folders of the dashboard from the top: each may import its own floor and those below."""
MAX_FOLDER_MODULES = 16


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


# -- floors and circles -----------------------------------------------------------------------


def module_name(path: Path) -> str:
    """Dotted name of a module; that of its package for an `__init__`."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


OURS: dict[str, Path] = {
    module_name(path): path for package in (*MAY_IMPORT, "benchmarks") for path in modules(package)
}


def imported_modules(path: Path) -> set[str]:
    """Modules of ours that a module names anywhere: late and type-checking imports count too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in OURS else str(node.module))
    return (found & OURS.keys()) - {module_name(path)}


def folder_of(module: str) -> str:
    return module if OURS[module].name == "__init__.py" else module.rpartition(".")[0]


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Groups of two or more that all reach each other."""
    reached: dict[str, set[str]] = {}
    for start in imports:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for target in imports[todo.pop()] - seen:
                seen.add(target)
                todo.append(target)
        reached[start] = seen
    found = {
        frozenset({name, *(other for other in reached[name] if name in reached[other])})
        for name in imports
        if name in reached[name]
    }
    return [set(group) for group in found]


MODULE_IMPORTS = {name: imported_modules(path) for name, path in OURS.items()}


def test_the_search_for_circles_finds_them() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_module_comes_round_to_itself() -> None:
    assert circles(MODULE_IMPORTS) == []


def test_no_folder_comes_round_to_itself() -> None:
    folders: dict[str, set[str]] = {folder_of(name): set() for name in OURS}
    for name, targets in MODULE_IMPORTS.items():
        folders[folder_of(name)] |= {folder_of(target) for target in targets} - {folder_of(name)}
    assert circles(folders) == []


def test_every_floor_of_the_dashboard_imports_downwards() -> None:
    level = {folder: number for number, floor in enumerate(FLOORS) for folder in floor}
    here = {folder_of(name) for name in OURS if name.startswith("dashboard")}
    assert here == level.keys()
    upwards = {
        f"{name} imports {target}"
        for name in OURS
        if name.startswith("dashboard")
        for target in MODULE_IMPORTS[name]
        if target.startswith("dashboard") and level[folder_of(target)] < level[folder_of(name)]
    }
    assert upwards == set()


def test_a_folder_can_be_taken_in_at_a_glance() -> None:
    sizes = Counter(folder_of(name) for name in OURS)
    assert {folder: n for folder, n in sizes.items() if n > MAX_FOLDER_MODULES} == {}


def test_functions_are_small_enough_to_read() -> None:
    long = {
        f"{name}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for name, path in OURS.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == set()


# -- the seam between kinds of work and everything else -----------------------------------------

KNOW_TASKS_ONLY = (
    "compute_lambda/*.py",
    "compute_lambda/tasks/*.py",
    "compute_lambda/tables/*.py",
    "dashboard/backends/**/*.py",
    "dashboard/stores/**/*.py",
    "dashboard/jobs/*.py",
    "dashboard/planning/spending.py",
    "dashboard/planning/job_kinds.py",
    "dashboard/analysis/task_runs.py",
    "dashboard/pages/**/task_table.py",
)
OF_A_KIND = {"FitTask", "FitResult", "ScoreTask", "ScoreResult", "fit"}


def test_only_kinds_know_kinds() -> None:
    """Handler, backends, memo, stores, recorder, run and task table pass on tasks of any kind."""
    paths = {path for pattern in KNOW_TASKS_ONLY for path in ROOT.glob(pattern)}
    paths -= {ROOT / "compute_lambda" / "__init__.py"}  # offers the names, loads none
    assert len(paths) >= 40
    wrong = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                module = str(node.module)
                kinds = re.match(r"compute_lambda\.tasks\.(fit|score)\b", module)
                names = {alias.name for alias in node.names}
                known = names & OF_A_KIND if module == "compute_lambda" else set()
                if kinds or known:
                    wrong.add(f"{path.relative_to(ROOT)} imports from {module}")
    assert wrong == set()


# -- what the public names say ------------------------------------------------------------------

Function = ast.FunctionDef | ast.AsyncFunctionDef
ARRAY_TYPE = re.compile(r"\b(NDArray|ndarray|ArrayLike|Labels|(Float|Int|Bool|Label)Array)\b")
SHAPE = re.compile(r"(?<!\w)\((?:|\.\.\.|\w+,|(?:\w+|\.\.\.)(?:,\s(?:\.\.\.|[\w +*-]+))+)\)")
"""Of an array, in words: (), (m,), (n, d), (...) or (..., d, d)."""
NOT_YET_DOCUMENTED: tuple[str, ...] = ()


def public_nodes(tree: ast.Module) -> list[tuple[str, ast.ClassDef | Function]]:
    """Classes, functions and methods of a module that have no leading underscore anywhere."""
    found: list[tuple[str, ast.ClassDef | Function]] = []
    todo: list[tuple[str, ast.Module | ast.ClassDef]] = [("", tree)]
    while todo:
        prefix, parent = todo.pop()
        for node in parent.body:
            if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
                found.append((prefix + node.name, node))
                if isinstance(node, ast.ClassDef):
                    todo.append((f"{prefix}{node.name}.", node))
    return found


def undocumented(source: str) -> list[str]:
    """Public names without a docstring; "module" for the module itself."""
    tree = ast.parse(source)
    names = [] if ast.get_docstring(tree) else ["module"]
    return names + [name for name, node in public_nodes(tree) if not ast.get_docstring(node)]


def shapeless(source: str) -> list[str]:
    """Public functions that take or give arrays and do not say of which shape."""
    found = []
    for name, node in public_nodes(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            continue
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        annotations = [*(argument.annotation for argument in arguments), node.returns]
        types = " ".join(ast.unparse(each) for each in annotations if each is not None)
        if ARRAY_TYPE.search(types) and not SHAPE.search(ast.get_docstring(node) or ""):
            found.append(name)
    return found


def documented_sources() -> dict[str, str]:
    places = {str(p.relative_to(ROOT)): p for package in MAY_IMPORT for p in modules(package)}
    return {
        place: path.read_text(encoding="utf-8")
        for place, path in places.items()
        if not place.startswith(NOT_YET_DOCUMENTED)
    }


def test_the_search_for_docstrings_finds_what_lacks_one() -> None:
    lacking = 'class A:\n    def b(self): ...\n    def _c(self): ...\nasync def d(): "Says it."'
    assert undocumented(lacking) == ["module", "A", "A.b"]
    source = "def f(x: FloatArray) -> int:\n    'A number of {}.'"
    for shape in (
        "x (n, d)",
        "it (m,)",
        "one ()",
        "(...)",
        "(..., d, d)",
        "(R, ...)",
        "a (n, d + 1) table",
    ):
        assert shapeless(source.format(shape)) == [], shape
    for prose in ("f()", "rows (all of them)", "x (n)", "ones (see there)"):
        assert shapeless(source.format(prose)) == ["f"], prose


def test_every_public_name_has_a_docstring() -> None:
    sources = documented_sources()
    assert len(sources) >= 150
    lacking = {f"{place}: {name}" for place in sources for name in undocumented(sources[place])}
    assert lacking == set()


def test_every_function_of_arrays_says_their_shapes() -> None:
    sources = documented_sources()
    lacking = {f"{place}: {name}" for place in sources for name in shapeless(sources[place])}
    assert lacking == set()
