"""How soon a person sees something: from the start of a job to the first point of a BIC curve.

    python -m benchmarks.first_point [--runs 5]

Opens the real page in headless Chromium, served by its own process from an empty data directory.
*First visit* counts from the navigation in a new browser (page load included; the default job
starts with the server); *Run* counts from the press of the button, each time with another seed so
that nothing is remembered. A point counts when it is in the chart and the next frame has been
painted.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rig.machine import headline
from benchmarks.rig.page_session import browser, server, wait_until

HAS_POINT = """
const graph = document.querySelector("#bic-graph .js-plotly-plot");
return Boolean(graph && graph.data && graph.data.some(
  (trace) => trace.mode && trace.mode.includes("lines+markers")
    && (trace.y || []).some((value) => Number.isFinite(value))));
"""
WATCH = f"""
const hasPoint = () => {{ {HAS_POINT} }};
const job = () => window.centaurus.live.state.cache?.job?.job_id;
const before = job();
window.__first = new Promise((resolve) => {{
  const button = document.getElementById("run");
  button.addEventListener("click", (event) => {{
    const look = () => {{
      if (job() !== before && hasPoint()) {{
        requestAnimationFrame(() => resolve(performance.now() - event.timeStamp));
      }} else requestAnimationFrame(look);
    }};
    look();
  }}, {{ once: true, capture: true }});
}});
"""
FROM_THE_START = f"""
const hasPoint = () => {{ {HAS_POINT} }};
const look = () => {{
  if (!hasPoint()) requestAnimationFrame(look);
  else requestAnimationFrame(() => {{ window.__visited = performance.now(); }});
}};
requestAnimationFrame(look);
"""
ANSWER = "const done = arguments[0]; window.__first.then(done);"
FINISHED = "return Boolean(window.centaurus?.live?.state?.cache?.finished);"


def first_visit_s(driver: Any, address: str) -> float:
    """Seconds from the navigation to the frame that shows the first point."""
    source = {"source": FROM_THE_START}
    script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
    driver.get(address)
    wait_until(driver, "return Boolean(window.__visited)")
    driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    return float(driver.execute_script("return window.__visited")) / 1e3


def type_seed(driver: Any, seed: int) -> None:
    """Put `seed` into its field and leave the field."""
    field = driver.find_element("id", "seed")
    field.send_keys("\ue009" + "a" + "\ue000", str(seed), "\ue004")  # Control-a, type, Tab


def run_s(driver: Any, seed: int) -> float:
    """Seconds from the press of Run to the first point of the new job."""
    wait_until(driver, FINISHED)
    type_seed(driver, seed)
    time.sleep(1.0)  # the form settles; Live is off, so nothing starts
    driver.execute_script(WATCH)
    driver.execute_script('document.getElementById("run").click()')
    return float(driver.execute_async_script(ANSWER)) / 1e3


def measure(data_dir: Path, n_runs: int) -> tuple[list[float], list[float]]:
    """Seconds of first visits, each in a new browser, and of each press of Run."""
    visits_s = []
    with server(data_dir) as address:
        for _ in range(n_runs):
            with browser() as driver:
                visits_s.append(first_visit_s(driver, address))
        with browser() as driver:
            return visits_s, _presses_s(driver, address, n_runs)


def _presses_s(driver: Any, address: str, n_runs: int) -> list[float]:
    driver.get(address)
    wait_until(driver, FINISHED)
    driver.execute_script('document.getElementById("live").click()')
    return [run_s(driver, 100 + run) for run in range(n_runs)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="first-point-") as directory:
        visits_s, runs_s = measure(Path(directory), options.runs)
    print(
        f"first BIC point: {statistics.median(visits_s):.2f} s after a first visit's navigation "
        f"(median of {options.runs}, {min(visits_s):.2f} to {max(visits_s):.2f} s); "
        f"{statistics.median(runs_s):.2f} s after Run (median of {options.runs}, "
        f"{min(runs_s):.2f} to {max(runs_s):.2f} s)",
        flush=True,
    )
    headline(
        "first point of a BIC curve on the page",
        f"{statistics.median(visits_s):.2f} s after a first visit,"
        f" {statistics.median(runs_s):.2f} s after Run",
    )


if __name__ == "__main__":
    main()
