"""One family of errors, one place where a record or a body is made; held by reading the code."""

from __future__ import annotations

import ast
import builtins
import copy
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute_lambda.contract.errors import (
    ContractError,
    DatasetError,
    HttpError,
    ReportedError,
    error_body,
    error_record,
)
from dashboard.aws.problems import AwsProblem
from dashboard.planning.spec import SpecError
from dashboard.services.views import UnknownJobError
from dashboard.settings import SettingsError
from dashboard.stores.base import StoreError
from tests.error_shape import check_record

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "compute_lambda" / "contract" / "errors.py"
PACKAGES = ("compute_lambda", "dashboard")

PRIVATE = {
    "ConditionFailed": "a write to DynamoDB found another state: its caller decides",
    "_NotEven": "some row has too few or too many cells: another reader takes the file",
    "NotNumeric": "why a column is left out, which becomes a sentence of the dataset",
}
"""Errors that never leave their package: control flow, which nobody is shown."""

BUILTIN_ERRORS = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_whatever_a_person_may_see_is_of_the_family() -> None:
    bases: dict[str, set[str]] = {}
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                names = {getattr(b, "id", getattr(b, "attr", "")) for b in node.bases}
                bases[node.name] = bases.get(node.name, set()) | names
    family = {"ReportedError"}
    while grown := {name for name in bases if bases[name] & family} - family:
        family |= grown
    assert {"StoreError", "SpecError", "AwsProblem", "UnknownJobError", "HttpError"} <= family
    strangers = {name for name in bases if bases[name] & BUILTIN_ERRORS} - family
    assert strangers == PRIVATE.keys()


def test_records_and_bodies_are_made_in_one_place() -> None:
    by_hand = []
    for path, tree in trees():
        if path == HOME:
            continue
        for node in ast.walk(tree):
            names: set[object] = set()
            if isinstance(node, ast.Dict):
                names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("dict", "jsonify"):
                names = {keyword.arg for keyword in node.keywords}
            if {"code", "message", "details"} <= names or names == {"error"}:
                by_hand.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert by_hand == []


def test_the_family_costs_a_cold_start_nothing() -> None:
    tree = ast.parse(HOME.read_text(encoding="utf-8"))
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else "import"
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert imported == {"__future__", "collections.abc", "typing"}


MEMBERS: list[tuple[ReportedError, type[Exception], str, int]] = [
    (ReportedError("odd", "It is odd.", {"n": 1}), Exception, "odd", 500),
    (ContractError("wrong_type", "Expected a list."), ValueError, "wrong_type", 422),
    (DatasetError("dataset_not_found", "Upload it.", "ab"), Exception, "dataset_not_found", 404),
    (HttpError(405, "no_way", "Go away.", None, {"allow": "GET"}), Exception, "no_way", 405),
    (SpecError("no_column", "Select one."), ValueError, "no_column", 422),
    (StoreError("It is locked."), Exception, "store_unavailable", 503),
    (SettingsError("Expected a number."), ValueError, "bad_setting", 500),
    (UnknownJobError("abc"), KeyError, "unknown_job", 404),
    (AwsProblem("no_rights", "Ask for it.", {"action": "s3:Get"}), Exception, "no_rights", 503),
]


@pytest.mark.parametrize(("error", "base", "code", "status"), MEMBERS)
def test_a_member(error: ReportedError, base: type[Exception], code: str, status: int) -> None:
    assert isinstance(error, base)
    assert (error.code, error.status) == (code, status)
    assert str(error) == error.message
    assert error_record(error, "r1") == {
        "code": code,
        "message": error.message,
        "details": error.details,
        "request_id": "r1",
    }
    assert error_body(error, "r1") == {"error": error_record(error, "r1")}


@pytest.mark.parametrize("error", [row[0] for row in MEMBERS])
def test_a_member_comes_back_from_another_process(error: ReportedError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert vars(again) == vars(error)
        assert (str(again), again.status) == (str(error), error.status)


@pytest.mark.parametrize("error", [RuntimeError("secret"), KeyError("secret"), SystemExit(3)])
def test_any_other_error_is_internal(error: BaseException) -> None:
    record = error_record(error, "r1")
    check_record(record)
    assert (record["code"], record["details"], record["request_id"]) == ("internal", {}, "r1")
    assert "secret" not in str(record)
    assert "r1" in record["message"]
