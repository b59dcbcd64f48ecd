"""Every environment variable that the compute side reads, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DATA_DIR = "CENTAURUS_DATASET_DIR"
"""Folder that holds `<dataset id>.npy` files."""

DATASET_BUCKET = "CENTAURUS_DATASET_BUCKET"
"""S3 bucket that holds the datasets; when it is set, the folder is not used."""

DATASET_PREFIX = "CENTAURUS_DATASET_PREFIX"
"""What their keys in the bucket begin with. Default `datasets/`."""

CACHE_MB = "CENTAURUS_CACHE_MB"
"""Megabytes of prepared data kept for the next invocation. Default 256."""

MARGIN_MS = "CENTAURUS_DEADLINE_MARGIN_MS"
"""Milliseconds before the time limit at which a task is interrupted. Default 1500."""

INITIALIZATION = "AWS_LAMBDA_INITIALIZATION_TYPE"
"""Set by Lambda: "on-demand", or that it starts environments before anybody needs them."""

WHOLE_PROCESSOR_MB = 1_769
"""Memory that comes with one whole processor; a function with less gets less of it.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

MEMORY_MB = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"  # set by Lambda
LOG_STREAM = "AWS_LAMBDA_LOG_STREAM_NAME"  # set by Lambda; one per execution environment


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of one process. `dataset_dir` and `dataset_bucket` None: not configured.

    `loads_at_start` tells whether NumPy and the core are loaded before the first request is there.
    """

    dataset_dir: Path | None = None
    cache_mb: int = 256
    deadline_margin_ms: int = 1_500
    memory_mb: int = 0
    worker: str = ""
    dataset_bucket: str | None = None
    dataset_prefix: str = "datasets/"
    loads_at_start: bool = False

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Environment:
        """Settings from `environ`. Raises ValueError that names the variable."""
        folder = environ.get(DATA_DIR, "")
        return cls(
            dataset_dir=Path(folder) if folder else None,
            cache_mb=_number(environ, CACHE_MB, cls().cache_mb),
            deadline_margin_ms=_number(environ, MARGIN_MS, cls().deadline_margin_ms),
            memory_mb=_number(environ, MEMORY_MB, cls().memory_mb),
            worker=environ.get(LOG_STREAM, "") or f"process {os.getpid()}",
            dataset_bucket=environ.get(DATASET_BUCKET, "").strip() or None,
            dataset_prefix=_prefix(environ),
            loads_at_start=_loads_at_start(environ),
        )


def _loads_at_start(environ: Mapping[str, str]) -> bool:
    """Where nobody waits for the start, and where it is cheaper then than later.

    While it starts, a function has a whole processor whatever its memory; that is well known, but
    not documented.
    """
    early = environ.get(INITIALIZATION, "on-demand") != "on-demand"
    return early or 0 < _number(environ, MEMORY_MB, 0) < WHOLE_PROCESSOR_MB


def _prefix(environ: Mapping[str, str]) -> str:
    prefix = environ.get(DATASET_PREFIX, "").strip() or Environment().dataset_prefix
    if not prefix.endswith("/") or prefix.startswith("/"):
        raise ValueError(
            f"Expected {DATASET_PREFIX} to end with a slash and not to begin with one, like"
            f" datasets/, got {prefix!r}. Correct it or unset it."
        )
    return prefix


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise ValueError(
            f"Expected {name} to be a whole number of at least 0, got {text!r}. Correct it or unset"
            " it."
        )
    return int(text)
