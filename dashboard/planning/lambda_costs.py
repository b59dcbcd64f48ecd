"""What a fit costs on Lambda: the compiled kernel's constants, scaled by the memory paid for."""

from __future__ import annotations

import dataclasses
import math

from dashboard.planning.cost import NATIVE_COSTS, CostModel

MB_PER_VCPU = 1_769
"""Memory with which a function gets one whole vCPU; less memory is less time of it.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

SLOWER_CORE = 2.0
"""A Lambda vCPU beside the core that the constants were measured on, which has AVX-512."""

REQUEST_MS = 16.0
"""Per task outside the fit: the event, the columns' cache, the answer's JSON."""


def lambda_costs(memory_mb: int) -> CostModel:
    """Constants for a function with `memory_mb`.

    Coarse on purpose (whole powers of two between memory sizes): tasks are cut by these, and keep
    their ids only while the model stays the same.
    """
    share = min(1.0, memory_mb / MB_PER_VCPU)
    factor = SLOWER_CORE * 2.0 ** round(-math.log2(share))
    constants = dataclasses.asdict(NATIVE_COSTS)
    scaled = {name: value * factor for name, value in constants.items()}
    own = {"task_ms": REQUEST_MS, "box_share": NATIVE_COSTS.box_share}
    return CostModel(**{**scaled, **own}).rounded()
