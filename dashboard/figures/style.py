"""Colours, lines, symbols and themes: the one source for Python figures and for the browser.

Three rules hold everywhere:

- *Cluster colours* are palette slots. A slot keeps its hue in both themes, so a cluster stays
  "the amber one" when the theme is switched. Slots were chosen by a greedy search for the largest
  smallest OKLab distance under normal vision and under simulated protanopia, deuteranopia and
  tritanopia (Machado, Oliveira & Fernandes 2009); beyond about ten slots no palette can promise
  that, which is why panels also print the cluster's number.
- *Covariance types* never differ by colour alone: hue tells the shape (full, diag, spher), the
  dash and the filling of the symbol tell tied (solid, filled) from untied (dotted, open).
- Whatever is white in light is near black in dark; no figure fixes a colour outside this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from dashboard.analysis.records import CRITERIA
from kmeans_core import COVARIANCE_TYPES

Theme = Literal["light", "dark"]

PALETTE: dict[Theme, tuple[str, ...]] = {
    "light": (
        "#3f6ad8", "#f0a30a", "#e5533d", "#22b8d0", "#6b4a36",
        "#9f0f80", "#7aa874", "#9a839f", "#252fb1", "#b688fe",
        "#d4a0aa", "#af4f71", "#61621c", "#8c5cad", "#2d95d3",
        "#72235d", "#fb794a", "#5152a4", "#884652", "#1f7a5c",
    ),
    "dark": (
        "#7ba3ff", "#ffc145", "#ff7a66", "#88f6fc", "#937166",
        "#c955c8", "#9cc7a8", "#b194ac", "#5774f9", "#deadfc",
        "#f3cccd", "#b05788", "#d7eca8", "#816ea9", "#6fbddf",
        "#c077be", "#ca4c17", "#a092dd", "#db918e", "#9be1b1",
    ),
}  # fmt: skip
"""Cluster colours by palette slot; slots beyond the last one start again at the first."""


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How one covariance type is drawn: colour per theme, plotly dash and marker symbol."""

    light: str
    dark: str
    dash: str
    symbol: str

    def colour(self, theme: Theme) -> str:
        """The line's colour in `theme`."""
        return self.dark if theme == "dark" else self.light


LINE_STYLES: dict[str, LineStyle] = {
    "full-tied": LineStyle("#1f4fc4", "#6f9bff", "solid", "circle"),
    "diag-tied": LineStyle("#b45309", "#ff9d3c", "solid", "diamond"),
    "spher-tied": LineStyle("#0f766e", "#1fc7a6", "solid", "square"),
    "full-untied": LineStyle("#5b8def", "#a9c4ff", "dot", "circle-open"),
    "diag-untied": LineStyle("#e8940c", "#ffd08a", "dot", "diamond-open"),
    "spher-untied": LineStyle("#23a896", "#8fe8d3", "dot", "square-open"),
}
"""Per covariance type; keys are exactly `kmeans_core.COVARIANCE_TYPES`."""


@dataclass(frozen=True, slots=True)
class Ink:
    """Theme colours of everything that is not data."""

    background: str
    text: str
    muted: str
    grid: str
    axis: str
    star: str
    ellipse_halo: str


INK: dict[Theme, Ink] = {
    "light": Ink("#ffffff", "#212529", "#6c757d", "#e9ecef", "#495057", "#111827", "#ffffff"),
    "dark": Ink("#242424", "#e9ecef", "#adb5bd", "#3b3b3b", "#adb5bd", "#ffffff", "#242424"),
}

# Stops after the BrBG scale (ColorBrewer 2, colour-blind safe): brown -1, neutral 0, teal +1, such
# that black or white numbers can be read on every value. The neutral middle is close to the theme's
# background, so that "no correlation" recedes in both themes.
DIVERGING: dict[Theme, tuple[tuple[float, str], ...]] = {
    "light": (
        (0.0, "#8c510a"), (0.25, "#dfc27d"), (0.5, "#f5f5f5"), (0.75, "#80cdc1"), (1.0, "#01665e"),
    ),
    "dark": (
        (0.0, "#e0a04a"), (0.25, "#6e4710"), (0.5, "#2e2e2e"), (0.75, "#14584f"), (1.0, "#5fd0c4"),
    ),
}  # fmt: skip

