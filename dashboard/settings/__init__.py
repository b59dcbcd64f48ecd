"""The settings of the program: one table, one object made from it at the entry point."""

from __future__ import annotations

from dashboard.settings.table import (
    ENVIRONMENT_PREFIX,
    SETTINGS,
    Setting,
    Settings,
    SettingsError,
    markdown_table,
    read_settings,
)

__all__ = [
    "ENVIRONMENT_PREFIX",
    "SETTINGS",
    "Setting",
    "Settings",
    "SettingsError",
    "markdown_table",
    "read_settings",
]
