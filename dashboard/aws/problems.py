"""What AWS refused or could not do, as sentences that say what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from botocore import exceptions as botocore

from compute_lambda.contract.errors import ReportedError

#: Codes of errors after which the same request may well succeed.
TRANSIENT_CODES = frozenset({"throttled", "unreachable", "timed_out", "aws_unavailable"})

#: AWS's many words for the few things that a person can put right.
_CODES = {
    "missing_credentials": {"MissingAuthenticationToken", "MissingAuthenticationTokenException"},
    "expired_credentials": {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "TokenRefreshRequired",
    },
    "wrong_credentials": {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    },
    "wrong_clock": {"RequestTimeTooSkewed", "RequestInTheFuture"},
    "no_rights": {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "Forbidden",
        "ForbiddenException",
        "NotAuthorized",
        "UnauthorizedOperation",
    },
    "not_found": {
        "404",
        "NoSuchBucket",
        "NoSuchKey",
        "NotFound",
        "ResourceNotFoundException",
        "TableNotFoundException",
    },
    "wrong_region": {"AuthorizationHeaderMalformed", "PermanentRedirect", "301"},
    "throttled": {
        "429",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    },
    "timed_out": {"RequestTimeout", "RequestTimeoutException"},
    "aws_unavailable": {
        "500",
        "502",
        "503",
        "504",
        "InternalError",
        "InternalServerError",
        "ServiceUnavailable",
    },
}

#: Operations whose IAM action has another name; the others are "service:Operation".
_ACTIONS = {
    "CompleteMultipartUpload": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectsV2": "s3:ListBucket",
    "ListParts": "s3:ListMultipartUploadParts",
    "TransactWriteItems": "dynamodb:PutItem",
    "UploadPart": "s3:PutObject",
}
_SERVICES = {
    "cloudformation": {"DescribeStacks"},
    "dynamodb": {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "DescribeTable",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "UpdateItem",
    },
    "s3": {"AbortMultipartUpload", "DeleteObject", "GetObject", "PutObject"},
    "sts": {"GetCallerIdentity"},
}

_SENTENCES = {
    "missing_credentials": (
        "no AWS credentials were found. Run `aws configure` or `aws sso login`, or set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) and start again."
    ),
    "expired_credentials": (
        "the AWS credentials have expired. Get new ones (`aws sso login`, or whatever gave you "
        "these), then run it again."
    ),
    "wrong_credentials": (
        "AWS does not accept the credentials: the key is unknown, or its secret does not fit. "
        "`aws sts get-caller-identity` shows which ones are used; `aws configure` sets others."
    ),
    "wrong_clock": (
        "AWS does not accept the time of the request. Set this machine's clock right (it must be "
        "within five minutes) and try again."
    ),
    "missing_region": (
        "no AWS region is set. Give the one of the stack with --region (for example --region "
        "eu-central-1), or set AWS_DEFAULT_REGION."
    ),
    "wrong_region": (
        "it exists, but not in this region. Give the region in which the stack was deployed with "
        "--region."
    ),
    "missing_profile": (
        "AWS_PROFILE names a profile that does not exist. `aws configure list-profiles` lists "
        "those there are."
    ),
    "not_found": (
        "AWS has nothing of that name in this account and region. Check the name, --region and "
        "the account (`aws sts get-caller-identity`), or deploy the stack again: make deploy."
    ),
    "throttled": "AWS limits the rate of requests. It is tried again; fewer at once may help.",
    "unreachable": (
        "there is no connection to {where}. Check the network, any proxy (HTTPS_PROXY) and the "
        "address, then try again."
    ),
    "timed_out": "no answer came from {where} in time. Check the network, then try again.",
    "aws_unavailable": "AWS could not answer ({came}). Try again in a minute.",
    "refused": "AWS refused it ({came}).",
    "unexpected": "something unexpected happened ({came}). Try again.",
}


class AwsProblem(ReportedError):
    """Something about AWS that keeps the program from working, for a person to read.

    Attributes:
        code: a stable word for programs and tests, a key of the table of sentences.
        message: what was being done, what came, and what to do.
        details: plain JSON, e.g. the IAM `action` that is missing.
    """

    status = 503

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.code in TRANSIENT_CODES

    @classmethod
    def missing(cls, code: str, doing: str) -> AwsProblem:
        """A problem that was found before AWS was asked; `code` is one of the table's."""
        return cls(code, _sentence(code, doing, came="", where="AWS"))

    @classmethod
    def of(cls, error: Exception, doing: str) -> AwsProblem:
        """The problem behind an exception of botocore or httpx.

        `doing` completes "While ...", e.g. "uploading the dataset to s3://bucket". A problem is
        returned as it is, so that layers can call this without looking.
        """
        if isinstance(error, AwsProblem):
            return error
        if isinstance(error, botocore.ClientError):
            return _of_answer(error, doing)
        if isinstance(error, httpx.HTTPStatusError):
            return _of_status(error, doing)
        code = _code_of(error)
        where = _where(error)
        details = {"came": type(error).__name__} | ({"where": where} if where else {})
        came = str(error).strip().rstrip(".")[:300] or type(error).__name__
        return cls(code, _sentence(code, doing, came=came, where=where or "AWS"), details)