FONT_FAMILY = (
    'Inter, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, system-ui, sans-serif'
)
BAND_OPACITY = 0.16


def theme_of(dark: bool) -> Theme:
    """The theme's name for a `dark` flag."""
    return "dark" if dark else "light"


def cluster_colour(slot: int, theme: Theme = "light") -> str:
    """Colour of a palette slot; slots beyond the palette's end start again."""
    colours = PALETTE[theme]
    return colours[slot % len(colours)]


def with_opacity(colour: str, opacity: float) -> str:
    """`#rrggbb` as the `rgba(r,g,b,a)` that plotly needs for a translucent fill."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def _axis(theme: Theme) -> dict[str, Any]:
    ink = INK[theme]
    return {
        "gridcolor": ink.grid,
        "linecolor": ink.axis,
        "tickcolor": ink.axis,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": True,
        "title": {"font": {"size": 13}, "standoff": 8},
        "tickfont": {"size": 12},
    }


def template(theme: Theme) -> go.layout.Template:
    """Plotly template of a theme: fonts, axes, grid, hover label, legend, colour order."""
    ink = INK[theme]
    return go.layout.Template(
        layout={
            "font": {"family": FONT_FAMILY, "size": 13, "color": ink.text},
            "paper_bgcolor": ink.background,
            "plot_bgcolor": ink.background,
            "colorway": list(PALETTE[theme]),
            "title": {"font": {"size": 15}, "x": 0.02, "xanchor": "left"},
            "xaxis": _axis(theme),
            "yaxis": _axis(theme),
            "hoverlabel": {
                "bgcolor": ink.background,
                "bordercolor": ink.muted,
                "font": {"family": FONT_FAMILY, "size": 12, "color": ink.text},
                "align": "left",
            },
            "legend": {"font": {"size": 12}, "bgcolor": "rgba(0,0,0,0)"},
            "annotationdefaults": {"font": {"color": ink.text}},
            "separators": ".,",
            # Upright, because a horizontal bar would lie over titles and legend.
            "modebar": {
                "orientation": "v",
                "bgcolor": "rgba(0,0,0,0)",
                "color": ink.muted,
                "activecolor": ink.text,
            },
        }
    )


TEMPLATES: dict[Theme, go.layout.Template] = {"light": template("light"), "dark": template("dark")}


def style_json() -> dict[str, Any]:
    """Everything in this module as plain JSON, for the browser's own drawing.

    Keys: `palette` {theme: [colours]}, `lines` {type: {light, dark, dash, symbol}}, `types` (their
    order everywhere), `criteria` {code: name}, `ink` {theme: {...}}, `diverging` {theme: [[at,
    colour]]}, `band_opacity`, `font_family`, `templates` {theme: plotly template}.
    """
    themes: tuple[Theme, ...] = ("light", "dark")
    return {
        "palette": {t: list(PALETTE[t]) for t in themes},
        "lines": {
            name: {"light": s.light, "dark": s.dark, "dash": s.dash, "symbol": s.symbol}
            for name, s in LINE_STYLES.items()
        },
        "types": list(COVARIANCE_TYPES),
        "criteria": dict(CRITERIA),
        "ink": {t: {k: getattr(INK[t], k) for k in Ink.__slots__} for t in themes},
        "diverging": {t: [list(stop) for stop in DIVERGING[t]] for t in themes},
        "band_opacity": BAND_OPACITY,
        "font_family": FONT_FAMILY,
        "templates": {t: TEMPLATES[t].to_plotly_json() for t in themes},
    }
