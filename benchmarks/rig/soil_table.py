"""The table of the comparisons: like a soil survey, 3,232 rows of conductivity at two depths."""

from __future__ import annotations

import numpy as np

from dashboard.datasets.builtin.soil_field import soil_field

N_ROWS = 3_232


def soil_table(n_rows: int = N_ROWS, seed: int = 0) -> np.ndarray:
    """(n_rows, 2) float64, standardised: the simulated field, resampled.

    Every row drawn gets a twentieth of a standard deviation of noise, so that no two are equal.
    """
    rng = np.random.default_rng(seed)
    ec = soil_field()[["EC shallow (mS/m)", "EC deep (mS/m)"]].to_numpy(dtype=np.float64)
    drawn = ec[rng.integers(len(ec), size=n_rows)]
    drawn += 0.05 * ec.std(axis=0) * rng.standard_normal(drawn.shape)
    return (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)


def overlapping_groups(n_rows: int, d: int, n_groups: int = 8, seed: int = 0) -> np.ndarray:
    """(d, n_rows) float64, C order: normal groups around random centres, filled block by block so
    that nothing larger than the table is held."""
    rng = np.random.default_rng(seed)
    centres = 2.0 * rng.standard_normal((n_groups, d))
    columns = np.empty((d, n_rows))
    for start in range(0, n_rows, 1 << 16):
        block = columns[:, start : start + (1 << 16)]
        group = rng.integers(n_groups, size=block.shape[1])
        for i in range(d):
            block[i] = centres[group, i] + rng.standard_normal(block.shape[1])
    return columns
