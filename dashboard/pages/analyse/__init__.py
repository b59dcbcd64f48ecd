"""The Analyse page: settings on the left, and what came of them."""

from __future__ import annotations

from dashboard.pages.analyse.callbacks import register
from dashboard.pages.analyse.layout import layout

__all__ = ["layout", "register"]
