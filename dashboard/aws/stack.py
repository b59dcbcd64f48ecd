"""Where everything on AWS is: the outputs of the deployed stack, or the settings in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from dashboard.aws.problems import AwsProblem

if TYPE_CHECKING:
    from dashboard.aws.credentials import AwsAccess
    from dashboard.settings import Settings

NEEDED_OUTPUTS = ("Endpoint", "DatasetBucket", "JobsTable")
"""Outputs of sam_template.yaml without which nothing works."""
USABLE_STATES = (
    "CREATE_COMPLETE",
    "IMPORT_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
)
"""States of a stack that is there to be used; others are being made, removed, or have failed."""
DEARER_ARCHITECTURE = "x86_64"
"""Assumed when nobody says which: a spending cap then stops too early, not too late."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The parts of one installation. `memory_mb` and `architecture` decide what a fit costs."""

    endpoint: str
    bucket: str
    table: str
    region: str
    memory_mb: int
    architecture: str
    name: str = ""


def find_stack(settings: Settings, access: AwsAccess) -> Stack:
    """The stack that `settings` name or describe; single settings go before the stack's outputs.

    Raises AwsProblem when there is no such stack, it is not usable, or it may not be read.
    """
    outputs: dict[str, str] = {}
    if settings.stack:
        outputs = read_outputs(access.client("cloudformation"), settings.stack)
    return Stack(
        endpoint=settings.endpoint or outputs["Endpoint"].rstrip("/"),
        bucket=settings.bucket or outputs["DatasetBucket"],
        table=settings.table or outputs["JobsTable"],
        region=outputs.get("Region") or access.region,
        memory_mb=int(outputs.get("MemoryMb") or settings.memory_mb),
        architecture=outputs.get("Architecture") or DEARER_ARCHITECTURE,
        name=settings.stack,
    )


def read_outputs(cloudformation: Any, name: str) -> dict[str, str]:
    """The outputs of the stack `name`. Raises AwsProblem."""
    try:
        answer: Mapping[str, Any] = cloudformation.describe_stacks(StackName=name)
    except (BotoCoreError, ClientError) as error:
        problem = AwsProblem.of(error, f"reading the outputs of the stack {name}")
        if problem.code == "not_found":
            raise _no_stack(name, cloudformation.meta.region_name) from error
        raise problem from error
    found = answer["Stacks"][0]
    outputs = {
        entry["OutputKey"]: str(entry["OutputValue"]) for entry in found.get("Outputs") or ()
    }
    missing = [key for key in NEEDED_OUTPUTS if not outputs.get(key)]
    state = str(found.get("StackStatus"))
    if state not in USABLE_STATES or missing:
        raise AwsProblem(
            "stack_not_ready",
            f"The stack {name} cannot be used: its state is {state}"
            + (f" and it has no output {', '.join(missing)}" if missing else "")
            + f". Deploy it (again) with `make deploy STACK={name}`, or name another one.",
            {"stack": name, "state": state, "missing": missing},
        )
    return outputs


def check_stack(stack: Stack, access: AwsAccess) -> None:
    """Make sure that bucket and table are there and may be used.

    Raises AwsProblem naming the first one that is missing, or the right that is. The endpoint is
    not asked: one that does not answer now may do so later, and the page shows that.
    """
    try:
        access.client("s3").head_bucket(Bucket=stack.bucket)
    except (BotoCoreError, ClientError) as error:
        raise AwsProblem.of(error, f"looking for the S3 bucket {stack.bucket}") from error
    try:
        # A read that the program makes anyway: no right is asked for that it would not need.
        access.client("dynamodb").get_item(
            TableName=stack.table, Key={"job_id": {"S": "#start"}, "task_id": {"S": "#start"}}
        )
    except (BotoCoreError, ClientError) as error:
        raise AwsProblem.of(error, f"looking for the DynamoDB table {stack.table}") from error


def _no_stack(name: str, region: str) -> AwsProblem:
    return AwsProblem(
        "no_stack",
        f"There is no stack {name} in {region} in this AWS account. Deploy it with `make deploy "
        f"STACK={name}`, or check its name, --region and the account (`aws sts "
        "get-caller-identity`).",
        {"stack": name, "region": region},
    )