def _of_answer(error: botocore.ClientError, doing: str) -> AwsProblem:
    """The problem behind an answer that AWS gave."""
    answer: Mapping[str, Any] = error.response
    word = str(answer.get("Error", {}).get("Code", ""))
    text = str(answer.get("Error", {}).get("Message", ""))
    operation = str(error.operation_name)
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    details: dict[str, Any] = {"came": word, "operation": operation}
    code = _known(word) or (_known(str(status)) if status != 400 else None) or "refused"
    if word == "ValidationError" and operation == "DescribeStacks" and "not exist" in text:
        code = "not_found"
    if code == "no_rights":
        action = _action(operation, text)
        details["action"] = action
        return AwsProblem(code, _no_rights(doing, f"{action} is missing", f"`{action}`"), details)
    came = f"{word}: {text}".strip(": ")[:300]
    return AwsProblem(code, _sentence(code, doing, came=came, where="AWS"), details)


def _of_status(error: httpx.HTTPStatusError, doing: str) -> AwsProblem:
    """The problem behind an HTTP answer of the endpoint that is none of the fit function's own."""
    status = error.response.status_code
    where = error.request.url.host
    code = _known(str(status)) or ("aws_unavailable" if status >= 500 else "refused")
    details: dict[str, Any] = {"came": status, "where": where}
    # API Gateway's authoriser says why; the same 403 stands for keys, clocks and rights.
    said = error.response.text[:2_000].lower()
    if status in (401, 403):
        code = "no_rights"
        if "signature expired" in said or "signature not yet current" in said:
            code = "wrong_clock"
        elif "expired" in said:
            code = "expired_credentials"
        elif "signature" in said or "security token" in said:
            code = "wrong_credentials"
    if code == "no_rights":
        details["action"] = "execute-api:Invoke"
        action = "execute-api:Invoke"
        return AwsProblem(code, _no_rights(doing, f"status {status}", f"`{action}`"), details)
    return AwsProblem(code, _sentence(code, doing, came=f"status {status}", where=where), details)


def _code_of(error: Exception) -> str:
    """The code of an error for which no answer of AWS is responsible."""
    kinds: tuple[tuple[str, tuple[type[Exception], ...]], ...] = (
        (
            "expired_credentials",
            (
                botocore.CredentialRetrievalError,
                botocore.LoginError,
                botocore.SSOError,
                botocore.TokenRetrievalError,
            ),
        ),
        (
            "missing_credentials",
            (
                botocore.NoAuthTokenError,
                botocore.NoCredentialsError,
                botocore.PartialCredentialsError,
            ),
        ),
        ("missing_region", (botocore.InvalidRegionError, botocore.NoRegionError)),
        ("missing_profile", (botocore.ProfileNotFound,)),
        (
            "timed_out",
            (botocore.ConnectTimeoutError, botocore.ReadTimeoutError, httpx.TimeoutException),
        ),
        (
            "unreachable",
            (
                botocore.ConnectionError,
                botocore.HTTPClientError,
                botocore.UnknownEndpointError,
                httpx.InvalidURL,
                httpx.TransportError,
            ),
        ),
    )
    return next((code for code, types in kinds if isinstance(error, types)), "unexpected")


def _where(error: Exception) -> str:
    """The address of the request that failed, "" when the error does not know it."""
    if isinstance(error, httpx.RequestError):
        try:
            return error.request.url.host
        except RuntimeError:  # raised before there was a request
            return ""
    return str(getattr(error, "kwargs", {}).get("endpoint_url", ""))


def _known(word: str) -> str | None:
    return next((code for code, words in _CODES.items() if word in words), None)


def _action(operation: str, text: str) -> str:
    """The IAM action that is missing: AWS often names it, otherwise the operation implies it."""
    _, _, rest = text.partition("not authorized to perform: ")
    named = rest.split(" ")[0].strip(".,;")
    if ":" in named:
        return named
    service = next((name for name, known in _SERVICES.items() if operation in known), "")
    return _ACTIONS.get(operation) or (f"{service}:{operation}" if service else operation)


def _no_rights(doing: str, came: str, action: str) -> str:
    return (
        f"While {doing}: AWS denied access ({came}). Ask for the right {action} on it, or use "
        "credentials that have it; the README lists all rights that are needed."
    )


def _sentence(code: str, doing: str, *, came: str, where: str) -> str:
    return f"While {doing}: {_SENTENCES[code].format(came=came, where=where)}"
