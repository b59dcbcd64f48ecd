"""API Gateway's payload format 2.0: an HTTP request as an event, Lambda's answer as a response.

Format: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from cloud_local.function.configuration import Caller

ACCOUNT_ID = "123456789012"
API_ID = "local"

_TEXT_TYPES = ("application/json", "application/javascript", "application/xml")


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request at the front door. Header names are lower case, repeated ones joined by ","."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str
    request_id: str
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What goes back to the client."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[str] = ()


def event_of(
    request: ReceivedRequest, route_key: str, caller: Caller | None, now_s: float | None = None
) -> dict[str, Any]:
    """The event for Lambda. `caller` None: the route has no authoriser."""
    now_s = time.time() if now_s is None else now_s
    headers = dict(request.headers)
    cookies = headers.pop("cookie", "")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _context(request, route_key, caller, now_s),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if request.query:
        event["queryStringParameters"] = _joined(request.query)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request)
    return event


def answer_of(payload: bytes) -> HttpAnswer | None:
    """What Lambda's JSON means as HTTP; None when it means nothing (a 500 then).

    A value without a statusCode is the body of a 200, as format 2.0 has it.
    """
    try:
        value = json.loads(payload)
        if not (isinstance(value, dict) and "statusCode" in value):
            return HttpAnswer(200, json.dumps(value).encode(), {"content-type": "application/json"})
        status = int(value["statusCode"])
        body = value.get("body") or ""
        is_base64 = value.get("isBase64Encoded")
        content = base64.b64decode(body, validate=True) if is_base64 else body.encode()
        headers = {str(k).lower(): str(v) for k, v in (value.get("headers") or {}).items()}
        cookies = [str(cookie) for cookie in value.get("cookies") or ()]
    except (ValueError, TypeError, AttributeError):
        return None
    if not 100 <= status <= 599:
        return None
    return HttpAnswer(status, content, headers, cookies)


def _context(
    request: ReceivedRequest, route_key: str, caller: Caller | None, now_s: float
) -> dict[str, Any]:
    context: dict[str, Any] = {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": request.headers.get("host", ""),
        "domainPrefix": API_ID,
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": request.request_id,
        "routeKey": route_key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now_s)),
        "timeEpoch": int(now_s * 1e3),
    }
    if caller is not None:
        context["authorizer"] = {
            "iam": {
                "accessKey": caller.access_key,
                "accountId": ACCOUNT_ID,
                "callerId": caller.access_key,
                "cognitoIdentity": None,
                "principalOrgId": "*",
                "userArn": f"arn:aws:iam::{ACCOUNT_ID}:user/{caller.access_key}",
                "userId": caller.access_key,
            }
        }
    return context


def _joined(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _body(request: ReceivedRequest) -> tuple[str, bool]:
    """Text stays text; everything else, and text that is not UTF-8, travels as base64."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_text = media_type.startswith("text/") or media_type in _TEXT_TYPES
    if is_text and request.headers.get("content-encoding", "identity").lower() == "identity":
        try:
            return request.body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode("ascii"), True
