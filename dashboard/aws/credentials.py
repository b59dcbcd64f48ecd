"""Who we are on AWS: credentials and region, found as every AWS tool finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from dashboard.aws.problems import AwsProblem
from dashboard.aws.signing import RenewingCredentials

CLIENT_CONFIG = Config(
    connect_timeout=5.0,
    read_timeout=20.0,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=32,  # job threads and requests share a client
)


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """A session that has credentials and a region.

    `credentials` is botocore's object: expired ones are renewed when they are asked for, where that
    is possible.
    """

    session: Any
    credentials: RenewingCredentials
    region: str

    def client(self, service: str, config: Config = CLIENT_CONFIG) -> Any:
        """A client of one service, to be used from any thread. Every request has a deadline."""
        return self.session.client(service, region_name=self.region, config=config)


def open_access(region: str = "") -> AwsAccess:
    """The access that environment and AWS configuration give; `region` goes before theirs.

    Raises AwsProblem when the credentials or the region are missing or expired. Nothing is asked
    over the network, unless credentials have to be fetched.
    """
    doing = "looking for AWS credentials"
    try:
        session = boto3.Session(region_name=region or None)
        credentials = session.get_credentials()
        if credentials is None:
            raise AwsProblem.missing("missing_credentials", doing)
        # Renewed here if they must be: the refusal belongs to the start.
        frozen = credentials.get_frozen_credentials()
    except BotoCoreError as error:
        raise AwsProblem.of(error, doing) from error
    if not frozen.access_key or not frozen.secret_key:
        raise AwsProblem.missing("missing_credentials", doing)
    if not session.region_name:
        raise AwsProblem.missing("missing_region", "looking for the AWS region")
    return AwsAccess(session, credentials, session.region_name)
