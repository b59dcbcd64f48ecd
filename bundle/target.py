"""What a bundle is built for: a processor and a version of Python on Lambda's Linux."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's names of the processors, and the names in wheels."""

LAMBDA_PYTHON_VERSION = "3.13"
"""The runtime that sam_template.yaml asks for."""

_WHEEL_TAGS = ("manylinux_2_28", "manylinux2014")
"""Amazon Linux 2023 has glibc 2.34. Without the newer tag pip silently takes old wheels."""


class BuildProblem(Exception):
    """The bundle cannot be made; the message says what was expected, what came and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """`architecture` as Lambda calls it, `python_version` as "3.13"."""

    architecture: str = "arm64"
    python_version: str = LAMBDA_PYTHON_VERSION

    @classmethod
    def of(cls, architecture: str, python_version: str) -> Self:
        """A checked target. Raises BuildProblem."""
        if architecture not in ARCHITECTURES:
            raise BuildProblem(
                f"Expected ARCHITECTURE to be {' or '.join(ARCHITECTURES)}, got {architecture!r}."
                " Choose one that Lambda has."
            )
        if not re.fullmatch(r"3\.\d{2}", python_version):
            raise BuildProblem(
                f"Expected PYTHON_VERSION to be like {LAMBDA_PYTHON_VERSION}, got"
                f" {python_version!r}. Name the major and minor version."
            )
        return cls(architecture, python_version)

    @property
    def machine(self) -> str:
        """The processor as Linux and wheels call it."""
        return ARCHITECTURES[self.architecture]

    @property
    def wheel_platforms(self) -> tuple[str, ...]:
        """Platform tags of the wheels that run there, best first."""
        return tuple(f"{tag}_{self.machine}" for tag in _WHEEL_TAGS)

    @property
    def python_tag(self) -> str:
        """ "cp313" for 3.13."""
        return "cp" + self.python_version.replace(".", "")

    @property
    def name(self) -> str:
        """Name of the folder: "lambda-arm64", and "lambda-x86_64-py311" for another Python."""
        suffix = ""
        if self.python_version != LAMBDA_PYTHON_VERSION:
            suffix = "-py" + self.python_version.replace(".", "")
        return f"lambda-{self.architecture}{suffix}"
