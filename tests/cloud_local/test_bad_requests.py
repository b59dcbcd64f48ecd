"""Whatever is sent to the endpoint, the fault is the sender's and the answer says which."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from bad_requests import JSON, BadRequest, corpus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from signed_requests import SignedClient, signature_headers

from cloud_local.cloud import LocalCloud
from compute_lambda import FitResult, FitTask, fit
from dashboard.aws.s3_datasets import S3Datasets
from tests.waiting import WAIT_S

OWN_ID = "a1" * 32
OTHER_ID = "b2" * 32
OTHER_MARK = "private-mark-of-another-caller"
TRACES = ("Traceback", 'File "', ".py", "site-packages", "<html", "/tmp/", "0x7f")


def task(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "fit",
        "dataset_id": OWN_ID,
        "columns": [0, 2],
        "standardise": True,
        "covariance_type": "diag-tied",
        "n_clusters": [1, 2],
        "experiments": [0],
        "n_restarts": 1,
        "seed": 7,
        "max_iter": 5,
        **changes,
    }


def table() -> NDArray[np.float64]:
    """30 rows; the last of four columns holds nothing."""
    values = np.asfortranarray(np.random.default_rng(4).normal(size=(30, 4)))
    values[:, 3] = np.nan
    return values


@pytest.fixture(scope="module")
def endpoint(cloud: LocalCloud, signed: SignedClient, tmp_path_factory: Any) -> str:
    """An endpoint that holds data of two callers and has worked for the other one."""
    folder: Path = tmp_path_factory.mktemp("tables")
    access = {
        "endpoint_url": cloud.moto_url,
        "region_name": cloud.region,
        "aws_access_key_id": "any",
        "aws_secret_access_key": "any",
    }
    s3 = boto3.client("s3", **access)
    for dataset_id in (OWN_ID, OTHER_ID):
        np.save(folder / f"{dataset_id}.npy", table())
        S3Datasets(s3, cloud.bucket, folder).ensure(dataset_id)
    s3.put_object(Bucket=cloud.bucket, Key="results/job/task", Body=OTHER_MARK.encode())
    assert signed.fit(task(dataset_id=OTHER_ID)).status_code == 200
    assert signed.fit({OTHER_MARK: 1}).status_code == 422
    return cloud.endpoint


def answer_to(endpoint: str, request: BadRequest, signed: bool = True) -> tuple[int, Any, bytes]:
    """Status, content type and body; the target is sent as it stands."""
    headers = {name: text for name, text in request.headers.items() if text}
    if signed:
        url = endpoint + request.target
        headers = signature_headers(request.method, url, request.body, headers)
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=WAIT_S)
    try:
        connection.putrequest(request.method, request.target, skip_accept_encoding=True)
        for name, text in headers.items():
            connection.putheader(name, text)
        connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders()
        # It may be refused before all of it is sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(request.body)
        response = connection.getresponse()
        return response.status, response.getheader("content-type"), response.read()
    finally:
        connection.close()


def check_shape(status: int, content_type: str | None, body: bytes) -> str:
    """The answer is 4xx in one of the two shapes and gives nothing away; its code, or ""."""
    assert 400 <= status < 500
    assert content_type == "application/json"
    text = body.decode("ascii")
    assert len(text) < 3_000
    for mark in (*TRACES, OTHER_ID, OTHER_MARK):
        assert mark not in text
    content = json.loads(text)
    if set(content) == {"message"}:
        return ""
    error = content["error"]
    assert set(content) == {"error"}
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["message"].endswith(".")
    assert isinstance(error["details"], dict)
    assert error["request_id"]
    return str(error["code"])


def test_the_corpus_is_large_and_its_names_differ() -> None:
    requests = list(corpus(task()))
    assert len(requests) >= 250
    assert len({request.name for request in requests}) == len(requests)


def test_the_task_that_is_made_wrong_is_right(endpoint: str) -> None:
    body = json.dumps(task()).encode()
    status, _, answer = answer_to(endpoint, BadRequest("a good one", 200, body=body))
    assert status == 200
    assert json.loads(answer)["task_id"] == FitTask.from_dict(task()).task_id


def test_every_bad_request_gets_the_answer_it_deserves(endpoint: str, cloud: LocalCloud) -> None:
    failed = cloud.state()["counts"]["failed"]
    wrong = []
    for request in corpus(task()):
        try:
            status, content_type, body = answer_to(endpoint, request)
            code = check_shape(status, content_type, body)
            codes = (request.code,) if isinstance(request.code, str) else request.code
            assert (status, code in codes) == (request.status, True), code
        except (AssertionError, ValueError, KeyError, OSError) as error:
            wrong.append(f"{request.name}: {error!s:.300} {body[:300]!r}")
    assert wrong == []
    # Not one of them cost an environment its life.
    assert cloud.state()["counts"]["failed"] == failed


def test_unsigned_requests_never_reach_the_function(endpoint: str, cloud: LocalCloud) -> None:
    before = cloud.state()["counts"]["invocations"]
    for request in corpus(task()):
        if request.status not in (404, 413) and "content-encoding" not in request.headers:
            status, _, body = answer_to(endpoint, request, signed=False)
            assert (status, json.loads(body)) == (403, {"message": "Forbidden"}), request.name
    assert cloud.state()["counts"]["invocations"] == before


RAW = {
    "no HTTP": b"hello\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "no path": b"GET HTTP/1.1\r\nHost: a\r\n\r\n",
    "another version": b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n",
    "a header without name": b"GET /health HTTP/1.1\r\n: a\r\n\r\n",
    "a header with a zero": b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "a long header": b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "a negative length": b"POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Content-Length: 6\r\n\r\nhello",
    "length and chunks": b"POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"POST /tasks HTTP/1.1\r\nHost: a\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "a proxy's request": b"GET http://elsewhere/health HTTP/1.1\r\nHost: a\r\n\r\n",
    "an upgrade": b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_hardly_http_is_refused(endpoint: str, name: str) -> None:
    address = ("127.0.0.1", int(endpoint.rpartition(":")[2]))
    with socket.create_connection(address, timeout=WAIT_S) as connection:
        connection.sendall(RAW[name])
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status in (400, 403, 404)
        assert set(json.loads(answer.read())) == {"message"}


# ---- fuzzing: a valid task, changed at random places ----

NUMBERS = st.integers() | st.floats() | st.sampled_from([2**31, 2**53 + 1, 2**64, -(2**63), 1e308])
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted(FitTask.from_dict(task()).to_dict()))


@st.composite
def changed_tasks(draw: Callable[..., Any]) -> Any:
    """The contract's own fields with one to three values replaced, removed or added."""
    content = FitTask.from_dict(task()).to_dict()
    for _ in range(draw(st.integers(1, 3))):
        what = draw(st.sampled_from(["replace", "remove", "add", "inside"]))
        name = draw(NAMES)
        if what == "replace":
            content[name] = draw(VALUES)
        elif what == "remove":
            content.pop(name, None)
        elif what == "add":
            content[draw(st.text(max_size=12))] = draw(VALUES)
        elif isinstance(content.get(name), list):
            place = draw(st.integers(0, len(content[name])))
            content[name][place:place] = [draw(VALUES)]
    return content


