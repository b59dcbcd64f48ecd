"""What a warm invocation costs beside the fit: HTTP, signature check, event, contract, answer.

    python -m benchmarks.warm_overhead [--requests 500]

One request at a time over a connection that stays open, through the local API Gateway to the real
bundle, which has the dataset in its cache. From the first byte sent to the last one received, minus
`run_ms` of the answer. AWS's own network and front door are not in it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import time
from pathlib import Path

import boto3
import numpy as np
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.rig.machine import headline
from cloud_local.cloud import LocalCloud
from cloud_local.deployment import DEVELOPER
from compute_lambda import FitTask
from dashboard.aws.s3_datasets import S3Datasets

DATASET_ID = "ab" * 32
TIMEOUT_S = 30


def upload(cloud: LocalCloud, folder: Path) -> None:
    """A table of 3,000 rows and two columns in the cloud's bucket."""
    table = np.asfortranarray(np.random.default_rng(0).normal(size=(3_000, 2)))
    np.save(folder / f"{DATASET_ID}.npy", table)
    s3 = boto3.client(
        "s3",
        endpoint_url=cloud.moto_url,
        region_name=cloud.region,
        aws_access_key_id=DEVELOPER.access_key,
        aws_secret_access_key=DEVELOPER.secret_key,
    )
    S3Datasets(s3, cloud.bucket, folder).ensure(DATASET_ID)


def signed(cloud: LocalCloud, body: bytes) -> dict[str, str]:
    request = AWSRequest(
        "POST", f"{cloud.endpoint}/tasks", {"content-type": "application/json"}, body
    )
    credentials = Credentials(DEVELOPER.access_key, DEVELOPER.secret_key)
    SigV4Auth(credentials, "execute-api", cloud.region).add_auth(request)
    return dict(request.headers)


def overheads_ms(cloud: LocalCloud, n_requests: int) -> tuple[list[float], list[float]]:
    """Milliseconds beside the fit and of the fit, warm requests only."""
    host = cloud.endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    beside, fits = [], []
    for seed in range(n_requests + 20):
        task = FitTask(DATASET_ID, (0, 1), True, "full-untied", (4,), (seed,), 1, 0)
        body = json.dumps(task.to_dict()).encode()
        headers = signed(cloud, body)
        began = time.perf_counter()
        connection.request("POST", "/tasks", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        took_ms = (time.perf_counter() - began) * 1e3
        if answer.status != 200:
            raise RuntimeError(f"Expected a fit, got {answer.status}: {content[:300]!r}")
        invocation = json.loads(content)["invocation"]
        if seed >= 20 and not invocation["cold"]:
            fits.append(invocation["run_ms"])
            beside.append(took_ms - invocation["run_ms"])
    connection.close()
    return beside, fits


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder, LocalCloud() as cloud:
        upload(cloud, Path(folder))
        beside, fits = overheads_ms(cloud, options.requests)
    print(
        f"warm invocation, {len(beside)} requests: {statistics.median(beside):.2f} ms beside the"
        f" fit (95 % below {statistics.quantiles(beside, n=20)[-1]:.2f} ms), the fit itself"
        f" {statistics.median(fits):.2f} ms",
        flush=True,
    )
    headline("a warm invocation beside its fit", f"{statistics.median(beside):.1f} ms", "5 ms")


if __name__ == "__main__":
    main()
