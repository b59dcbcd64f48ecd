"""The one error that this package raises for anything a person can put right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compute_lambda.contract.errors import ReportedError


class DatasetError(ReportedError):
    """A file or a dataset that cannot be used, said in one or two sentences.

    `unknown_dataset` is not there (404); any other code says what is wrong with a file (422).
    """

    status = 422

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, message, details)
        if code == "unknown_dataset":
            self.status = 404
