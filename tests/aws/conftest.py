"""Bundles as `make build` makes them, made once and kept in build/ for the next run."""

from __future__ import annotations

import platform
import sys

import pytest

from bundle import Bundle, Target, build_bundle


@pytest.fixture(scope="session")
def lambda_bundle() -> Bundle:
    """What is deployed unless someone says otherwise."""
    return build_bundle(Target())


@pytest.fixture(scope="session")
def runnable_bundle() -> Bundle:
    """The same for this machine and this Python."""
    machines = {"x86_64": "x86_64", "aarch64": "arm64"}
    if sys.platform != "linux" or platform.machine() not in machines:
        pytest.skip("a bundle is for Linux on x86-64 or arm64")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return build_bundle(Target(machines[platform.machine()], version))
