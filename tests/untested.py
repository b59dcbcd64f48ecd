"""The last line of a test run: what was not tested, and how to get what it needs.

A plugin of pytest, loaded by conftest.py. The reason of a skip says what is missing and, in
brackets, how to get it: "no redis-server (apt-get install redis-server)".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest


def pytest_unconfigure(config: pytest.Config) -> None:
    """After everything else that pytest prints; of several processes only the one that reports."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    line = untested(_reason(report) for report in reporter.stats.get("skipped", []))
    if line:
        reporter.write_line(line, yellow=True)


def untested(reasons: Iterable[str]) -> str:
    """One line for the reasons of all skips, the most frequent first; "" when there are none."""
    counted = Counter(reasons)
    if not counted:
        return ""
    parts = (f"{reason} [{n}]" if n > 1 else reason for reason, n in counted.most_common())
    return f"Not tested: {'; '.join(parts)}"


def _reason(report: pytest.CollectReport | pytest.TestReport) -> str:
    where = report.longrepr
    text = where[2] if isinstance(where, tuple) else str(where)
    return " ".join(text.removeprefix("Skipped: ").split())
