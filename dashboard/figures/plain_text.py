"""Text that comes from data, made safe for plotly, and numbers as people read them.

Plotly renders a subset of HTML in titles, legends and hover text, resolves entities, and fills
`%{...}` in hover templates. Column names are data, so they must not be read as any of these.
"""

from __future__ import annotations

import math

MAX_NAME_LENGTH = 48
MINUS = "\N{MINUS SIGN}"


def plain(text: str, limit: int = MAX_NAME_LENGTH) -> str:
    """`text` on one line, at most `limit` characters, to be shown literally by plotly."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return line.replace("%{", "%&#123;").replace("$", "&#36;")  # also no TeX where MathJax is


def axis_title(name: str, unit: str = "", limit: int = MAX_NAME_LENGTH) -> str:
    """`name (unit)`, or `name` alone where there is no unit; safe for plotly."""
    return plain(f"{name} ({unit})" if unit else name, limit)


def with_unit(name: str, unit: str) -> str:
    """`EC1 (mS/m)`, or the bare name when there is no unit or the name holds it already."""
    return f"{name} ({unit})" if unit and unit not in name else name


def number(value: float | None, decimals: int = 0) -> str:
    """Thousands separated, with a true minus sign; an en dash for a missing or infinite value."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)
