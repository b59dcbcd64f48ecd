"""A real server, a real browser, and a small finished job to look at."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

sys.path.insert(0, str(Path(__file__).parent))

from page_driver import Page
from site_process import Site

from dashboard.datasets import Dataset
from dashboard.planning.spec import JobSpec
from tests.waiting import WAIT_S

# Software rendering talks about its own speed; nothing of the page's is among these.
NOT_OURS = ("GL Driver Message", "willReadFrequently")


@dataclass(frozen=True)
class SmallJob:
    """A finished job on three far-apart, tilted clusters of 150, 100 and 50 rows."""

    job_id: str
    dataset: Dataset
    spec: JobSpec
    truth: np.ndarray


def write_blobs(path: Path, seed: int = 7) -> np.ndarray:
    """A CSV with a known answer, full-tied K = 3; returns the true cluster of each row."""
    rng = np.random.default_rng(seed)
    sizes, centres = (150, 100, 50), ((0.0, 0.0), (9.0, 1.0), (4.0, 9.0))
    covariance = np.array([[1.0, 0.75], [0.75, 1.0]])
    parts = [rng.multivariate_normal(c, covariance, n) for c, n in zip(centres, sizes, strict=True)]
    table = np.round(np.vstack(parts), 4)
    lines = ["clay (%),pH <b>,plot", *(f"{x},{y},p{i}" for i, (x, y) in enumerate(table))]
    path.write_text("\n".join(lines) + "\n")
    return np.repeat(np.arange(3), sizes)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The real server, shared by the tests that do not harm it."""
    server = Site(tmp_path_factory.mktemp("site"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def small_job(site: Site, tmp_path_factory: pytest.TempPathFactory) -> SmallJob:
    """Computed by another process than the server, as the command line does."""
    path = tmp_path_factory.mktemp("tables") / "three groups.csv"
    truth = write_blobs(path)
    services = site.services()
    try:
        dataset = services.catalogue.add_file(path, path.name)
        spec = JobSpec(
            dataset_id=dataset.dataset_id,
            columns=dataset.default_columns,
            k_max=6,
            n_experiments=2,
            n_restarts=4,
        )
        job_id = services.jobs.submit(spec).job_id
        record = services.jobs.wait(job_id, WAIT_S)
        assert record is not None
        assert record.state == "done", record
    finally:
        services.close()
    return SmallJob(job_id, dataset, spec, truth)


@pytest.fixture
def staged(tmp_path: Path) -> Iterator[Site]:
    """A server of one's own that can be held, made to fail, and killed."""
    server = Site(tmp_path / "data", staged=True)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Any]:
    """One Chromium for all tests: starting it takes longer than most of them."""
    (options,) = pytestconfig.hook.pytest_setup_options()
    options.add_argument("--headless=new")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver_path = shutil.which("chromedriver")
    driver = webdriver.Chrome(service=Service(driver_path), options=options)
    driver.set_script_timeout(100)  # Selenium waits 120 s for an answer of the driver
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def page_at(browser: Any, tmp_path: Path) -> Iterator[Callable[[Site], Page]]:
    """``page_at(site)`` is an empty tab for that server. The console must stay free of errors."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
    )
    browser.set_window_size(1440, 1000)
    allowed: list[str] = []
    opened: list[Page] = []

    def page(server: Site) -> Page:
        opened.append(Page(browser, server.url, downloads, allowed))
        return opened[-1]

    yield page
    errors = [
        entry["message"]
        for entry in browser.get_log("browser")
        if entry["level"] == "SEVERE"
        and not any(part in entry["message"] for part in (*NOT_OURS, *allowed))
    ]
    # What a test leaves behind must not reach the next one.
    browser.execute_script("window.localStorage.clear(); window.sessionStorage.clear()")
    browser.get("about:blank")
    browser.get_log("browser")
    assert errors == []


@pytest.fixture
def page(page_at: Callable[[Site], Page], site: Site) -> Page:
    return page_at(site)