@st.composite
def changed_bytes(draw: Callable[..., Any]) -> bytes:
    """A valid body with bytes removed, inserted or cut off."""
    body = bytearray(json.dumps(task()).encode())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        stop = draw(st.integers(start, min(len(body), start + 8)))
        body[start:stop] = draw(st.binary(max_size=6))
    return bytes(body)


def check_fuzzed(endpoint: str, body: bytes) -> None:
    """4xx in the error shape; or the fit of exactly this task, when it is one after all."""
    request = BadRequest("fuzzed", 400, body=body, headers=dict(JSON))
    status, content_type, answer = answer_to(endpoint, request)
    if status != 200:
        assert check_shape(status, content_type, answer) != ""
        return
    assert json.loads(answer)["task_id"] == FitTask.from_dict(json.loads(body)).task_id


FUZZING = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZING
@given(content=changed_tasks())
def test_changed_tasks(endpoint: str, content: Any) -> None:
    check_fuzzed(endpoint, json.dumps(content).encode())


@FUZZING
@given(body=changed_bytes())
def test_changed_bytes(endpoint: str, body: bytes) -> None:
    check_fuzzed(endpoint, body)


@FUZZING
@given(state=VALUES.filter(lambda state: state is not None))
def test_made_up_resume_states(endpoint: str, state: Any) -> None:
    """A state that no answer has ever held is refused, whatever it is."""
    body = json.dumps(task(resume=state)).encode()
    status, content_type, answer = answer_to(endpoint, BadRequest("fuzzed", 422, body=body))
    assert check_shape(status, content_type, answer) != ""


def interrupted() -> FitTask:
    """A task on the caller's own table with the state of an answer that came half-way."""
    whole = FitTask.from_dict(
        task(covariance_type="full-untied", n_clusters=[2, 3], n_restarts=3, max_iter=50)
    )
    questions = iter([False, False, True])
    result = fit(whole, table()[:, [0, 2]], should_stop=lambda: next(questions, True))
    assert result.resume is not None
    return dataclasses.replace(whole, resume=result.resume)


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in inside:
        yield (*here, name)
        if isinstance(part, (dict, list)):
            yield from places(part, (*here, name))


HALF_WAY = interrupted()
PLACES = sorted(places(HALF_WAY.resume), key=str)


@FUZZING
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_changed_resume_states(endpoint: str, place: tuple[Any, ...], value: Any) -> None:
    """A real state with another value somewhere: refused, or gone on with, never a fault."""
    content = json.loads(json.dumps(HALF_WAY.to_dict()))
    part = content["resume"]
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    check_fuzzed(endpoint, json.dumps(content).encode())


def test_the_real_resume_state_is_gone_on_with(endpoint: str) -> None:
    body = json.dumps(HALF_WAY.to_dict()).encode()
    status, _, answer = answer_to(endpoint, BadRequest("a good one", 200, body=body))
    assert status == 200
    fits = FitResult.from_dict(json.loads(answer)).fits
    assert [(one.n_clusters, one.experiment) for one in fits] == [(3, 0)]
