"""Settings that every test shares: one BLAS thread, and a browser that works in a container."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

# Before NumPy is first imported. The machine's cores are for the code under test's own threads.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pytest  # noqa: E402 - the environment above comes first
from hypothesis import settings  # noqa: E402

settings.register_profile("suite", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("suite")

pytest_plugins = ["tests.untested"]


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """S3 and DynamoDB on this machine, one for the whole session: use names of your own."""
    from cloud_local.moto_services import running_moto

    with running_moto() as url:
        yield url


def pytest_addoption(parser):
    parser.addoption(
        "--kernel-shapes",
        type=int,
        default=1_600,
        help="random shapes on which every variant of the compiled kernel is compared",
    )
    parser.addoption("--part", default="1/1", help="2/4 runs the second quarter of the tests")


@pytest.hookimpl(trylast=True)  # of those that -k has left
def pytest_collection_modifyitems(config, items):
    number, n_parts = map(int, config.getoption("part").split("/"))
    items[:] = items[number - 1 :: n_parts]


def pytest_setup_options():
    """Chromium options for dash[testing]: headless as root, software GL, room on small disks."""
    from selenium.webdriver.chrome.options import Options

    options = Options()
    for name in ("chromium", "chromium-browser", "google-chrome"):
        binary = shutil.which(name)
        if binary:
            options.binary_location = binary
            break
    for argument in (
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1440,1000",
        "--enable-unsafe-swiftshader",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ):
        options.add_argument(argument)
    return options
