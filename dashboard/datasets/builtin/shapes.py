"""Simulated groups in two columns: one set per covariance type, and two that defeat K-means.

Every group is normal. The sets differ in what their covariances have in common, which is what a
covariance type states; the column "group" holds the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

_LETTERS = "ABCDEFGH"


def round_groups() -> pd.DataFrame:
    """Five round groups of one width: spher-tied.

    Here and in the next set the two columns vary equally as a whole, because standardising columns
    that do not would turn circles into ellipses.
    """
    centres = [(0.0, 0.0), (6.0, 6.0), (-6.0, 6.0), (6.0, -6.0), (-6.0, -6.0)]
    return _groups(11, [(centre, 420, (1.5, 1.5), 0.0) for centre in centres])


def round_groups_of_many_widths() -> pd.DataFrame:
    """Four round groups, from tight to wide: spher-untied."""
    return _groups(
        12,
        [
            ((-6.0, 0.0), 700, (2.4, 2.4), 0.0),
            ((1.8, 6.5), 500, (1.2, 1.2), 0.0),
            ((1.6, -6.7), 450, (0.6, 0.6), 0.0),
            ((6.6, 0.3), 350, (0.3, 0.3), 0.0),
        ],
    )


def flat_groups() -> pd.DataFrame:
    """Four groups, all wide in the first column and thin in the second: diag-tied."""
    centres = [(-3.0, -4.5), (2.5, -1.5), (-2.5, 1.5), (3.0, 4.5)]
    return _groups(13, [(centre, 500, (3.0, 0.55), 0.0) for centre in centres])


def bars() -> pd.DataFrame:
    """Four groups, lying and standing bars: diag-untied."""
    return _groups(
        14,
        [
            ((-5.0, 5.0), 600, (2.6, 0.5), 0.0),
            ((5.0, 4.0), 500, (0.5, 2.4), 0.0),
            ((4.0, -5.0), 500, (2.2, 0.7), 0.0),
            ((-5.0, -4.0), 400, (0.8, 2.2), 0.0),
        ],
    )


def parallel_streaks() -> pd.DataFrame:
    """Three groups of one tilted, elongated shape: full-tied."""
    centres = [(-4.0, 3.0), (0.0, 0.0), (4.5, -2.5)]
    return _groups(15, [(centre, 600, (3.2, 0.7), 35.0) for centre in centres])


def pinwheel() -> pd.DataFrame:
    """Four elongated groups that point in different directions: full-untied."""
    return _groups(
        16,
        [
            ((4.5, 0.5), 600, (2.4, 0.45), 20.0),
            ((-0.5, 4.5), 500, (2.2, 0.55), 110.0),
            ((-4.8, -0.5), 500, (2.0, 0.4), 155.0),
            ((0.8, -4.6), 400, (1.8, 0.5), 65.0),
        ],
    )


def elongated() -> pd.DataFrame:
    """Three long bands side by side, ten times longer than wide."""
    centres = [(-2.4, 2.0), (0.0, 0.0), (2.0, -2.4)]
    return _groups(17, [(centre, 700, (5.0, 0.5), 45.0) for centre in centres])


def nested() -> pd.DataFrame:
    """Two dense groups inside a wide, sparse one."""
    return _groups(
        18,
        [
            ((0.0, 0.0), 900, (6.0, 6.0), 0.0),
            ((-2.5, -1.0), 700, (0.5, 0.5), 0.0),
            ((2.5, 1.5), 500, (0.4, 0.4), 0.0),
        ],
    )


def _groups(
    seed: int, groups: Sequence[tuple[tuple[float, float], int, tuple[float, float], float]]
) -> pd.DataFrame:
    """Groups of (centre, size, sd along its two axes, tilt in degrees), in random row order."""
    rng = np.random.default_rng(seed)
    points, letters = [], []
    for letter, (centre, size, spread, tilt) in zip(_LETTERS, groups, strict=False):
        angle = np.deg2rad(tilt)
        axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points.append(centre + (rng.standard_normal((size, 2)) * spread) @ axes.T)
        letters.append(np.full(size, letter))
    order = rng.permutation(sum(map(len, letters)))
    table = np.round(np.concatenate(points)[order], 4)
    return pd.DataFrame(
        {
            "feature 1": table[:, 0],
            "feature 2": table[:, 1],
            "group": np.concatenate(letters)[order],
        }
    )
