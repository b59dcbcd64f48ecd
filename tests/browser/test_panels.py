"""The live engine in a real browser, checked against the JSON that the server sends."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from dashboard.figures.style import PALETTE
from dashboard.planning.spec import JobSpec
from dashboard.services import Services, build_services
from dashboard.settings import Settings
from kmeans_core import COVARIANCE_TYPES
from tests.browser.site_process import STAGED_COSTS
from tests.holding import Hold, hold_results
from tests.waiting import WAIT_S, until, until_it_holds

ROOT = Path(__file__).resolve().parents[2]
HELD = 36
#: What was fitted for an earlier test is remembered, and nothing is held in its middle.
NEW_SEEDS = itertools.count(5)
HOSTILE = "<b>depth</b> & co"
"""A column's name that would be bold if anything read it as HTML."""


@dataclass
class Site:
    """A server process, the services that run jobs beside it, and one finished job."""

    url: str
    process: subprocess.Popen[str]
    services: Services
    dataset_id: str
    job_id: str
    hold: Hold = dataclasses.field(default_factory=lambda: Hold(sys.maxsize))

    def updates(self, job_id: str | None = None) -> dict[str, Any]:
        """What the page polls, from the beginning."""
        address = f"{self.url}/api/jobs/{job_id or self.job_id}/updates?after=0"
        return requests.get(address, timeout=WAIT_S).json()

    def points(self) -> dict[str, Any]:
        """The drawn points: `values` (d, m)."""
        raw = requests.get(f"{self.url}/api/jobs/{self.job_id}/points", timeout=WAIT_S).json()
        flat = np.frombuffer(base64.b64decode(raw["values"]), dtype="<f4")
        return raw | {"values": flat.reshape(len(raw["columns"]), -1)}

    def submit(self, **settings: Any) -> str:
        """Start a job on the same table in this process; `hold` stops it in its middle."""
        spec = JobSpec(self.dataset_id, **({"columns": (HOSTILE, "y")} | settings))
        return self.services.jobs.submit(spec).job_id


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(1)
    centres = np.array([[0, 0, 1], [10, 2, 1], [4, 9, 5]])
    rows = np.repeat(centres, [150, 90, 60], axis=0) + random.normal(size=(300, 3))
    table = data_dir / "table.csv"
    np.savetxt(table, rows, delimiter=",", header=f"{HOSTILE},y,z", comments="", fmt="%.5f")
    services = build_services(Settings(data_dir=data_dir, n_threads=2, lease_s=600.0))
    services.backend.costs = STAGED_COSTS  # type: ignore[misc]
    process: subprocess.Popen[str] | None = None
    try:
        dataset = services.catalogue.add_file(table, table.name)
        services.jobs.start()
        site = Site("", None, services, dataset.dataset_id, "")  # type: ignore[arg-type]
        hold_results(services.backend, lambda: site.hold())
        site.job_id = site.submit(k_max=4, n_experiments=2, n_restarts=2)
        services.jobs.wait(site.job_id, WAIT_S)
        process = site.process = _serve(data_dir)
        assert process.stdout is not None
        site.url = process.stdout.readline().split()[0]
        yield site
    finally:
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(timeout=WAIT_S)
        services.close()


