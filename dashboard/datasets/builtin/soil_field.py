"""A simulated field: apparent soil conductivity at two depths, driven in rows over four zones.

Nothing here is measured data. The field lies in California's Central Valley; ranges, spacing and
the correlation between shallow and deep readings are like those of a real survey of an orchard.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_WIDTH_M, _HEIGHT_M = 310.0, 200.0
_SWATH_M, _STEP_M = 5.0, 4.0
_ORIGIN = (-119.8132, 36.8137)  # longitude and latitude of the south-west corner, degrees
_M_PER_DEGREE = 111_320.0

# Per zone: name, mean (shallow, deep) in mS/m, sd along and across its long axis, its angle.
# Sandy soil conducts little at either depth; clay much; the gravel lens is conductive above and
# not below; the saline corner rises steeply with depth.
_ZONES = (
    ("A sandy loam", (52.0, 38.0), (14.0, 3.4), 32.0),
    ("B clay loam", (86.0, 86.0), (22.0, 5.0), 58.0),
    ("C gravel lens", (114.0, 46.0), (16.0, 4.4), 14.0),
    ("D saline corner", (98.0, 148.0), (25.0, 6.0), 76.0),
)


def soil_field(seed: int = 2024) -> pd.DataFrame:
    """About 3,000 rows: longitude, latitude, EC shallow and deep (mS/m), elevation (m), zone."""
    rng = np.random.default_rng(seed)
    x, y = _track(rng)
    zone = _zones(x, y, rng)
    ec = np.empty((x.size, 2))
    for j, (_, mean, spread, degrees) in enumerate(_ZONES):
        angle = np.deg2rad(degrees)
        axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        inside = zone == j
        noise = rng.standard_normal((int(inside.sum()), 2)) * spread
        ec[inside] = mean + noise @ axes.T
    ec = np.maximum(ec, 1.5)
    elevation = 98.0 + 0.006 * x + 0.011 * y + 0.9 * np.sin(x / 95.0) * np.cos(y / 80.0)
    elevation += rng.normal(0.0, 0.04, x.size)
    return pd.DataFrame(
        {
            "Longitude": np.round(
                _ORIGIN[0] + x / (_M_PER_DEGREE * np.cos(np.deg2rad(_ORIGIN[1]))), 6
            ),
            "Latitude": np.round(_ORIGIN[1] + y / _M_PER_DEGREE, 6),
            "EC shallow (mS/m)": np.round(ec[:, 0], 1),
            "EC deep (mS/m)": np.round(ec[:, 1], 1),
            "Elevation (m)": np.round(elevation, 2),
            "zone": [_ZONES[j][0] for j in zone],
        }
    )


def _track(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions in metres: parallel swaths, driven to and fro, with the jitter of a GPS."""
    along = np.arange(_STEP_M / 2, _WIDTH_M, _STEP_M)
    across = np.arange(_SWATH_M / 2, _HEIGHT_M, _SWATH_M)
    x = np.concatenate([along if i % 2 == 0 else along[::-1] for i in range(across.size)])
    y = np.repeat(across, along.size)
    return x + rng.normal(0.0, 0.5, x.size), y + rng.normal(0.0, 0.35, y.size)


def _zones(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) zone numbers 0..3, bounded by smooth curves: a sum of a few random long waves."""
    waves = np.zeros_like(x)
    for _ in range(6):
        direction, phase = rng.uniform(0.0, 2 * np.pi, 2)
        length_m = rng.uniform(90.0, 220.0)
        waves += np.sin(
            2 * np.pi * (x * np.cos(direction) + y * np.sin(direction)) / length_m + phase
        )
    waves *= 9.0
    zone = np.where(y + 0.30 * x + waves > 165.0, 1, 0)
    lens = np.hypot((x - 95.0) / 62.0, (y - 62.0) / 34.0) + waves / 160.0 < 1.0
    corner = np.hypot((x - _WIDTH_M) / 105.0, (y - _HEIGHT_M) / 90.0) + waves / 160.0 < 1.0
    zone[lens] = 2
    zone[corner] = 3
    return zone
