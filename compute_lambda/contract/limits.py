"""How large things may be that cross the network, for every kind of task."""

from __future__ import annotations

MAX_CLUSTERS = 64
"""The palette, the figures and the kernel's block buffers are sized for this."""

MAX_FEATURES = 64
"""Columns of one model: a full covariance of 64 has 2,080 entries per cluster."""

MAX_COLUMN_POSITION = 9_999
MAX_ROWS = 2**53
"""Whole numbers up to this are exact in JavaScript as well."""

MAX_SEED = 2**32 - 1
"""Exact in JavaScript as well."""
