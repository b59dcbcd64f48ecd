"""The real bundle in an environment that fails once to load what fits need."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
from signed_requests import KEY, SECRET, SignedClient

from bundle.recipe import build_bundle
from bundle.target import Target
from cloud_local.function.configuration import Caller, FunctionConfiguration, GatewayConfiguration
from cloud_local.function.runtime_root import link_runtime_root
from cloud_local.local_gateway import LocalGateway
from compute_lambda import FitResult, FitTask
from compute_lambda.environment import DATA_DIR

DATASET = "cd" * 32


def configuration(folder: Path) -> GatewayConfiguration:
    bundle = build_bundle(Target.of("x86_64", f"{sys.version_info.major}.{sys.version_info.minor}"))
    task_root = folder / "task"
    task_root.mkdir()
    for part in bundle.folder.iterdir():
        (task_root / part.name).symlink_to(part.resolve())
    shutil.copy(Path(__file__).with_name("failing_once.py"), task_root)
    function = FunctionConfiguration(
        task_root=str(task_root),
        runtime_root=str(link_runtime_root(folder / "runtime")),
        log_path=str(folder / "function.log"),
        handler="failing_once.handler",
        environment={DATA_DIR: str(folder), "FAILED_ONCE": str(folder / "failed")},
    )
    return GatewayConfiguration(function, (Caller(KEY, SECRET),))


def test_an_environment_whose_numpy_failed_to_load_is_replaced(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).normal(size=(60, 2))
    np.save(tmp_path / f"{DATASET}.npy", np.asfortranarray(rows))
    task = FitTask(
        dataset_id=DATASET,
        columns=(0, 1),
        standardise=True,
        covariance_type="full-untied",
        n_clusters=(2,),
        experiments=(0,),
        n_restarts=2,
        seed=1,
    ).to_dict()
    with LocalGateway(configuration(tmp_path)) as gateway:
        client = SignedClient(gateway.endpoint)
        answers = [client.send("GET", "/health"), *(client.fit(task) for _ in range(3))]
        client.close()
        counts = gateway.state()["counts"]
        log = gateway.log_tail()
    assert [answer.status_code for answer in answers] == [200, 500, 200, 200]
    # The answer is the gateway's: nobody was left to say more.
    assert answers[1].json() == {"message": "Internal Server Error"}
    assert counts == {"invocations": 4, "cold_starts": 2, "throttled": 0, "failed": 1}
    ran = [FitResult.from_dict(answer.json()).invocation for answer in answers[2:]]
    assert [one.cold for one in ran] == [True, False]
    assert "a failure that passes" in log
