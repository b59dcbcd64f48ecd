"""`python -m bundle.stack check|describe|remove STACK`: around `sam deploy` and `sam delete`.

SAM does the work; this says beforehand what is missing, and afterwards what is there now. It runs
in SAM's environment, which has boto3.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bundle.data import delete_bucket, delete_table

OUTPUTS_NEEDED = ("DatasetBucket", "JobsTable")
SAM_TIMEOUT_S = 1_800


class StackProblem(Exception):
    """What was expected of the account or the stack, what came and what to do."""


def main(
    arguments: list[str] | None = None,
    *,
    session: Any = None,
    sam: Callable[[list[str]], int] | None = None,
) -> int:
    """0 when it went well, 1 with a sentence when not. Tests give their `session` and `sam`."""
    from botocore.exceptions import BotoCoreError, ClientError

    options = _parser().parse_args(arguments)
    try:
        check_name(options.stack)
        session = session or _session()
        if options.action == "check":
            print(f"Account {account(session)}, region {session.region_name}.")
        elif options.action == "describe":
            print(description(options.stack, outputs(session, options.stack)))
        else:
            return remove(session, options.stack, options.data, sam or _sam)
    except StackProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(_sentence(error), file=sys.stderr)
        return 1
    return 0


def check_name(stack: str) -> None:
    """Raises StackProblem unless CloudFormation would take `stack` as a name."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,100}", stack):
        raise StackProblem(
            f"Expected the name of a stack (letters, digits and hyphens), got {stack!r}. Name it:"
            " make deploy STACK=centaurus"
        )


def account(session: Any) -> str:
    """The number of the account that the credentials belong to. Raises StackProblem."""
    if session.get_credentials() is None:
        raise StackProblem(
            "Expected AWS credentials, found none. Run `aws configure` or `aws sso login`, or set"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; AWS_PROFILE chooses among several."
        )
    if session.region_name is None:
        raise StackProblem(
            "Expected an AWS region, found none. Set it, for example: export"
            " AWS_DEFAULT_REGION=eu-central-1"
        )
    return str(session.client("sts").get_caller_identity()["Account"])


def outputs(session: Any, stack: str) -> dict[str, str]:
    """The outputs of `stack`. Raises StackProblem when it is not there, ClientError otherwise."""
    from botocore.exceptions import ClientError

    account(session)
    try:
        answer = session.client("cloudformation").describe_stacks(StackName=stack)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise StackProblem(
            f"Expected a stack {stack} in {session.region_name}, found none. Check its name and"
            " AWS_DEFAULT_REGION."
        ) from None
    entries = answer["Stacks"][0].get("Outputs") or []
    return {entry["OutputKey"]: entry["OutputValue"] for entry in entries}


def description(stack: str, found: dict[str, str]) -> str:
    """What a person does next with the stack."""
    return (
        f"\n{stack} is there: {found.get('Endpoint', 'without an endpoint')}\n"
        f"  use it:       CENTAURUS_BACKEND=aws CENTAURUS_STACK={stack} make run\n"
        f"  who may:      attach {found.get('DashboardPolicyArn', 'the policy')} to that user\n"
        f"  remove it:    make remove STACK={stack} (its data as well: DATA=delete)"
    )


def remove(session: Any, stack: str, data: str, sam: Callable[[list[str]], int]) -> int:
    """Delete the stack; its bucket and table too when `data` is "delete". SAM's exit code."""
    found = outputs(session, stack)
    region = str(session.region_name)
    code = sam(["delete", "--stack-name", stack, "--region", region, "--no-prompts"])
    if code != 0:
        return code
    bucket, table = (found.get(name, "") for name in OUTPUTS_NEEDED)
    if data == "delete":
        delete_bucket(session.client("s3"), bucket)
        delete_table(session.client("dynamodb"), table)
        print(f"Removed {stack}, its bucket {bucket} and its table {table}.")
    else:
        print(
            f"Removed {stack}. Its data is kept and costs what storage costs: bucket {bucket},"
            f" table {table}."
        )
    return 0


def _session() -> Any:
    import boto3

    return boto3.Session()


def _sam(arguments: list[str]) -> int:
    program = Path(sys.executable).with_name("sam")
    return subprocess.call([str(program), *arguments], timeout=SAM_TIMEOUT_S)


def _sentence(error: Exception) -> str:
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    if "Expired" in code or "Expired" in type(error).__name__:
        return f"Expected valid AWS credentials, got expired ones ({code}). Log in again."
    if code in ("InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"):
        return f"Expected valid AWS credentials, AWS does not know these ({code}). Correct them."
    return f"AWS did not do it: {error}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bundle.stack", description="One stack on AWS.")
    parser.add_argument("action", choices=["check", "describe", "remove"])
    parser.add_argument("stack", help="its name")
    parser.add_argument("--data", choices=["keep", "delete"], default="keep")
    return parser


if __name__ == "__main__":
    sys.exit(main())
