"""The HTML document that loads the page: Dash's own, with what makes a first visit quicker."""

from __future__ import annotations

from typing import Any

from dash import Dash

# Dash asks for these once the layout is drawn; fetched beside everything else, they are there.
_LATER = (
    "_dash-component-suites/dash/dcc/async-graph.js",
    "_dash-component-suites/plotly/package_data/plotly.min.js",
)


class Application(Dash):
    """Dash with plotly.js fetched from the beginning."""

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]
        """The document; `parts` are those of `Dash.interpolate_index`."""
        prefix = self.config.requests_pathname_prefix
        links = (f'<link rel="preload" as="script" href="{prefix}{path}">' for path in _LATER)
        parts["metas"] = "\n".join([parts["metas"], *links])
        document: str = super().interpolate_index(**parts)  # type: ignore[no-untyped-call]
        return document
