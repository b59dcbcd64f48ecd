"""The Jobs page: every job of this installation, from the page or from the command line."""

from __future__ import annotations

from dashboard.pages.jobs.callbacks import register
from dashboard.pages.jobs.layout import layout

__all__ = ["layout", "register"]
