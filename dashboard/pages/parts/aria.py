"""ARIA attributes, which Dash takes as keywords that are not Python names."""

from __future__ import annotations

from typing import Any


def aria(**attributes: str) -> dict[str, Any]:
    """`aria(label="Help")` gives `{"aria-label": "Help"}`, to be unpacked into a component."""
    return {f"aria-{name}": value for name, value in attributes.items()}
