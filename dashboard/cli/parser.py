"""The options of the command line, and the sentences for wrong ones."""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from compute_lambda.contract.limits import MAX_CLUSTERS, MAX_SEED
from compute_lambda.tasks.fit.task import MAX_RESTARTS
from dashboard.planning.spec import MAX_EXPERIMENTS, default_settings
from dashboard.settings import SETTINGS
from dashboard.settings.values import whole_number
from kmeans_core import COVARIANCE_TYPES, DISTANCES

DEFAULTS = default_settings()
CRITERIA = ("bic", "icl", "aic")
EXIT_USAGE = 2

AddArgument = Callable[..., argparse.Action]
"""`add_argument` of a parser."""

_ANALYSE_EXAMPLES = """\
examples:
  python -m dashboard analyse field.csv
      the columns that look like measurements, all six covariance types, K from 1 to 10
  python -m dashboard analyse field.csv --columns EC1,EC2 --k 2:6 --out zones
      two columns, K from 2 to 6, results in the directory zones
  python -m dashboard analyse table.parquet --types full-untied,diag-untied --experiments 50 --json
      two covariance types, more experiments, one JSON object on standard output

files written to DIR:
  fits.csv     one row per experiment: type, k, experiment, bic, aic, icl, log_likelihood,
               n_iter, converged, eligible, counts (BIC, AIC, ICL: higher is better)
  models.json  the settings, and the best model of every covariance type and K
  labels.csv   the original rows with the column "cluster" (cluster_2 when there is one already)
               of the recommended model: 1 is the largest cluster; empty for rows that were left
               out (missing or infinite values)
  bic.html     the scores over K, interactive, in one file

In the CSV files, text that a spreadsheet program would run as a formula (it begins with = + - @)
is written with a ' in front. Numbers stay as they are.

The job is kept in the data directory: it appears on the page, and the same command goes on where
an interrupted one stopped.

exit status: 0 done; 1 something failed; 2 wrong options or data; 130 interrupted by Ctrl-C
or SIGTERM
"""

_SERVE_EXAMPLES = """\
examples:
  python -m dashboard serve
      http://127.0.0.1:8050, data in ./data
  python -m dashboard serve --port 0 --data-dir /srv/centaurus
      a free port, printed on the first line

Ctrl-C (or SIGTERM) stops the server. Jobs that are running go on at the next start.
"""


