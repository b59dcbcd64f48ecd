"""How long a step of the K slider takes, from the key press to the painted frame, on the real page.

    python -m benchmarks.slider_redraw [--steps 40] [--points 5000 20000] [--json]

Self-contained: makes tables of normally distributed groups, fits every covariance type for K = 1 to
10 once, serves the page from a temporary directory on a free loopback port, opens it in headless
Chromium (software GL, 1440 x 1200) and presses arrow keys on the slider. Each panel draws all
points, so a step redraws six times as many. A step ends in the frame after the one that holds the
new picture; the browser's own frame of up to 17 ms is part of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from selenium.webdriver.common.keys import Keys

from benchmarks.rig.machine import headline
from benchmarks.rig.page_session import browser, server, wait_until
from dashboard.planning.spec import JobSpec
from dashboard.services import build_services
from dashboard.settings import Settings

K_MAX = 10
FIT_S = 900

# Arms a listener for one key press and answers with its milliseconds.
MEASURE = """
window.__step = new Promise((resolve) => {
  const state = window.centaurus.live.state;
  const before = state.k;
  window.addEventListener("keydown", (event) => {
    const painted = () => resolve(performance.now() - event.timeStamp);
    const look = () => {
      if (state.k !== before) requestAnimationFrame(painted);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, { capture: true, once: true });
});
"""
ANSWER = "const done = arguments[0]; window.__step.then(done);"
READY = """
const { state } = window.centaurus?.live ?? {};
const { finished, points, cells } = state?.cache ?? {};
return Boolean(finished && points && cells.size === arguments[0]
  && window.centaurus.panels.describe().ready);
"""


def table(n_rows: int, seed: int = 0) -> np.ndarray:
    """Values (n_rows, 2) of six tilted groups."""
    random = np.random.default_rng(seed)
    centres = random.uniform(0, 100, (6, 2))
    shapes = random.normal(0, 5, (6, 2, 2))
    group = random.integers(0, 6, n_rows)
    noise = random.normal(size=(n_rows, 2))
    return centres[group] + np.einsum("nij,nj->ni", shapes[group], noise)


def prepare(data_dir: Path, n_rows: int) -> tuple[str, int]:
    """Fit a table of `n_rows`; the job's id and its number of (type, K) pairs."""
    path = data_dir / f"points_{n_rows}.csv"
    np.savetxt(path, table(n_rows), delimiter=",", header="x,y", comments="", fmt="%.4f")
    services = build_services(Settings(data_dir=data_dir, n_threads=2))
    try:
        dataset = services.catalogue.add_file(path, path.name)
        spec = JobSpec(dataset.dataset_id, ("x", "y"), k_max=K_MAX, n_experiments=1, n_restarts=1)
        services.jobs.start()
        record = services.jobs.submit(spec)
        services.jobs.wait(record.job_id, FIT_S)
        return record.job_id, K_MAX * len(spec.covariance_types)
    finally:
        services.close()


def measure(driver: Any, url: str, n_cells: int, n_steps: int) -> list[float]:
    """Milliseconds of each step, up and down through K."""
    driver.get(url)
    wait_until(driver, READY, n_cells)
    thumb = driver.find_element("css selector", "#k-slider [role=slider]")
    thumb.send_keys(Keys.HOME)
    time.sleep(1.5)  # the tabs below answer the last selection; not part of a step
    steps_ms = []
    upwards = True
    for _ in range(n_steps + 1):
        k = int(thumb.get_attribute("aria-valuenow"))
        upwards = k == 1 or (upwards and k < K_MAX)
        driver.execute_script(MEASURE)
        thumb.send_keys(Keys.ARROW_RIGHT if upwards else Keys.ARROW_LEFT)
        steps_ms.append(float(driver.execute_async_script(ANSWER)))
    return steps_ms[1:]  # the first one compiles


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--points", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--pixel-ratio", type=float, default=1.0)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slider-redraw-") as directory:
        data_dir = Path(directory)
        jobs = {n_rows: prepare(data_dir, n_rows) for n_rows in options.points}
        with server(data_dir) as address, browser(options.pixel_ratio) as driver:
            for n_rows, (job_id, n_cells) in jobs.items():
                steps_ms = measure(driver, f"{address}/?job={job_id}", n_cells, options.steps)
                median_ms = statistics.median(steps_ms)
                p95_ms = statistics.quantiles(steps_ms, n=20)[-1]
                if options.json:
                    row = {"points": 6 * n_rows, "median_ms": median_ms, "p95_ms": p95_ms}
                    print(json.dumps(row), flush=True)
                else:
                    print(
                        f"6 x {n_rows:>6,} points: median {median_ms:5.1f} ms, 95th percentile "
                        f"{p95_ms:5.1f} ms per K step ({len(steps_ms)} steps)",
                        flush=True,
                    )
                    headline(
                        f"K slider on the page, six charts of {n_rows:,} points",
                        f"{median_ms:.0f} ms per step (95 %: {p95_ms:.0f} ms), software graphics",
                    )


if __name__ == "__main__":
    main()
