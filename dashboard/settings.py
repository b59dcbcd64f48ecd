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

ENVIRONMENT_PREFIX = "CENTAURUS_"


class SettingsError(ValueError):
    """A setting has an impossible value. The message says what was expected and what came."""


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
        return str(self.default)

    def parse(self, text: str, source: str) -> Any:
        """The value of `text`. Raises SettingsError naming `source`, the flag or variable."""
        try:
            return self.convert(text)
        except ValueError as error:
            raise SettingsError(f'{source}: {error}, got "{text}".') from None


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


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"expected seconds from {low:g} to {high:g}")
        return value

    return convert


def _path(text: str) -> Path:
    if not text.strip() or "\0" in text:
        raise ValueError("expected the path of a directory")
    return Path(text).expanduser()


def _choice(*values: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in values:
            raise ValueError(f"expected one of {', '.join(values)}")
        return text

    return convert


def _host(text: str) -> str:
    if not text.strip() or any(c.isspace() for c in text):
        raise ValueError("expected a host name or address such as 127.0.0.1")
    return text


def _cache(text: str) -> str:
    if text != "files" and not text.startswith(("redis://", "rediss://")):
        raise ValueError('expected "files" or a URL such as redis://localhost:6379/0')
    return text


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
        _host,
        metavar="ADDRESS",
        commands=("serve",),
    )
    port: int = _setting(
        8050,
        "--port",
        "TCP port to listen on; 0 picks a free one and prints it.",
        whole_number(0, 65_535),
        commands=("serve",),
    )
    data_dir: Path = _setting(  # noqa: RUF009 - a dataclass field, not a shared value
        Path("data"),
        "--data-dir",
        "Directory for datasets, jobs and remembered fits; made when missing.",
        _path,
        metavar="DIR",
    )
    n_threads: int = _setting(
        _cores,
        "--threads",
        "Fits computed at the same time on this machine.",
        whole_number(1, 1_024),
        unit="threads",
    )
    backend: str = _setting(
        "local",
        "--backend",
        "Where fits are computed: local, on this machine.",
        _choice("local"),
        metavar="NAME",
    )
    max_upload_mb: int = _setting(
        256,
        "--max-upload-mb",
        "Largest file that is accepted, as it is on disk.",
        whole_number(1, 65_536),
        unit="MB",
    )
    serve_threads: int = _setting(
        16,
        "--serve-threads",
        "Requests answered at the same time.",
        whole_number(8, 256),
        unit="threads",
        commands=("serve",),
    )
    cache: str = _setting(
        "files",
        "--cache",
        'Where finished fits are remembered: "files" in the data directory, or the URL of a Redis'
        " server (redis://host:port/db) when several machines serve.",
        _cache,
        metavar="WHERE",
    )
    cache_mb: int = _setting(
        2_000,
        "--cache-mb",
        "Space for remembered fits in files; the oldest are removed when the server starts.",
        whole_number(1, 10_000_000),
        unit="MB",
        commands=("serve",),
    )
    lease_s: float = _setting(
        5.0,
        "--lease-s",
        "How long a job waits for a process that has died before another one goes on with it.",
        _seconds(1.0, 600.0),
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
    # Absolute, so that it means the same to every library, and messages say where it is.
    return replace(settings, data_dir=settings.data_dir.absolute())


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
