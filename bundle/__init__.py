"""Makes the folder and the zip that a Lambda runs: `python -m bundle`, `make build`, `sam build`.

Never part of what it makes. `build_bundle` is what tests and the local cloud call.
"""

from __future__ import annotations

from bundle.recipe import Bundle, build_bundle
from bundle.target import ARCHITECTURES, BuildProblem, Target

__all__ = ["ARCHITECTURES", "BuildProblem", "Bundle", "Target", "build_bundle"]
