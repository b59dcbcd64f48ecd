"""Finished tasks, remembered under the content id of their task, across jobs and restarts.

A task's id comes from everything its result depends on, so an entry is right for ever: widening
the K range, adding a covariance type or coming back to a dataset computes only what is new.
Backed by flask-caching: files under the data directory, or Redis when several hosts serve.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask
from flask_caching import Cache

from compute_lambda import Result
from compute_lambda.tasks.registry import read_result
from dashboard.settings import SettingsError

_log = logging.getLogger(__name__)

#: flask-caching removes the oldest entries beyond a threshold (500 by default, fewer than one large
#: job has tasks) and to know when, reads and rewrites a counter file with every `set`. Zero turns
#: both off; `trim_files` bounds the space instead.
_NO_THRESHOLD = 0
_NEVER_EXPIRES = 0

REDIS_TIMEOUT_S = 2.0
"""How long a fit waits for Redis before it counts as unknown."""


def file_cache(directory: Path) -> Cache:
    """Entries as files in `directory`, which must hold nothing else."""
    return _cache(
        {
            "CACHE_TYPE": "FileSystemCache",
            "CACHE_DIR": str(directory),
            "CACHE_THRESHOLD": _NO_THRESHOLD,
            # Entries are trusted by name alone: the file name is this hash of the task id.
            "CACHE_FILE_HASH_METHOD": hashlib.sha256,
        }
    )


def redis_cache(url: str) -> Cache:
    """Entries in the Redis server at `url` (redis://host:port/db); bounded by its own settings.

    Raises SettingsError when the client library is not installed. A server that does not answer is
    logged and fits are computed again.
    """
    if importlib.util.find_spec("redis") is None:
        raise SettingsError(
            f'The cache {url} needs the Python package "redis": install it with pip install redis, '
            "or leave --cache at files."
        )
    place = urlsplit(url)
    if "socket_timeout" not in place.query:
        # Without it a server that does not answer would hold a job up for ever.
        timeouts = f"socket_timeout={REDIS_TIMEOUT_S:g}&socket_connect_timeout={REDIS_TIMEOUT_S:g}"
        place = place._replace(query="&".join(filter(None, (place.query, timeouts))))
    return _cache(
        {
            "CACHE_TYPE": "RedisCache",
            "CACHE_REDIS_URL": place.geturl(),
            "CACHE_KEY_PREFIX": "centaurus:",
        }
    )


def _cache(config: dict[str, object]) -> Cache:
    # A Flask application of its own: the memo also works in the command line and in job threads.
    app = Flask("centaurus-memo")
    cache = Cache(config={"CACHE_DEFAULT_TIMEOUT": _NEVER_EXPIRES, **config})
    cache.init_app(app)
    cache.app = app
    return cache


class Memo:
    """Remembers results by task id. Never raises: what cannot be read counts as unknown."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get(self, task_id: str) -> Result | None:
        try:
            # flask-caching asks the current application first; in a request that is another one.
            with self._cache.app.app_context():
                text = self._cache.get(task_id)
            if text is None:
                return None
            result = read_result(json.loads(text))
        except Exception as error:  # anything may be in a damaged file
            _log.warning("Ignoring the remembered result %s: %s", task_id, error)
            return None
        if result.task_id != task_id:
            _log.warning("Ignoring the remembered result %s: it is of another task", task_id)
            return None
        return result

    def put(self, result: Result) -> None:
        """Remember a finished result; one that was interrupted (`resume`) is left out."""
        if result.resume is not None:
            return
        try:
            # Text, not objects: an entry stays readable when the classes change.
            text = json.dumps(result.to_dict(), allow_nan=False)
            with self._cache.app.app_context():
                self._cache.set(result.task_id, text, timeout=_NEVER_EXPIRES)
        except Exception as error:
            _log.warning("The result of %s could not be remembered: %s", result.task_id, error)


def trim_files(directory: Path, max_mb: float) -> int:
    """Remove the entries not written for longest until `directory` holds `max_mb`; how many."""
    entries = []
    with os.scandir(directory) as found:
        for entry in found:
            with contextlib.suppress(FileNotFoundError):  # another process trims as well
                if entry.is_file():
                    status = entry.stat()
                    entries.append((status.st_mtime, status.st_size, entry.path))
    excess = sum(size for _, size, _ in entries) - max_mb * 1e6
    n_removed = 0
    for _, size, path in sorted(entries):
        if excess <= 0:
            break
        Path(path).unlink(missing_ok=True)
        excess -= size
        n_removed += 1
    return n_removed
