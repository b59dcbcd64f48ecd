"""The page for a WSGI server with several worker processes:

    gunicorn -w 4 --threads 8 'dashboard.wsgi:application()'

Settings come from the environment (CENTAURUS_DATA_DIR and so on), or as arguments by name:
`'dashboard.wsgi:application(data_dir="/srv/centaurus")'`. Workers share nothing in memory: tables
lie in the data directory, jobs in the store, remembered fits in the cache. Each worker computes the
jobs whose lease it holds, and goes on with those of a worker that has died.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from typing import Any, NoReturn

from flask import Flask

from compute_lambda.contract.errors import HttpError, ReportedError
from dashboard.http.problems import error_response
from dashboard.pages.app import create_app
from dashboard.services import Services, build_services
from dashboard.services.background import begin_work
from dashboard.settings import SETTINGS, read_settings

DO_NOT_RESTART = 4
"""gunicorn gives up when a worker ends with this, instead of starting it again for ever."""


def application(**settings: object) -> Flask:
    """The WSGI application of one worker process. Ends the process, with a sentence on standard
    error, when a setting is wrong or the data directory or AWS cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    known = {setting.name for setting in SETTINGS}
    unknown = sorted(settings.keys() - known)
    if unknown:
        _refuse(f"Expected settings among {', '.join(sorted(known))}, got {', '.join(unknown)}.")
    try:
        services = build_services(read_settings({k: str(v) for k, v in settings.items()}))
        services.catalogue.ensure_builtins()
        server: Flask = create_app(services).server
        _only_in_this_process(server)
        begin_work(services)
    except (ReportedError, OSError) as error:
        _refuse(str(error))
    _close_at_the_end(services)
    return server


def _close_at_the_end(services: Services) -> None:
    """Give running jobs back as soon as the worker ends, for whatever reason it does.

    `atexit` comes too late: before that Python waits for all threads, and those of the pool go on
    with the job. There is no public way to be called earlier than the pool's own end, which is
    registered here as well; functions are called in reverse order.
    """
    register = getattr(threading, "_register_atexit", atexit.register)
    register(services.close)


def _only_in_this_process(server: Flask) -> None:
    """Threads do not survive a fork: with --preload no worker could compute anything."""
    made_in, answer = os.getpid(), server.wsgi_app

    def check(environ: Any, start_response: Any) -> Any:
        if os.getpid() == made_in:
            return answer(environ, start_response)
        with server.request_context(environ):
            refusal = error_response(
                HttpError(
                    503,
                    "preloaded",
                    "Expected each worker to load the application itself, got one that was loaded "
                    "before the workers were made. Start gunicorn without --preload.",
                )
            )
        return refusal(environ, start_response)

    server.wsgi_app = check  # type: ignore[method-assign]


def _refuse(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr, flush=True)
    raise SystemExit(DO_NOT_RESTART)
