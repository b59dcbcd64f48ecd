"""What is taken where nobody says otherwise, in one place."""

from __future__ import annotations

DEFAULT_DISTANCE = "likelihood"
"""Points belong to the cluster under which they are most likely."""

DEFAULT_MAX_ITER = 300
"""Iterations after which a restart ends; few need a fifth of it."""

DEFAULT_REG_COVAR = 1e-6
"""The floor of variances, as a multiple of the overall variance."""
