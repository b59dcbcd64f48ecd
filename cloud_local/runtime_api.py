"""Lambda's Runtime API, which every worker talks to, and a door for those who steer the gateway.

Paths are `/<environment>/2018-06-01/runtime/...`, so that one port serves all workers. Reference:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp.web import BaseRequest, Response

from cloud_local.function.configuration import THROTTLE_MESSAGES
from cloud_local.function.function import Function
from cloud_local.gateway.payload_format import ACCOUNT_ID

if TYPE_CHECKING:
    from cloud_local.gateway.gateway import Gateway

PREFIX = "2018-06-01/runtime/"


class RuntimeApi:
    """An aiohttp handler."""

    def __init__(self, function: Function, gateway: Gateway) -> None:
        self._function = function
        self._gateway = gateway
        configuration = function.configuration
        self._arn = (
            f"arn:aws:lambda:{configuration.region}:{ACCOUNT_ID}:function:{configuration.name}"
        )

    async def __call__(self, request: BaseRequest) -> Response:
        name, _, rest = request.path.removeprefix("/").partition("/")
        if name == "control":
            return await self._control(request, rest)
        environment = self._function.environments.get(name)
        call = rest.removeprefix(PREFIX)
        if environment is None or call == rest:
            return _said(403 if call != rest else 404, "Not a live environment")
        if call == "invocation/next":
            invocation = await self._function.next_for(environment)
            return Response(
                body=invocation.payload,
                content_type="application/json",
                headers={
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline_s * 1e3)),
                    "Lambda-Runtime-Invoked-Function-Arn": self._arn,
                    "Lambda-Runtime-Trace-Id": f"Root=1-{invocation.request_id}",
                },
            )
        body = await request.content.read()
        if call == "init/error":
            self._function.init_failed(environment)
            return _said(202, "OK")
        _, _, ending = call.partition("/")
        request_id, _, what = ending.partition("/")
        if what == "response":
            return _said(self._function.respond(environment, request_id, body), what)
        if what == "error":
            return _said(self._function.report(environment, request_id), what)
        return _said(404, "Unknown call")

    async def _control(self, request: BaseRequest, call: str) -> Response:
        if call == "settings" and request.method == "POST":
            return self._change(json.loads(await request.content.read()))
        if call != "state" or request.method != "GET":
            return _said(404, "Unknown call")
        return self._state()

    def _change(self, given: dict[str, Any]) -> Response:
        function, gateway = self._function, self._gateway
        status = given.get("throttle_status", gateway.throttle_status)
        if status not in THROTTLE_MESSAGES:
            return _said(400, f"throttle_status is one of {list(THROTTLE_MESSAGES)}")
        gateway.throttle_status = status
        gateway.integration_limit_s = given.get("integration_limit_s", gateway.integration_limit_s)
        function.concurrency = given.get("concurrency", function.concurrency)
        function.timeout_s = given.get("timeout_s", function.timeout_s)
        return self._state()

    def _state(self) -> Response:
        return Response(
            body=json.dumps(self._function.state()).encode(), content_type="application/json"
        )


def _said(status: int, what: str) -> Response:
    return Response(
        status=status, body=json.dumps({"status": what}).encode(), content_type="application/json"
    )
