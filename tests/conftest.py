"""Settings that every test shares: one BLAS thread, and a browser that works in a container."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

# Before NumPy is first imported. The machine's cores are for the code under test's own threads.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# Shells start what is to run in the background with Ctrl-C ignored, and programs inherit that; the
# servers and commands that tests start have to hear it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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


#: What takes longest, first: several processes that share the files then end at about the same
#: time. Browsers are spread among the rest, because each keeps more than one core busy.
SLOW_FIRST = (
    "task_seam",
    "browser/test_panels.py",
    "kmeans_core/native/test_sanitisers.py",
    "browser/test_jobs.py",
    "dashboard/cli/test_interruptions.py",
    "browser/test_analysis.py",
    "aws_end_to_end",
    "browser",
    "dashboard/serving",
    "kmeans_core/native",
    "aws",
    "cloud_local",
)


def _rank(item):
    place = item.path.relative_to(Path(__file__).parent)
    found = (i for i, slow in enumerate(SLOW_FIRST) if place.is_relative_to(slow))
    return next(found, len(SLOW_FIRST))


@pytest.hookimpl(trylast=True)  # of those that -k has left
def pytest_collection_modifyitems(config, items):
    items.sort(key=_rank)
    number, n_parts = map(int, config.getoption("part").split("/"))
    items[:] = items[number - 1 :: n_parts]


@pytest.hookimpl(optionalhook=True)
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
        # The driver asks for stack traces, for which V8 would compile each function a second time.
        "--js-flags=--no-enable-lazy-source-positions",
    ):
        options.add_argument(argument)
    return options
