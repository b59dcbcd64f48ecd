"""Ids that say what they name: hashes of content, in one form."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from compute_lambda.contract.errors import ContractError

_SHA256 = re.compile(r"[0-9a-f]{64}")


def canonical_json(value: Any) -> str:
    """The one text for a JSON value: sorted keys, no blanks, ASCII, no NaN (raises ValueError)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_id(value: Any) -> str:
    """sha256 of the canonical JSON of `value`, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def checked_dataset_id(value: object, field: str = "dataset_id") -> str:
    """`value` when it is 64 lower-case hexadecimal digits: safe as part of a path or a key.

    Raises ContractError otherwise.
    """
    if isinstance(value, str) and _SHA256.fullmatch(value):
        return value
    raise ContractError(
        "bad_dataset_id",
        f"Expected {field} to be 64 lower-case hexadecimal digits (the sha256 of the dataset), got"
        " something else. Use the id under which the dataset was stored.",
        {"field": field, "expected": "64 lower-case hexadecimal digits"},
    )
