"""The built-in datasets: one list, the page's default first, each made by seeded code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from dashboard.datasets.soil_field import soil_field

GENERATOR_VERSION = 1  # to be raised with every change of a generated table


@dataclass(frozen=True, slots=True)
class Builtin:
    """``description`` is one sentence or two on what to look for; ``generate`` needs no seed."""

    name: str
    description: str
    generate: Callable[[], pd.DataFrame]


BUILTINS: tuple[Builtin, ...] = (
    Builtin(
        "Soil field (simulated)",
        "Electrical conductivity of the soil at two depths, driven over an orchard with four soil "
        "zones: their clouds are long, narrow and tilted differently, so full-untied finds them "
        "where round clusters cut across.",
        soil_field,
    ),
)
