"""From the text of a setting to its value, or ValueError with "expected ..." """

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A converter of texts; it raises ValueError ("expected a whole number from ...")."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"expected a whole number from {low:,} to {high:,}")
        return value

    return convert


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A converter of texts to finite seconds."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"expected seconds from {low:g} to {high:g}")
        return value

    return convert


def path(text: str) -> Path:
    if not text.strip() or "\0" in text:
        raise ValueError("expected the path of a directory")
    return Path(text).expanduser()


def choice(*values: str) -> Callable[[str], str]:
    """A converter that lets only these texts pass."""

    def convert(text: str) -> str:
        if text not in values:
            raise ValueError(f"expected one of {', '.join(values)}")
        return text

    return convert


def host(text: str) -> str:
    if not text.strip() or any(c.isspace() for c in text):
        raise ValueError("expected a host name or address such as 127.0.0.1")
    return text


def dollars(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value <= 1e6:  # NaN compares with nothing
        raise ValueError("expected US dollars, more than 0 and at most 1,000,000")
    return value


def word(what: str) -> Callable[[str], str]:
    """A converter that lets a text without blanks pass; `what` it was meant to be."""

    def convert(text: str) -> str:
        if not text.strip() or any(c.isspace() for c in text):
            raise ValueError(f"expected {what}")
        return text

    return convert


def endpoint(text: str) -> str:
    """Without the trailing slash. Signed requests go over an open line to this machine only."""
    parts = urlsplit(text)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.scheme not in (("https", "http") if here else ("https",)):
        raise ValueError(
            "expected the address of the endpoint, such as"
            " https://abc123.execute-api.eu-central-1.amazonaws.com"
        )
    return text.rstrip("/")


def cache(text: str) -> str:
    if text != "files" and not text.startswith(("redis://", "rediss://")):
        raise ValueError('expected "files" or a URL such as redis://localhost:6379/0')
    return text
