"""The one error that this package raises for anything a person can put right."""

from __future__ import annotations


class DatasetError(Exception):
    """A file or a dataset that cannot be used, said in one or two sentences.

    Attributes:
        code: a stable word for programs and tests, e.g. ``"no_numeric_column"``.
        message: what was expected, what came, and what to do; plain text, so it must be escaped
            wherever it is put into HTML (it may quote column names).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
