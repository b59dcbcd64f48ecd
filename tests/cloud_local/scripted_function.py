"""A function that does what the body of the request says; for tests of the gateway alone."""

import json
import os
import sys
import time
from pathlib import Path

if os.environ.get("FAIL_TO_LOAD"):
    raise RuntimeError("this module cannot be loaded")

LOADED_AT = time.time()


def handler(event, context):
    order = json.loads(event.get("body") or "{}") if not event["isBase64Encoded"] else {}
    wanted = order.get("do", "echo")
    if wanted == "wait":
        Path(order["started"], context.aws_request_id).touch()
        deadline = time.monotonic() + 600
        while not Path(order["until"]).exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        return {"statusCode": 200, "body": context.aws_request_id}
    if wanted == "raise":
        raise ValueError("a secret of the function")
    if wanted == "exit":
        os._exit(3)
    if wanted == "answer":
        return order["with"]
    if wanted == "large":
        return {"statusCode": 200, "body": "a" * order["n_bytes"]}
    if wanted == "look":
        return {
            "environ": dict(os.environ),
            "cwd": os.getcwd(),
            "importable": {name: _importable(name) for name in order["modules"]},
            "remaining_ms": context.get_remaining_time_in_millis(),
            "memory": context.memory_limit_in_mb,
            "arn": context.invoked_function_arn,
            "pid": os.getpid(),
            "python": list(sys.version_info[:2]),
        }
    return {"statusCode": 200, "body": json.dumps(event), "headers": {"x-pid": str(os.getpid())}}


def _importable(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
