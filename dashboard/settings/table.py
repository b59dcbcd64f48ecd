"""Every setting of the program in one table, and the one object made from it at the entry point.

A value comes from the flag, else the environment variable, else the default. The help texts of the
command line and the table in the README are made from the same entries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from compute_lambda.contract.errors import ReportedError
from dashboard.settings import values as value

ENVIRONMENT_PREFIX = "CENTAURUS_"


class SettingsError(ReportedError, ValueError):
    """A setting has an impossible value. The message says what was expected and what came."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_setting", message)


@dataclass(frozen=True, slots=True)
class Setting:
    """One entry of the table. `convert` raises ValueError with "expected ..." for a wrong text."""

    name: str
    flag: str
    help: str
    unit: str
    metavar: str
    commands: tuple[str, ...]
    convert: Callable[[str], Any]
    default: Any

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.flag.removeprefix("--").replace("-", "_").upper()

    @property
    def default_text(self) -> str:
        """The default as a person would type it."""
        if self.name == "n_threads":
            return "one per core"
        return str(self.default) or "none"

    def parse(self, text: str, source: str) -> Any:
        """The value of `text`. Raises SettingsError naming `source`, the flag or variable."""
        try:
            return self.convert(text)
        except ValueError as error:
            raise SettingsError(f'{source}: {error}, got "{text}".') from None


def _cores() -> int:
    """Cores this process may use, which is fewer than the machine has inside many containers."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


_BOTH = ("serve", "analyse")


def _setting(
    default: Any,
    flag: str,
    help: str,
    convert: Callable[[str], Any],
    *,
    unit: str = "",
    metavar: str = "N",
    commands: tuple[str, ...] = _BOTH,
) -> Any:
    facts = {
        "flag": flag,
        "help": help,
        "convert": convert,
        "unit": unit,
        "metavar": metavar,
        "commands": commands,
    }
    if callable(default):
        return field(default_factory=default, metadata=facts)
    return field(default=default, metadata=facts)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the program was told at its start. Units are in the names, or in the table."""

    host: str = _setting(
        "127.0.0.1",
        "--host",
        "Address to listen on. 0.0.0.0 lets other machines in; there is no login.",
        value.host,
        metavar="ADDRESS",
        commands=("serve",),
    )
    port: int = _setting(
        8050,
        "--port",
        "TCP port to listen on; 0 picks a free one and prints it.",
        value.whole_number(0, 65_535),
        commands=("serve",),
    )
    data_dir: Path = _setting(  # noqa: RUF009 - a dataclass field, not a shared value
        Path("data"),
        "--data-dir",
        "Directory for datasets, jobs and remembered fits; made when missing.",
        value.path,
        metavar="DIR",
    )
    n_threads: int = _setting(
        _cores,
        "--threads",
        "Fits computed at the same time on this machine.",
        value.whole_number(1, 1_024),
        unit="threads",
    )
    backend: str = _setting(
        "local",
        "--backend",
        "Where fits are computed: local, on this machine, or aws, by Lambda functions.",
        value.choice("local", "aws"),
        metavar="NAME",
    )
    stack: str = _setting(
        "",
        "--stack",
        "Name of the deployed CloudFormation stack; says where everything on AWS is.",
        value.word("the name of a CloudFormation stack"),
        metavar="NAME",
    )
    region: str = _setting(
        "",
        "--region",
        "AWS region of the stack; without it, the one of the AWS configuration.",
        value.word("an AWS region such as eu-central-1"),
        metavar="REGION",
    )
    endpoint: str = _setting(
        "",
        "--endpoint",
        "Address of the fit function, when there is no stack to ask.",
        value.endpoint,
        metavar="URL",
    )
    bucket: str = _setting(
        "",
        "--bucket",
        "S3 bucket for datasets, when there is no stack to ask.",
        value.word("the name of an S3 bucket"),
        metavar="NAME",
    )
    table: str = _setting(
        "",
        "--table",
        "DynamoDB table for jobs, when there is no stack to ask.",
        value.word("the name of a DynamoDB table"),
        metavar="NAME",
    )
    memory_mb: int = _setting(
        1_769,
        "--memory-mb",
        "Memory of the fit function, which decides what it costs, when there is no stack to ask.",
        value.whole_number(128, 10_240),
        unit="MB",
    )
    max_in_flight: int = _setting(
        50,
        "--max-in-flight",
        "Requests to the fit function at the same time, at most.",
        value.whole_number(1, 10_000),
        unit="requests",
    )
    spending_cap_usd: float = _setting(
        1.0,
        "--spending-cap-usd",
        "A job on AWS stops before it costs more. The page can raise it for one job.",
        value.dollars,
        unit="US dollars",
        metavar="USD",
    )
    finished_jobs_days: int = _setting(
        0,
        "--finished-jobs-days",
        "Days after which finished jobs on AWS are removed; 0 keeps them.",
        value.whole_number(0, 36_500),
        unit="days",
    )
    max_upload_mb: int = _setting(
        256,
        "--max-upload-mb",
        "Largest file that is accepted, as it is on disk.",
        value.whole_number(1, 65_536),
        unit="MB",
    )
    serve_threads: int = _setting(
        16,
        "--serve-threads",
        "Requests answered at the same time.",
        value.whole_number(8, 256),
        unit="threads",
        commands=("serve",),
    )
    cache: str = _setting(
        "files",
        "--cache",
        'Where finished fits are remembered: "files" in the data directory, or the URL of a Redis'
        " server (redis://host:port/db) when several machines serve.",
        value.cache,
        metavar="WHERE",
    )
    cache_mb: int = _setting(
        2_000,
        "--cache-mb",
        "Space for remembered fits in files; the oldest are removed when the server starts.",
        value.whole_number(1, 10_000_000),
        unit="MB",
        commands=("serve",),
    )
    lease_s: float = _setting(
        5.0,
        "--lease-s",
        "How long a job waits for a process that has died before another one goes on with it.",
        value.seconds(1.0, 600.0),
        unit="s",
        metavar="S",
    )

    @property
    def datasets_dir(self) -> Path:
        return self.data_dir / "datasets"

    @property
    def cache_dir(self) -> Path:
        return self.data_dir / "cache"

    @property
    def store_path(self) -> Path:
        return self.data_dir / "jobs.sqlite3"

    @property
    def heartbeat_s(self) -> float:
        """Often enough that several heartbeats in a row may fail before the lease runs out."""
        return min(0.5, self.lease_s / 8)


