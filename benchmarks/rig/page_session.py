"""A served page and a browser on it, for the benchmarks that look at what a person sees."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options

ROOT = Path(__file__).resolve().parents[2]
START_S = 120


@contextmanager
def server(data_dir: Path) -> Iterator[str]:
    """Address of the page, served by its own process on a free loopback port."""
    command = [
        *(sys.executable, "-m", "dashboard", "serve"),
        *("--port", "0", "--data-dir", str(data_dir)),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("http"):
            raise RuntimeError(f"Expected the server to print its address, got {line!r}.")
        yield line.split()[0]
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def browser(pixel_ratio: float = 1.0) -> Iterator[Any]:
    """Headless Chromium with software GL, 1440 x 1200."""
    options = Options()
    binaries = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    options.binary_location = next((binary for binary in binaries if binary), "")
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1440,1200",
        "--enable-unsafe-swiftshader",
        f"--force-device-scale-factor={pixel_ratio}",
    ):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options)
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


def wait_until(driver: Any, script: str, *arguments: Any) -> None:
    """Poll `script` until it answers true; TimeoutError after START_S."""
    deadline = time.monotonic() + START_S
    while not driver.execute_script(script, *arguments):
        if time.monotonic() > deadline:
            raise TimeoutError(f"The page was not ready after {START_S} s.")
        time.sleep(0.1)