class Parser(argparse.ArgumentParser):
    """Reports a wrong option in one sentence, not under a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        sentence = message[:1].upper() + message[1:].rstrip(".")
        print(f"{sentence}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)


def build_parser() -> Parser:
    """The parser of `python -m dashboard` with its commands."""
    parser = Parser(
        prog="python -m dashboard",
        description="How many groups are in a table, and what do they look like? K-means under "
        "Mahalanobis distance with six covariance types, scored with BIC.",
        epilog="python -m dashboard COMMAND --help lists the options of a command.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_analyse(commands)
    return parser


def _add_serve(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve the page",
        description="Serve the page until Ctrl-C.",
        epilog=_SERVE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_settings(parser, "serve")


def _add_analyse(commands: Any) -> None:
    parser = commands.add_parser(
        "analyse",
        help="analyse a table without a browser",
        description="Find the best clustering of a table and write the results to files.",
        epilog=_ANALYSE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for add_theme in (_add_models, _add_repetitions, _add_scoring, _add_output):
        add_theme(parser.add_argument)
    _add_settings(parser, "analyse")


def _add_models(add: AddArgument) -> None:
    """What is fitted to what."""
    add(
        "file",
        type=Path,
        metavar="FILE",
        help="table with one row per measurement: CSV (also .gz), TSV or Parquet",
    )
    add(
        "--columns",
        type=_names,
        metavar="A,B,...",
        help="columns to fit; quote a name that holds a comma: '\"a, b\",c' (default: the numeric "
        "columns without identifiers, constants, longitude and latitude)",
    )
    add(
        "--k",
        type=_k_range,
        default=(DEFAULTS["k_min"], DEFAULTS["k_max"]),
        metavar="A:B",
        help="numbers of clusters to try, from A to B, or a single one (default: "
        f"{DEFAULTS['k_min']}:{DEFAULTS['k_max']})",
    )
    add(
        "--types",
        type=_types,
        default=DEFAULTS["covariance_types"],
        metavar="T,T,...",
        help=f"covariance types: {', '.join(COVARIANCE_TYPES)} (default: all)",
    )


def _add_repetitions(add: AddArgument) -> None:
    """How often it is fitted, from where."""
    add(
        "--experiments",
        type=_number(1, MAX_EXPERIMENTS),
        default=DEFAULTS["n_experiments"],
        metavar="N",
        help="independent repetitions; their spread shows how certain a score is (default: "
        "%(default)s)",
    )
    add(
        "--restarts",
        type=_number(1, MAX_RESTARTS),
        default=DEFAULTS["n_restarts"],
        metavar="N",
        help="random starts per experiment, the best one counts (default: %(default)s)",
    )
    add(
        "--min-members",
        type=_number(1, 2**53),
        metavar="N",
        help="fewest rows that a cluster may have for a fit to be recommended (default: 10, or one "
        "more than the columns if that is more)",
    )
    add(
        "--seed",
        type=_number(0, MAX_SEED),
        default=DEFAULTS["seed"],
        metavar="N",
        help="random seed; the same seed gives the same results (default: %(default)s)",
    )


def _add_scoring(add: AddArgument) -> None:
    """What makes one fit better than another."""
    add(
        "--distance",
        choices=DISTANCES,
        default=DEFAULTS["distance"],
        help="how rows are assigned: likelihood (with the determinant and the weights) or plain "
        "mahalanobis (default: %(default)s)",
    )
    add(
        "--no-standardise",
        dest="standardise",
        action="store_false",
        help="keep the columns' own units; scores then refer to them",
    )
    add(
        "--criterion",
        choices=CRITERIA,
        default="bic",
        help="score that decides the recommendation (default: bic)",
    )


def _add_output(add: AddArgument) -> None:
    """Where the results go."""
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="directory for the results, made when missing; files in it are replaced (default: "
        "FILE's name with _centaurus, in the current directory)",
    )
    add("--json", action="store_true", help="print one JSON object and nothing else")


def _add_settings(parser: argparse.ArgumentParser, command: str) -> None:
    group = parser.add_argument_group(
        "settings", "Each can also be given by its environment variable."
    )
    for setting in SETTINGS:
        if command in setting.commands:
            default = f"default: {setting.default_text}, ${setting.variable}"
            text = f"{setting.help.rstrip('.')} ({default})".replace("%", "%%")
            group.add_argument(setting.flag, dest=setting.name, metavar=setting.metavar, help=text)


def _number(low: int, high: int) -> Callable[[str], int]:
    convert = whole_number(low, high)

    def parse(text: str) -> int:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f'{error}, got "{text}"') from None

    return parse


def _k_range(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,9})\s*(?::\s*(\d{1,9})\s*)?", text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f'expected a range such as 1:10, or one number such as 4, got "{text}"'
        )
    low = int(match[1])
    high = int(match[2]) if match[2] else low
    if not 1 <= low <= high <= MAX_CLUSTERS:
        raise argparse.ArgumentTypeError(
            f'expected 1 <= A <= B <= {MAX_CLUSTERS} in A:B, got "{text}"'
        )
    return low, high


def _types(text: str) -> tuple[str, ...]:
    if text.strip() == "all":
        return COVARIANCE_TYPES
    chosen = [part.strip() for part in text.split(",") if part.strip()]
    for name in chosen:
        if name not in COVARIANCE_TYPES:
            raise argparse.ArgumentTypeError(
                f'expected types among {", ".join(COVARIANCE_TYPES)}, got "{name}"'
            )
    if not chosen:
        raise argparse.ArgumentTypeError("expected at least one covariance type, got none")
    return tuple(name for name in COVARIANCE_TYPES if name in chosen)


def _names(text: str) -> tuple[str, ...]:
    row = next(csv.reader([text], skipinitialspace=True), [])
    names = [name.strip() for name in row if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("expected at least one column name, got none")
    return tuple(dict.fromkeys(names))
