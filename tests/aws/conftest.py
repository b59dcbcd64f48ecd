"""Bundles as `make build` makes them, kept in build/ for the next run; the template, expanded."""

from __future__ import annotations

import copy
import platform
import sys
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from bundle import Bundle, Target, build_bundle
from bundle.recipe import ROOT


@pytest.fixture(scope="session")
def lambda_bundle() -> Bundle:
    """What is deployed unless someone says otherwise."""
    return build_bundle(Target())


@pytest.fixture(scope="session")
def runnable_bundle() -> Bundle:
    """The same for this machine and this Python."""
    machines = {"x86_64": "x86_64", "aarch64": "arm64"}
    if sys.platform != "linux" or platform.machine() not in machines:
        pytest.skip("a bundle that runs here (use Linux on x86-64 or arm64)")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return build_bundle(Target(machines[platform.machine()], version))


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """sam_template.yaml as it is written."""
    return dict(yaml_parse((ROOT / "sam_template.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def expanded(template: dict[str, Any]) -> dict[str, Any]:
    """sam_template.yaml as CloudFormation gets it, with all that SAM adds."""

    class NoManagedPolicies:
        """The template names none, so nobody need ask AWS for the list."""

        def load(self) -> dict[str, str]:
            return {}

    source = copy.deepcopy(template)
    source["Resources"]["FitFunction"]["Properties"]["CodeUri"] = "s3://uploaded/bundle.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        return dict(transform(source, {}, NoManagedPolicies()))
