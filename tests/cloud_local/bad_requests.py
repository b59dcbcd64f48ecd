"""The corpus: requests that are wrong, each with the answer that it deserves."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JSON = {"content-type": "application/json"}
HUGE = 10**400

ROUTES = [
    *((method, "/tasks") for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")),
    *((method, "/health") for method in ("POST", "PUT", "DELETE", "PROPFIND")),
    ("GET", "/"),
    ("GET", "/favicon.ico"),
    ("POST", "/tasks/"),
    ("POST", "//tasks"),
    ("POST", "/TASKS"),
    ("POST", "/tasks/../tasks"),
    ("POST", "/./tasks"),
    ("POST", "/tasks%00"),
    ("POST", "/tasks%2f"),
    ("POST", "/tasks;v=1"),
    ("POST", "/$default/tasks"),
    ("GET", "/health/../../../etc/passwd"),
    ("GET", "/control/state"),
    ("GET", "/env-1/2018-06-01/runtime/invocation/next"),
    ("POST", "/2018-06-01/runtime/init/error"),
    ("GET", "/datasets/" + "0" * 64 + ".npy"),
    ("POST", "/2015-03-31/functions/fit/invocations"),
    ("GET", "/%F0%9F%92%A9"),
    ("GET", "/" + "a" * 4_000),
]

MEDIA = [
    {},
    {"content-type": ""},
    {"content-type": "text/plain"},
    {"content-type": "text/json"},
    {"content-type": "application/xml"},
    {"content-type": "application/jsonx"},
    {"content-type": "application/json, text/plain"},
    {"content-type": "application/json; charset=latin-1"},
    {"content-type": "application/json; charset=utf-16"},
    {"content-type": "application/json; boundary=x"},
    {"content-type": "application/x-www-form-urlencoded"},
    {"content-type": "multipart/form-data; boundary=x"},
    {"content-type": "application/octet-stream"},
    {**JSON, "content-encoding": "gzip"},
    {**JSON, "content-encoding": "br"},
    {**JSON, "content-encoding": "gzip, identity"},
]

NOT_JSON = {
    "nothing": b"",
    "blanks": b" \r\n\t ",
    "an open brace": b"{",
    "a closing brace": b"}",
    "single quotes": b"{'seed': 1}",
    "a comma too many": b'{"seed": 1,}',
    "a comment": b'{"seed": 1} // one',
    "two documents": b'{"seed": 1}{"seed": 2}',
    "a bare word": b"undefined",
    "a hexadecimal number": b'{"seed": 0x10}',
    "a leading zero": b'{"seed": 01}',
    "a plus sign": b'{"seed": +1}',
    "NaN": b'{"reg_covar": NaN}',
    "Infinity": b'{"reg_covar": Infinity}',
    "minus Infinity": b'{"reg_covar": -Infinity}',
    "a number of 5,000 digits": b'{"seed": ' + b"9" * 5_000 + b"}",
    "a control character in a string": b'{"seed": "\x01"}',
    "a bad escape": rb'{"seed": "\x41"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"seed": 1}'.encode("utf-16"),
    "Latin-1": '{"sèed": 1}'.encode("latin-1"),
    "an encoded surrogate": b'{"seed": "\xed\xa0\x80"}',
    "zero bytes": b"\x00" * 100,
    "a zip file": b"PK\x03\x04" + bytes(range(256)),
    "gzip that is not announced": gzip.compress(b"{}", mtime=0),
    "100,000 open brackets": b"[" * 100_000,
    "200,000 open objects": b'{"a":' * 200_000,
    "deep but closed": b"[" * 60_000 + b"]" * 60_000,
    "HTML": b"<html><body>Hello</body></html>",
    "a form": b"dataset_id=1&seed=2",
}

NOT_A_TASK: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 5,
    "a text": "a task",
    "an empty list": [],
    "an empty object": {},
    "a nameless field": {"": 1},
    "a nested task": {"task": {"seed": 1}},
    "GraphQL": {"query": "{ tasks { id } }"},
    "a prototype": {"__proto__": {"admin": True}},
    "a pickle": {"py/object": "os.system"},
    "10,000 fields": {f"f{i}": i for i in range(10_000)},
    "a long name": {"n" * 100_000: 1},
    "an event inside the body": {"version": "2.0", "rawPath": "/health", "requestContext": {}},
}

IDS: list[Any] = [
    "",
    "..",
    "../../etc/passwd",
    "../results/job/task",
    "results/" + "0" * 56,
    "datasets/" + "0" * 55,
    "/etc/passwd",
    "s3://bucket/datasets/" + "0" * 64,
    "%2e%2e%2fresults%2f" + "0" * 44,
    "..\\..\\" + "0" * 58,
    "0" * 63,
    "0" * 65,
    "A" * 64,
    "g" * 64,
    "0" * 64 + "\n",
    "0" * 64 + "\x00",
    "٠" * 64,
    "\ud800" * 64,
    "0" * 1_000_000,
    None,
    0,
    int("1" * 64),
    True,
    ["0" * 64],
    {"id": "0" * 64},
]

FIELDS: dict[str, list[Any]] = {
    "columns": [
        None,
        1,
        "0",
        {},
        [],
        [None],
        ["0"],
        [0.0],
        [True],
        [-1],
        [0, 0],
        [10_000],
        [HUGE],
        [[0]],
        list(range(65)),
        [2**63],
        {"0": 0},
    ],
    "standardise": [None, 0, 1, "true", [], {}],
    "covariance_type": [None, 1, "", "full", "FULL-TIED", "full-tied ", ["full-tied"], "x" * 10**5],
    "n_clusters": [
        None,
        2,
        "2",
        [],
        [0],
        [-1],
        [65],
        [2, 2],
        [3, 2],
        [1.5],
        [True],
        [None],
        [HUGE],
        list(range(1, 80)),
    ],
    "experiments": [None, 0, [], [-1], [10_000], [1, 0], [0, 0], ["0"], [0.0], [HUGE]],
    "n_restarts": [None, 0, -1, 1_001, 1.0, "1", True, [], HUGE],
    "seed": [None, -1, 2**32, 0.5, "0", False, [0], HUGE],
    "distance": [None, "", "euclid", 1, ["likelihood"]],
    "min_members": [0, -1, 1.5, "1", True, 2**54, HUGE],
    "reg_covar": [None, 0, -1e-6, 1.1, 1e-13, 1e308, HUGE, "1e-6", True, []],
    "max_iter": [None, 0, -1, 10_001, 2.0, "300", True],
    "contract_version": [None, 0, 2, -1, "1", 1.0, True, HUGE],
    "resume": [
        1,
        "state",
        [],
        True,
        {"a": 1},
        {"pairs": []},
        {"fits": None},
        {"": ""},
        {"model": {"means": [[1e308]]}},
    ],
    "n_cluster": [[2]],
    "labels": [True],
}


@dataclass(frozen=True)
class BadRequest:
    """`code` is that of the error shape; "" where the gateway itself answers with a message."""

    name: str
    status: int
    code: str | tuple[str, ...] = ""
    method: str = "POST"
    target: str = "/tasks"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))


def corpus(valid: dict[str, Any]) -> Iterator[BadRequest]:
    """All of them; `valid` is a task that can be served."""
    good = json.dumps(valid).encode()
    for method, target in ROUTES:
        yield BadRequest(f"{method} {target[:40]}", 404, method=method, target=target, body=good)
    for headers in MEDIA:
        name = f"media {headers}"
        yield BadRequest(name, 415, "unsupported_media_type", body=good, headers=headers)
    for name, body in NOT_JSON.items():
        yield BadRequest(name, 400, "malformed_body", body=body)
    yield BadRequest("cut short", 400, "malformed_body", body=good[:-1])
    yield BadRequest("repeated", 400, "malformed_body", body=good[:-1] + b', "seed": 2}')
    yield BadRequest("repeated inside", 400, "malformed_body", body=b'{"resume": {"a":1,"a":2}}')
    for name, content in NOT_A_TASK.items():
        codes = ("wrong_type", "missing_field", "unknown_field")
        yield BadRequest(name, 422, codes, body=json.dumps(content).encode())
    yield BadRequest("a list of tasks", 422, "wrong_type", body=b"[" + good + b"]")
    for value in IDS:
        yield _with(valid, "dataset_id", value, "bad_dataset_id")
    for name, values in FIELDS.items():
        for value in values:
            yield _with(valid, name, value, None)
    for name in ("dataset_id", "columns", "standardise", "n_clusters", "n_restarts", "seed"):
        less = {key: value for key, value in valid.items() if key != name}
        yield BadRequest(f"no {name}", 422, "missing_field", body=json.dumps(less).encode())
    yield from _unsuitable(valid)
    yield from _large(valid)


def _unsuitable(valid: dict[str, Any]) -> Iterator[BadRequest]:
    """Well-formed tasks that this dataset, or any, cannot serve."""
    unknown = {**valid, "dataset_id": "0" * 64}
    body = json.dumps(unknown).encode()
    yield BadRequest("an unknown dataset", 404, "dataset_not_found", body=body)
    yield _with(valid, "columns", [0, 7], "unknown_column")
    yield _with(valid, "columns", [9_999], "unknown_column")
    yield _with(valid, "columns", [3], "no_rows")
    yield _with(valid, "n_clusters", [64], "too_many_clusters")
    yield _with({**valid, "experiments": list(range(1_000))}, "n_restarts", 1_000, "too_many_fits")
    yield _with(valid, "experiments", list(range(2_001)), "too_many_fits")


def _large(valid: dict[str, Any]) -> Iterator[BadRequest]:
    padded = json.dumps(valid).encode()
    for n_bytes, code in ((5 * 2**20, "body_too_large"), (7 * 2**20, ""), (11 * 2**20, "")):
        body = padded + b" " * n_bytes
        yield BadRequest(f"{n_bytes:,} bytes", 413, code, body=body)


def _with(valid: dict[str, Any], name: str, value: Any, code: str | None) -> BadRequest:
    any_code = ("wrong_type", "wrong_length", "out_of_range", "not_allowed", "unknown_field")
    body = json.dumps({**valid, name: value}).encode()
    shown = f"{json.dumps(value)[:60]} ({len(body)} bytes)"
    codes = (*any_code, "contract_version", "bad_resume") if code is None else code
    return BadRequest(f"{name} = {shown}", 422, codes, body=body)