def _default_of(entry: Field[Any]) -> Any:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(
        name=entry.name,
        default=_default_of(entry),
        **entry.metadata,
    )
    for entry in fields(Settings)
)


def read_settings(
    flags: Mapping[str, str | None], environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from texts given by `flags` (name to text, None when not given) and the environment.

    Raises SettingsError. `environment` is the process's own when None.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        given = flags.get(setting.name)
        if given is not None:
            values[setting.name] = setting.parse(given, setting.flag)
        elif environment.get(setting.variable):
            values[setting.name] = setting.parse(environment[setting.variable], setting.variable)
    settings = Settings(**values)
    _check_place(settings, flags)
    # Absolute, so that it means the same to every library, and messages say where it is.
    return replace(settings, data_dir=settings.data_dir.absolute())


def _check_place(settings: Settings, flags: Mapping[str, str | None]) -> None:
    """The aws backend must know where it is, and what is said of it must be of use."""
    if settings.backend == "local":
        useless = [f"--{name}" for name in ("stack", *_PLACE) if flags.get(name) is not None]
        if useless:
            raise SettingsError(
                f"{useless[0]} is for fits on AWS, but --backend is local. Add --backend aws, or "
                f"leave {useless[0]} out."
            )
        return
    missing = [f"--{name}" for name in _PLACE if not getattr(settings, name)]
    if missing and not settings.stack:
        raise SettingsError(
            "The aws backend needs to know where it is: expected --stack NAME (`make deploy "
            f"STACK=NAME` makes one), or --endpoint, --bucket and --table; {' and '.join(missing)} "
            "did not come."
        )


#: What a stack says, or its three settings.
_PLACE = ("endpoint", "bucket", "table")


def markdown_table() -> str:
    """The settings as a table for the README, one row each."""
    lines = ["| Flag | Environment | Default | Meaning |", "| --- | --- | --- | --- |"]
    for setting in SETTINGS:
        unit = f" {setting.unit}" if setting.unit and setting.name != "n_threads" else ""
        only = "" if setting.commands == _BOTH else f" (`{setting.commands[0]}` only)"
        lines.append(
            f"| `{setting.flag}` | `{setting.variable}` | {setting.default_text}{unit} "
            f"| {setting.help}{only} |"
        )
    return "\n".join(lines) + "\n"
