"""The rights that the template gives the dashboard on its table are those that the store uses."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.dashboard.jobs.made_up import done, failed, job
from tests.dashboard.stores.cloud_place import Place
from tests.scripted_aws import Script, client

TEMPLATE = Path(__file__).resolve().parents[3] / "sam_template.yaml"


def test_a_jobs_whole_life_needs_the_rights_of_the_template(moto_url: str) -> None:
    place = Place.made(moto_url)
    dynamodb, s3 = place.dynamodb(), client("s3", moto_url)
    store = place.open(time.time, dynamodb=dynamodb, s3=s3, finished_ttl_days=7)
    used, objects = Script(dynamodb), Script(s3)
    job_id = store.create_job(job(n_tasks=2)).job_id
    store.orphaned(time.time())
    store.acquire_lease(job_id, "a", 5.0)
    store.set_state(job_id, "running", owner="a")
    store.record(job_id, [done(0), failed(1, "x" * 9_000_000)])
    assert len(store.outcomes(job_id).outcomes) == 2
    store.set_state(job_id, "done", owner="a")
    store.reopen(job_id)
    store.discard_failures(job_id)
    store.delete_job(job_id)
    # A transaction needs the rights of its parts: put, update, delete and check.
    parts = {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}
    actions = {f"dynamodb:{name}" for name in (set(used.sent) - {"TransactWriteItems"}) | parts}
    granted = set(re.findall(r"- (dynamodb:\w+)", TEMPLATE.read_text(encoding="utf-8")))
    assert actions == granted
    assert set(objects.sent) == {"PutObject", "GetObject", "ListObjectsV2", "DeleteObjects"}
