"""The built-in datasets: one list, the page's default first, each made by seeded code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from dashboard.datasets.builtin import shapes
from dashboard.datasets.builtin.soil_field import soil_field

_GENERATOR_VERSION = 1  # to be raised with every change of a generated table or of the advice


@dataclass(frozen=True, slots=True)
class Builtin:
    """``description`` is one sentence or two on what to look for; ``generate`` needs no seed."""

    name: str
    description: str
    generate: Callable[[], pd.DataFrame]


def iris() -> pd.DataFrame:
    """Fisher's iris, 150 x 4 (cm), from the copy that plotly ships; no network is used."""
    from plotly import data  # kept out of the start: it is needed once per data directory

    frame = pd.DataFrame(data.iris())
    measured = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    table = frame[measured].rename(columns=lambda name: f"{name.replace('_', ' ')} (cm)")
    return table.assign(species=frame["species"].astype(str))


BUILTINS: tuple[Builtin, ...] = (
    Builtin(
        "Soil field (simulated)",
        "Electrical conductivity of the soil at two depths, surveyed over an orchard with four "
        "zones; their clouds are long, narrow and tilted differently, so full-untied with K = 4 "
        "separates them where round clusters cut across.",
        soil_field,
    ),
    Builtin(
        "Round groups (spher-tied)",
        "Five round groups of the same width: one number describes every covariance, so all six "
        "types find the groups and BIC prefers the simplest, spher-tied with K = 5.",
        shapes.round_groups,
    ),
    Builtin(
        "Round groups of many widths (spher-untied)",
        "Four round groups from wide to tight: types with one shared width give the edge of the "
        "wide group to its tight neighbours, spher-untied with K = 4 does not.",
        shapes.round_groups_of_many_widths,
    ),
    Builtin(
        "Flat groups (diag-tied)",
        "Four groups, all wide in feature 1 and thin in feature 2: look how the round types cut "
        "them into pieces and diag-tied with K = 4 keeps them whole.",
        shapes.flat_groups,
    ),
    Builtin(
        "Lying and standing bars (diag-untied)",
        "Four bars along the axes, some lying, some standing: each needs widths of its own but no "
        "tilt, which is diag-untied with K = 4.",
        shapes.bars,
    ),
    Builtin(
        "Parallel streaks (full-tied)",
        "Three groups of the same tilted shape: types without tilt cut across them, and full-tied "
        "with K = 3 describes all of them with one covariance.",
        shapes.parallel_streaks,
    ),
    Builtin(
        "Pinwheel (full-untied)",
        "Four elongated groups that point in four directions: only full-untied, here with K = 4, "
        "gives every group a shape and tilt of its own.",
        shapes.pinwheel,
    ),
    Builtin(
        "Elongated bands",
        "Three bands, ten times longer than wide, on which plain K-means fails: distance alone "
        "cuts across the bands, the Mahalanobis distance follows them (full-tied, K = 3).",
        shapes.elongated,
    ),
    Builtin(
        "Nested groups",
        "Two dense groups inside a wide one, on which plain K-means fails: it cuts the wide group "
        "into sectors, while spher-untied with K = 3 lets it surround the others.",
        shapes.nested,
    ),
    Builtin(
        "Iris",
        "Fisher's 150 iris flowers, four lengths in cm, three species: one stands apart and two "
        "overlap, so that two groups and three compete for the best BIC.",
        iris,
    ),
)


def builtins_version() -> str:
    """Changes when a table, its name or its description does: then they are written anew."""
    texts = [(item.name, item.description) for item in BUILTINS]
    return f"{_GENERATOR_VERSION}-{hashlib.sha256(repr(texts).encode()).hexdigest()[:16]}"
