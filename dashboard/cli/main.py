"""Entry point of the command line: options and settings in, a command run, its status out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from compute_lambda.contract.errors import ReportedError
from dashboard.cli.parser import EXIT_USAGE, build_parser
from dashboard.settings import SETTINGS, read_settings
from dashboard.stores.base import StoreError

EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run `argv` (the process's own arguments when None); the exit status."""
    try:
        arguments = build_parser().parse_args(argv)
        flags = {setting.name: getattr(arguments, setting.name, None) for setting in SETTINGS}
        settings = read_settings(flags)
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
        # Imported here so that --help and wrong options answer at once.
        if arguments.command == "serve":
            from dashboard.cli.serve import serve

            return serve(settings)
        from dashboard.cli.analyse import analyse

        return analyse(arguments, settings)
    except SystemExit as end:  # argparse: --help, or a wrong option
        return end.code if isinstance(end.code, int) else EXIT_USAGE
    except (StoreError, OSError) as error:
        return _say(str(error), EXIT_FAILURE)
    except ReportedError as error:
        return _say(str(error), EXIT_USAGE)
    except KeyboardInterrupt:
        return _say("Interrupted.", EXIT_INTERRUPTED)


def _say(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)
    return status
