"""The palette keeps its promises: distinct with colour blindness, visible in both themes."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from dashboard.figures.style import (
    INK,
    LINE_STYLES,
    PALETTE,
    cluster_colour,
    style_json,
    with_opacity,
)
from kmeans_core import COVARIANCE_TYPES

# Machado, Oliveira & Fernandes (2009), severity 1, for linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Ottosson (2020), OKLab.
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def oklab(colour: str, vision: str = "normal") -> np.ndarray:
    return TO_LAB @ np.cbrt(TO_LMS @ np.clip(VISION[vision] @ linear(colour), 0, 1))


def smallest_distance(colours, vision: str) -> float:
    labs = [oklab(colour, vision) for colour in colours]
    return min(100 * np.linalg.norm(a - b) for a, b in itertools.combinations(labs, 2))


def contrast(a: str, b: str) -> float:
    luminance = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) + 0.05 for c in (a, b))
    return luminance[1] / luminance[0]


@pytest.mark.parametrize("theme", PALETTE)
@pytest.mark.parametrize("vision", VISION)
def test_slots_differ_for_everybody(theme, vision):
    colours = PALETTE[theme]
    assert len(colours) >= 20
    assert len(set(colours)) == len(colours)
    # 2 is a just noticeable difference; small dots need several of them.
    assert smallest_distance(colours[:6], vision) > 9
    assert smallest_distance(colours[:10], vision) > 6
    assert smallest_distance(colours, vision) > 3


@pytest.mark.parametrize("theme", PALETTE)
def test_every_colour_stands_out_from_the_background(theme):
    lines = [style.colour(theme) for style in LINE_STYLES.values()]
    for colour in [*PALETTE[theme], *lines]:
        assert contrast(colour, INK[theme].background) > 1.9, colour
    assert contrast(INK[theme].text, INK[theme].background) > 7
    assert contrast(INK[theme].muted, INK[theme].background) > 4.5


def test_types_differ_without_colour():
    assert tuple(LINE_STYLES) == COVARIANCE_TYPES
    assert len({(style.dash, style.symbol) for style in LINE_STYLES.values()}) == 6
    for name, style in LINE_STYLES.items():
        assert style.dash == ("solid" if name.endswith("-tied") else "dot")


def test_slots_beyond_the_palette_start_again():
    assert cluster_colour(20) == cluster_colour(0) == PALETTE["light"][0]
    assert cluster_colour(21, "dark") == PALETTE["dark"][1]


def test_with_opacity():
    assert with_opacity("#ff8000", 0.25) == "rgba(255,128,0,0.25)"


def test_the_browser_gets_the_same_values_as_plain_json():
    sent = json.loads(json.dumps(style_json(), allow_nan=False))
    assert sent["palette"]["dark"] == list(PALETTE["dark"])
    assert sent["types"] == list(COVARIANCE_TYPES)
    assert sent["lines"]["full-untied"] == {
        "light": LINE_STYLES["full-untied"].light,
        "dark": LINE_STYLES["full-untied"].dark,
        "dash": "dot",
        "symbol": "circle-open",
    }
    assert sent["criteria"] == {"bic": "BIC", "icl": "ICL", "aic": "AIC"}
    assert sent["templates"]["dark"]["layout"]["paper_bgcolor"] == INK["dark"].background