def _serve(data_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dashboard", "serve", "--port", "0", "--threads", "1"]
    return subprocess.Popen(
        [*command, "--data-dir", str(data_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def driver(browser: Any) -> Iterator[Any]:
    """The tests' one browser, as it is after a first start."""
    browser.set_window_size(1440, 1000)
    yield browser
    browser.execute_script("window.localStorage.clear(); window.sessionStorage.clear()")
    browser.get("about:blank")
    browser.get_log("browser")


@pytest.fixture
def page(driver: Any, site: Site) -> Any:
    """The finished job, drawn."""
    return open_job(driver, site, site.job_id)


def open_job(driver: Any, site: Site, job_id: str) -> Any:
    driver.get(f"{site.url}/?job={job_id}")
    until(
        lambda: driver.execute_script(
            "const s = window.centaurus?.live?.state; return Boolean(s?.cache?.points"
            " && s.cache.cells.size && s.selection && centaurus.panels.describe().ready)"
        ),
        "the panels are drawn",
    )
    return driver


def describe(page: Any) -> dict[str, Any]:
    return page.execute_script("return window.centaurus.panels.describe()")


def fits_shown(page: Any) -> str:
    return str(page.find_element("id", "progress-fits").text)


def relayout(page: Any, changes: dict[str, Any], graph_id: str = "panels-graph") -> None:
    """What a person's zoom does, through Plotly's public function."""
    page.execute_async_script(
        "const [id, changes, done] = arguments;"
        "const gd = document.querySelector(`#${id} .js-plotly-plot`);"
        "Plotly.relayout(gd, changes).then(() => done())",
        graph_id,
        changes,
    )


def thumb(page: Any) -> Any:
    return page.find_element("css selector", "#k-slider [role=slider]")


def show_k(page: Any, k: int) -> None:
    """Move the slider with the keyboard."""
    thumb(page).send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * (k - 1))
    until(lambda: describe(page)["k"] == k, f"K = {k} is shown")


def cells_of(payload: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    return {(cell["type"], cell["k"]): cell for cell in payload["cells"]}


def severe(page: Any) -> list[str]:
    """Errors in the console; chatter of the software GL driver is none."""
    return [line["message"] for line in page.get_log("browser") if line["level"] == "SEVERE"]


def ticks(page: Any, letter: str, panel: int) -> tuple[float, float]:
    """(slope, intercept) from data to graph pixels, read off the tick labels that Plotly drew."""
    found = page.execute_script(
        """
        const [letter, panel] = arguments;
        const origin = document.getElementById("panels-graph").getBoundingClientRect();
        const kind = `${letter}${panel ? panel + 1 : ""}tick`;
        return [...document.querySelectorAll(`#panels-graph .${kind} text`)].map((node) => {
          const r = node.getBoundingClientRect();
          return [node.textContent.replace("\\u2212", "-"),
                  r.left + r.width / 2 - origin.left, r.top + r.height / 2 - origin.top];
        });
        """,
        letter,
        panel,
    )
    values = np.array([float(text) for text, *_ in found])
    pixels = np.array([x if letter == "x" else y for _, x, y in found])
    slope, intercept = np.polyfit(values, pixels, 1)
    return float(slope), float(intercept)


def canvas_colours(page: Any, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """RGBA of the canvas at graph pixels (m, 4)."""
    return np.array(
        page.execute_script(
            """
            const canvas = document.querySelector("#panels-graph .panels-canvas");
            const context = canvas.getContext("2d");
            const ratio = canvas.width / canvas.clientWidth;
            return arguments[0].map(([x, y]) =>
              [...context.getImageData(Math.floor(x * ratio), Math.floor(y * ratio), 1, 1).data]);
            """,
            np.column_stack([xs, ys]).tolist(),
        )
    )


def lonely(values: np.ndarray, n: int = 25) -> np.ndarray:
    """Rows whose nearest neighbour is far away: nothing is painted over them."""
    scaled = values / np.ptp(values, axis=1, keepdims=True)
    distances = np.linalg.norm(scaled[:, :, None] - scaled[:, None, :], axis=0)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(-distances.min(axis=1))[:n]


def assert_colours(page: Any, site: Site, k: int, panels: list[int]) -> None:
    """Known points have their cluster's palette colour where the axes' ticks say that they are."""
    payload = site.updates()
    values = site.points()["values"][:2]
    rows = lonely(values)
    x_of, y_of = ticks(page, "x", 3), ticks(page, "y", 0)
    boxes = describe(page)["boxes"]
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in PALETTE["light"]])
    for panel in panels:
        name = COVARIANCE_TYPES[panel]
        model = cells_of(payload)[name, k]["model"]
        labels = np.frombuffer(base64.b64decode(model["labels"]), dtype=np.uint8)[rows]
        slots = np.array(payload["colours"][f"{name}|{k}"])[labels]
        x = x_of[1] + x_of[0] * values[0, rows] + boxes[panel]["x"] - boxes[3]["x"]
        y = y_of[1] + y_of[0] * values[1, rows] + boxes[panel]["y"] - boxes[0]["y"]
        inside = (x > boxes[panel]["x"] + 3) & (x < boxes[panel]["x"] + boxes[panel]["w"] - 3)
        inside &= (y > boxes[panel]["y"] + 3) & (y < boxes[panel]["y"] + boxes[panel]["h"] - 3)
        for cluster in model["clusters"]:  # its number covers a few points
            centre_x = x_of[1] + x_of[0] * cluster["mean"][0] + boxes[panel]["x"] - boxes[3]["x"]
            centre_y = y_of[1] + y_of[0] * cluster["mean"][1] + boxes[panel]["y"] - boxes[0]["y"]
            inside &= np.hypot(x - centre_x, y - centre_y) > 12
        assert inside.sum() >= 4
        seen = canvas_colours(page, x[inside], y[inside])
        assert (seen[:, 3] == 255).all(), "there is a point at each place"
        nearest = np.linalg.norm(seen[:, None, :3] - palette[None, :8], axis=2).argmin(axis=1)
        assert nearest.tolist() == slots[inside].tolist()


def without_ellipses(page: Any) -> None:
    page.execute_script("document.getElementById('ellipses').click()")
    until(
        lambda: not page.execute_script("return centaurus.live.state.ellipses"),
        "the ellipses are gone",
    )


def test_points_have_their_clusters_colour_at_every_k(page: Any, site: Site) -> None:
    without_ellipses(page)
    for k in (3, 1, 4, 2):
        show_k(page, k)
        assert_colours(page, site, k, list(range(6)))


DOUBLE_CLICK = """
const box = document.getElementById("panels-graph").getBoundingClientRect();
const [clientX, clientY] = [box.left + arguments[0], box.top + arguments[1]];
const target = document.elementFromPoint(clientX, clientY);
for (const type of ["mousedown", "mouseup", "mousedown", "mouseup"]) {
  target.dispatchEvent(new MouseEvent(type, {clientX, clientY, bubbles: true, view: window}));
}
"""
"""All at once: of a driver's two clicks the second one comes too late on a slow machine."""


def test_points_stay_on_the_axes_after_a_zoom_and_back(page: Any, site: Site) -> None:
    without_ellipses(page)
    show_k(page, 3)
    full = describe(page)["view"]
    box = describe(page)["boxes"][1]
    point_at(page, box["x"] + 60, box["y"] + 20).click_and_hold().move_by_offset(
        60, 60
    ).move_by_offset(60, 60).release().perform()
    until(lambda: describe(page)["view"] != full, "the zoom is painted")
    share = 120 / box["w"]

    def is_zoomed() -> None:
        zoomed = describe(page)["view"]
        assert np.ptp(zoomed["x"]) == pytest.approx(share * np.ptp(full["x"]), rel=0.02)
        assert_colours(page, site, 3, [0, 4, 5])

    until_it_holds(is_zoomed)  # the graph plots a second time with the ranges that it was told
    page.execute_script(DOUBLE_CLICK, box["x"] + 60, box["y"] + 60)
    until(lambda: describe(page)["view"]["x"] == pytest.approx(full["x"], rel=0.05), "it is reset")
    until_it_holds(lambda: assert_colours(page, site, 3, [1]))


def test_no_point_is_cut_off(page: Any, site: Site) -> None:
    view, values = describe(page)["view"], site.points()["values"]
    for letter, column in (("x", values[0]), ("y", values[1])):
        low, high = view[letter]
        assert low < column.min()
        assert high > column.max()


@pytest.mark.parametrize("criterion", ["bic", "icl", "aic"])
def test_titles_show_the_scores(page: Any, site: Site, criterion: str) -> None:
    payload = site.updates()
    page.execute_script(f"document.querySelector('#criterion input[value={criterion}]').click()")
    until(
        lambda: page.execute_script("return centaurus.live.state.criterion") == criterion,
        "the criterion is chosen",
    )
    show_k(page, 2)
    titles = page.find_elements("css selector", "#panels-graph .panel-title")
    assert [title.get_attribute("data-type") for title in titles] == list(COVARIANCE_TYPES)
    cells = cells_of(payload)
    scores = [cells[name, 2]["scores"][criterion]["best"] for name in COVARIANCE_TYPES]
    expected = [
        f"{criterion.upper()} {score:,.1f}".replace("-", "\N{MINUS SIGN}") for score in scores
    ]
    shown = [title.find_element("class name", "panel-score").text for title in titles]
    assert [text.removeprefix("· ") for text in shown] == expected
    marks = [title.find_element("class name", "panel-mark").text for title in titles]
    best = payload["recommended"][criterion]
    if best["k"] == 2:
        assert marks[COVARIANCE_TYPES.index(best["type"])] == "★ best"
    else:
        assert marks[int(np.argmax(scores))] == "best at K = 2"
    assert sum(bool(mark) for mark in marks) <= 2


def test_recommendation_and_progress_say_what_the_server_counts(page: Any, site: Site) -> None:
    payload = site.updates()
    best = payload["recommended"]["bic"]
    text = lambda element_id: page.find_element("id", element_id).text  # noqa: E731
    until(lambda: text("rec-title") == f"{best['type']}, K = {best['k']}", "it is recommended")
    assert text("rec-score").startswith(f"BIC {best['score']:,.1f}".replace("-", "\N{MINUS SIGN}"))
    assert text("rec-evidence") == best["evidence"]
    sizes = [
        row.text.split()[0] for row in page.find_elements("css selector", "#rec-sizes .size-row")
    ]
    assert [int(size.replace(",", "")) for size in sizes] == best["sizes"]
    fits = payload["job"]["n_fits"]
    assert text("progress-fits") == f"{fits:,} of {fits:,} fits"
    assert text("progress-state").lower() == "done"


def test_curves_hold_the_means_and_a_star(page: Any, site: Site) -> None:
    payload = site.updates()
    read = (
        "return document.querySelector('#bic-graph .js-plotly-plot').data"
        ".map((t) => ({x: [...t.x], y: [...t.y], name: t.name}))"
    )
    traces = until(
        lambda: (found := page.execute_script(read))[18]["x"] and found, "the star is drawn"
    )
    cells = cells_of(payload)
    for i, name in enumerate(COVARIANCE_TYPES):
        assert traces[3 * i + 2]["x"] == [1, 2, 3, 4]
        means = [cells[name, k]["scores"]["bic"]["mean"] for k in (1, 2, 3, 4)]
        assert traces[3 * i + 2]["y"] == pytest.approx(means)
    best = payload["recommended"]["bic"]
    assert traces[18]["x"] == [best["k"]]
    assert traces[18]["y"] == pytest.approx([best["score"]])


COUNT_REQUESTS = """
const fetch = window.fetch;
window.__asked = [];
window.fetch = (url, ...rest) => {
  if (/api/.test(url)) window.__asked.push(String(url));
  return fetch(url, ...rest);
};
"""
"""Notes requests to the server when they are made, whether they are answered or not."""


def test_the_slider_needs_no_server(page: Any, site: Site) -> None:
    show_k(page, 1)
    page.execute_script(COUNT_REQUESTS)
    images = set()
    os.kill(site.process.pid, signal.SIGSTOP)
    try:
        for k in (2, 3, 4):
            thumb(page).send_keys(Keys.ARROW_RIGHT)
            until(lambda k=k: describe(page)["k"] == k, f"K = {k} is shown")
            images.add(
                page.execute_script(
                    "return document.querySelector('.panels-canvas').toDataURL().slice(0, 200000)"
                )
            )
    finally:
        os.kill(site.process.pid, signal.SIGCONT)
    assert len(images) == 3, "every step painted another picture"
    assert page.execute_script("return window.__asked") == []


def test_a_click_on_a_panel_selects_it(page: Any) -> None:
    show_k(page, 3)
    shown = describe(page)
    x, y = shown["boxes"][4]["x"] + 20, shown["boxes"][4]["y"] + 20
    point_at(page, x, y).click().perform()
    until(lambda: "type=diag-untied" in page.current_url, "the address names the panel's type")
    assert "k=3" in page.current_url
    frames = page.find_elements("css selector", "#panels-graph .panel-frame")
    assert ["selected" in frame.get_attribute("class") for frame in frames].index(True) == 4
    assert severe(page) == []


def point_at(page: Any, x: float, y: float) -> ActionChains:
    """The pointer at pixel (x, y) of the panels' graph."""
    graph = page.find_element("id", "panels-graph")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", graph)
    return ActionChains(page).move_to_element_with_offset(graph, int(x), int(y))


def test_hovering_names_row_values_and_cluster(page: Any, site: Site) -> None:
    show_k(page, 3)
    values = site.points()["values"][:2]
    row = int(lonely(values, 1)[0])
    shown = describe(page)
    box, view = shown["boxes"][0], shown["view"]
    x = box["x"] + box["w"] * (values[0, row] - view["x"][0]) / (view["x"][1] - view["x"][0])
    y = box["y"] + box["h"] * (1 - (values[1, row] - view["y"][0]) / (view["y"][1] - view["y"][0]))
    point_at(page, x, y).perform()
    tooltip = page.find_element("css selector", "#panels-graph .panel-tooltip")
    until(tooltip.is_displayed, "the tooltip is shown")
    lines = tooltip.text.split("\n")
    model = cells_of(site.updates())[COVARIANCE_TYPES[0], 3]["model"]
    label = np.frombuffer(base64.b64decode(model["labels"]), dtype=np.uint8)[row]
    assert lines[0] == f"cluster {label + 1} · row {row + 1}"
    assert lines[1].startswith(HOSTILE), "the column's name as it is, not as HTML"


@pytest.fixture
def held_job(site: Site) -> Iterator[str]:
    """A job of 90 tasks that stops when HELD have come in, until `site.hold.let_go()`."""
    site.hold = Hold(HELD)
    job_id = site.submit(k_max=5, n_experiments=3, n_restarts=10, seed=next(NEW_SEEDS))
    yield job_id
    site.hold.let_go()
    site.services.jobs.delete(job_id)


def test_zoom_and_selection_survive_live_updates(driver: Any, site: Site, held_job: str) -> None:
    page = open_job(driver, site, held_job)
    until(lambda: fits_shown(page) == "360 of 900 fits", "what was computed before is drawn")
    axes = range(1, 7)
    zoom = {f"xaxis{i if i > 1 else ''}.range": [0, 5] for i in axes}
    zoom |= {f"yaxis{i if i > 1 else ''}.range": [1, 6] for i in axes}
    relayout(page, zoom)
    relayout(page, {"xaxis.range": [1.5, 3.5]}, "bic-graph")
    site.hold.let_go()
    until(lambda: fits_shown(page) == "900 of 900 fits", "new results came in")
    assert describe(page)["view"] == {"x": [0, 5], "y": [1, 6]}
    zoomed = "return document.querySelector('#bic-graph .js-plotly-plot').layout.xaxis.range"
    assert page.execute_script(zoomed) == [1.5, 3.5]
    assert severe(page) == []


def test_a_server_that_does_not_answer_is_waited_for(
    driver: Any, site: Site, held_job: str
) -> None:
    page = open_job(driver, site, held_job)
    until(lambda: fits_shown(page) == "360 of 900 fits", "what was computed before is drawn")
    state = page.find_element("id", "progress-state")
    page.execute_script(
        "window.__fetch = window.fetch; window.fetch = (url, ...rest) => /api/.test(url)"
        " ? Promise.reject(new TypeError('down')) : window.__fetch(url, ...rest)"
    )
    until(lambda: state.text.lower() == "reconnecting", "the page says that it waits")
    site.hold.let_go()
    site.services.jobs.wait(held_job, WAIT_S)
    assert fits_shown(page) == "360 of 900 fits"
    page.execute_script("window.fetch = window.__fetch")
    until(lambda: state.text.lower() == "done", "it goes on by itself")
    until(lambda: fits_shown(page) == "900 of 900 fits", "what came meanwhile is there")


def test_types_outside_the_job_say_so(driver: Any, site: Site) -> None:
    job_id = site.submit(
        k_max=3, n_experiments=1, n_restarts=1, covariance_types=("full-tied", "spher-untied")
    )
    site.services.jobs.wait(job_id, WAIT_S)
    page = open_job(driver, site, job_id)
    sentences = [title["sentence"] for title in describe(page)["titles"]]
    expected = ["" if i in (0, 5) else "Not part of this job." for i in range(6)]
    assert sentences == expected


def test_one_column_is_drawn_as_strips(driver: Any, site: Site) -> None:
    job_id = site.submit(columns=("y",), k_max=3, n_experiments=1, n_restarts=2)
    site.services.jobs.wait(job_id, WAIT_S)
    page = open_job(driver, site, job_id)
    view = describe(page)["view"]
    assert view["y"][0] < 0 < 1 < view["y"][1]
    painted = page.execute_script(
        "const c = document.querySelector('.panels-canvas');"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n"
    )
    assert painted > 300
    assert severe(page) == []


def test_a_picture_of_the_panels_holds_the_points(page: Any, site: Site) -> None:
    show_k(page, 3)
    traces = page.execute_script(
        "return centaurus.panelsFigure('svg').data"
        ".filter((t) => t.mode === 'markers' && !/centres/.test(t.name))"
        ".map((t) => ({type: t.type, x: t.x, n: t.x.length, colour: t.marker.color}))"
    )
    values = site.points()["values"]
    assert sum(trace["n"] for trace in traces) == 6 * values.shape[1]
    first = [x for trace in traces[:3] for x in trace["x"]]
    assert sorted(first) == pytest.approx(sorted(values[0].tolist()))
    assert {trace["type"] for trace in traces} == {"scatter"}
    svg = page.execute_async_script(
        "const done = arguments[0]; const f = centaurus.panelsFigure('svg');"
        "Plotly.toImage(f, {format: 'svg', width: 1100, height: f.layout.height}).then(done)"
    )
    assert svg.startswith("data:image/svg+xml")
    assert svg.count("point") >= 6 * values.shape[1]


def test_theme_and_size_change_leave_the_panels_right(page: Any, site: Site) -> None:
    without_ellipses(page)
    show_k(page, 3)
    width = describe(page)["boxes"][0]["w"]
    page.set_window_size(1100, 1000)
    until(lambda: describe(page)["boxes"][0]["w"] < width, "the panels are narrower")
    until_it_holds(lambda: assert_colours(page, site, 3, [0, 3]))
    page.find_element("id", "theme").click()
    until(
        lambda: page.execute_script("return centaurus.live.state.theme") == "dark",
        "the dark theme is drawn",
    )
    colour = page.execute_script(
        "return document.querySelector('#panels-graph .js-plotly-plot').layout.font.color"
    )
    assert colour == "#e9ecef"
    assert severe(page) == []
