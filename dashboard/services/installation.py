"""Everything on AWS that the dashboard works with, opened and checked at its start."""

from __future__ import annotations

from dashboard.aws.credentials import open_access
from dashboard.aws.health import EndpointHealth, HealthMonitor, SignedRequests
from dashboard.aws.s3_datasets import S3Datasets
from dashboard.aws.stack import check_stack, find_stack
from dashboard.backends.api import ApiBackend
from dashboard.planning.prices import Prices
from dashboard.settings import Settings
from dashboard.stores.dynamodb.store import DynamoJobStore
from dashboard.stores.dynamodb.table import CLIENT_CONFIG

FIRST_ANSWER_S = 5.0
"""How long the start waits for the endpoint. One that is slower is shown as it is on the page."""

REFUSED = frozenset(
    {
        "missing_credentials",
        "expired_credentials",
        "wrong_credentials",
        "wrong_clock",
        "no_rights",
    }
)
"""Problems of the endpoint with which nothing would ever run: the start is refused."""


def open_installation(settings: Settings) -> tuple[DynamoJobStore, ApiBackend, HealthMonitor]:
    """Store, backend and health of the stack that `settings` name.

    Raises AwsProblem when credentials, region, stack, bucket, table or rights are missing. An
    endpoint that is merely not well is no reason.
    """
    access = open_access(settings.region)
    stack = find_stack(settings, access)
    check_stack(stack, access)
    auth = SignedRequests(access.credentials, stack.region)
    health = HealthMonitor(EndpointHealth(stack.endpoint, auth))
    found = health.latest(FIRST_ANSWER_S)
    if found is not None and found.problem is not None and found.problem.code in REFUSED:
        raise found.problem
    s3 = access.client("s3")
    store = DynamoJobStore(
        stack.table,
        stack.bucket,
        dynamodb=access.client("dynamodb", CLIENT_CONFIG),
        s3=s3,
        finished_ttl_days=settings.finished_jobs_days or None,
    )
    backend = ApiBackend(
        stack.endpoint,
        stack.region,
        access.credentials,
        prices=Prices.of(stack.architecture),
        memory_mb=stack.memory_mb,
        datasets=S3Datasets(s3, stack.bucket, settings.datasets_dir),
        max_in_flight=settings.max_in_flight,
    )
    return store, backend, health
