"""How large the bundle is and how fast it starts.

    python -m benchmarks.bundle [--runs 15]

Sizes are of the artefact that is deployed (arm64). Start-ups are of the artefact for this
processor under AWS's own runtime client, as Lambda starts it, for Lambda's Python where one is
found on this machine and for the running one: from spawning the process to its first answer to
`GET /health`, which needs no NumPy, and, in another process, to its first fit, which does and whose
dataset lies in a folder. A Lambda on AWS adds the making of its sandbox and the loading of the
code. The page cache is warm.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import os
import platform
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.rig.machine import description, headline
from bundle import ARCHITECTURES, Bundle, Target, build_bundle
from bundle.bytecode import find_interpreter
from bundle.recipe import ROOT
from bundle.target import LAMBDA_PYTHON_VERSION
from bundle.wheels import pinned_version
from compute_lambda import FitTask
from compute_lambda.environment import DATA_DIR

DATASET_ID = "ab" * 32
ANSWER_TIMEOUT_S = 20.0
INSTALL_TIMEOUT_S = 300
RUNTIME_CLIENT = "awslambdaric"
HANDLER = "compute_lambda.handler.handler"
EMPTY, HEALTH, FIT = "the answer of an empty function", "the first GET /health", "the first fit"
TASK = FitTask(DATASET_ID, (0, 1), True, "full-untied", (4,), (0,), 10, seed=0)


@dataclass(frozen=True, slots=True)
class StartUp:
    """Milliseconds from the spawn to the answer, and of processor time until the end."""

    wall_ms: float
    cpu_ms: float


class RuntimeApi(http.server.ThreadingHTTPServer):
    """Hands out one event to each process that asks, and keeps what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApiHandler)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[tuple[float, str, bytes]] = queue.Queue()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _RuntimeApiHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RuntimeApi

    def do_GET(self) -> None:
        event = self.server.events.get()  # a worker that has answered waits here until it is killed
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "a-request")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1e3) + 29_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x:1:function:fit")
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-a")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.put((time.perf_counter(), self.path, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the worker was killed
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    with RuntimeApi() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)


def event(method: str, path: str, body: str = "") -> bytes:
    """A request as API Gateway passes it on."""
    context = {"http": {"method": method, "path": path}, "requestId": "r", "stage": "$default"}
    headers = {"content-type": "application/json"}
    content = {"rawPath": path, "headers": headers, "requestContext": context, "body": body}
    return json.dumps(content).encode()


def installed_client(python_version: str, machine: str) -> Path:
    """A folder with AWS's runtime client for a version of Python, installed there once."""
    version = pinned_version(RUNTIME_CLIENT, ROOT / "tests/requirements.txt", python_version)
    folder = ROOT / "build" / f"{RUNTIME_CLIENT}-{version}-py{python_version.replace('.', '')}"
    if not folder.is_dir():
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)),
                *("--only-binary", ":all:", "--python-version", python_version),
                *("--platform", f"manylinux2014_{machine}", f"{RUNTIME_CLIENT}=={version}"),
            ],
            check=True,
            timeout=INSTALL_TIMEOUT_S,
        )
    return folder


def start(command: list[str], environment: dict[str, str], api: RuntimeApi, said: bytes) -> StartUp:
    """One cold start, ended after its first answer. Raises RuntimeError unless that is a 200."""
    with tempfile.TemporaryFile() as log:
        api.events.put(said)
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            answered, path, body = api.answers.get(timeout=ANSWER_TIMEOUT_S)
        except queue.Empty:
            log.seek(0)
            raise RuntimeError(f"Expected an answer, the worker said {log.read()!r}") from None
        finally:
            os.kill(process.pid, signal.SIGKILL)
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = -signal.SIGKILL
    if not path.endswith("/response") or json.loads(body)["statusCode"] != 200:
        raise RuntimeError(f"Expected an answer with status 200, got {path}: {body[:500]!r}")
    return StartUp((answered - began) * 1e3, (used.ru_utime + used.ru_stime) * 1e3)


def start_ups(
    bundle: Bundle, interpreter: Path, client: Path, n_runs: int
) -> dict[str, list[StartUp]]:
    """`n_runs` cold starts for each request, after one that fills the page cache.

    They take turns with starts of a function that does nothing, which show what the machine, the
    interpreter and the runtime client take.
    """
    fit = json.dumps(TASK.to_dict())
    programs = {
        EMPTY: ("empty_function.handler", event("GET", "/health")),
        HEALTH: (HANDLER, event("GET", "/health")),
        FIT: (HANDLER, event("POST", "/tasks", fit)),
    }
    table = np.asfortranarray(np.random.default_rng(0).normal(size=(3_000, 2)))
    found: dict[str, list[StartUp]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory(prefix="cold-start-") as folder:
        np.save(Path(folder) / f"{DATASET_ID}.npy", table)
        empty = "def handler(event, context):\n    return {'statusCode': 200}\n"
        (Path(folder) / "empty_function.py").write_text(empty, encoding="utf-8")
        for _ in range(n_runs + 1):
            for name, (handler, said) in programs.items():
                with runtime_api() as api:
                    environment = {
                        "AWS_LAMBDA_RUNTIME_API": api.address,
                        "LAMBDA_TASK_ROOT": str(bundle.folder),
                        "OPENBLAS_NUM_THREADS": "1",  # as in sam_template.yaml
                        "PYTHONPATH": f"{bundle.folder}:{client}:{folder}",
                        DATA_DIR: folder,
                    }
                    command = [str(interpreter), "-S", "-m", RUNTIME_CLIENT, handler]
                    found[name].append(start(command, environment, api, said))
    return {name: runs[1:] for name, runs in found.items()}


def report(python_version: str, architecture: str, n_runs: int) -> dict[str, float] | None:
    """Print the start-ups of one Python; median milliseconds of each kind, None without it."""
    interpreter = find_interpreter(python_version)
    if interpreter is None:
        print(f"Python {python_version}: not on this machine, so not measured")
        return None
    bundle = build_bundle(Target(architecture, python_version))
    client = installed_client(python_version, ARCHITECTURES[architecture])
    medians = {}
    for name, found in start_ups(bundle, interpreter, client, n_runs).items():
        wall_ms = [one.wall_ms for one in found]
        medians[name] = statistics.median(wall_ms)
        print(
            f"Python {python_version}, from spawn to {name}: {medians[name]:.0f} ms"
            f" (least {min(wall_ms):.0f} ms; processor time"
            f" {statistics.median(one.cpu_ms for one in found):.0f} ms; {n_runs} starts)",
            flush=True,
        )
    return medians


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    n_runs = parser.parse_args().runs
    deployed = build_bundle(Target())
    print(deployed.describe().replace(f"{ROOT}/", ""))
    sizes = (deployed.unzipped_bytes / 1e6, deployed.zipped_bytes / 1e6)
    headline("bundle, unzipped and zipped", f"{sizes[0]:.0f} MB, {sizes[1]:.0f} MB", "60 MB, 20 MB")
    architecture = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        print("Start-ups are measured on Linux only.")
        return
    print(description())
    running = ".".join(platform.python_version_tuple()[:2])
    medians = report(LAMBDA_PYTHON_VERSION, architecture, n_runs)
    if running != LAMBDA_PYTHON_VERSION:
        medians = report(running, architecture, n_runs) if medians is None else medians
    if medians is not None:
        headline("cold start to the first answer", f"{medians[HEALTH]:.0f} ms", "120 ms")
        headline("cold start to the first fit", f"{medians[FIT]:.0f} ms", "250 ms")


if __name__ == "__main__":
    main()
