"""Text from data is shown literally; numbers are written as people read them."""

from __future__ import annotations

import pytest

from dashboard.figures.plain_text import axis_title, number, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("EC1", "EC1"),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("a & b", "a &amp; b"),
        ("%{y}", "%&#123;y}"),
        ("$\\alpha$", "&#36;\\alpha&#36;"),
        ("two\nlines\there", "two lines here"),
        ("x" * 60, "x" * 47 + "…"),
        ("<" * 48, "&lt;" * 48),
    ],
)
def test_plain(text, shown):
    assert plain(text) == shown


def test_axis_title():
    assert axis_title("EC1", "mS/m") == "EC1 (mS/m)"
    assert axis_title("EC1") == "EC1"
    assert axis_title("<i>", "m²") == "&lt;i&gt; (m²)"


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (-6769.8, 0, "−6,770"),
        (1234567.891, 1, "1,234,567.9"),
        (-0.04, 1, "0.0"),
        (None, 0, "–"),
        (float("nan"), 0, "–"),
    ],
)
def test_number(value, decimals, text):
    assert number(value, decimals) == text
