"""Curves and panels together: what a person clicks, what stays, what moves by itself."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys


@pytest.fixture
def opened(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until(lambda: len(page.curves()) == 6, "six curves are drawn")
    page.until(lambda: page.script("return centaurus.panels.describe().ready"), "points are drawn")
    page.until(lambda: page.graph("bic-graph")["data"][18]["x"], "the star is drawn")
    return page


LONELIEST = """
const gd = document.querySelector("#bic-graph .js-plotly-plot");
gd.scrollIntoView({block: "center"});
const groups = [...gd.querySelectorAll(".scatterlayer .trace")]
  .filter((group) => group.querySelector(".point") && group.querySelector(".js-line"));
const lines = gd.data.filter((trace) => trace.mode === "lines+markers");
const points = groups.flatMap((group, i) => [...group.querySelectorAll(".point")].map((node, j) => {
  const box = node.getBoundingClientRect();
  return {node, x: box.x + box.width / 2, y: box.y + box.height / 2,
          type: lines[i].name, k: lines[i].x[j]};
}));
for (const p of points) {
  p.room = Math.min(...points.filter((q) => q !== p).map((q) => Math.hypot(p.x - q.x, p.y - q.y)));
}
points.sort((p, q) => q.room - p.room);
return [points[0].node, points[0].type, points[0].k];
"""
"""The point of a curve that is farthest from all others, found in what Plotly drew."""


def test_a_click_on_a_curve_selects_that_clustering(opened):
    node, chosen, k = opened.script(LONELIEST)
    ActionChains(opened.driver).move_to_element(node).click().perform()
    opened.until(lambda: opened.query.get("type") == chosen, "the address names the type")
    assert opened.query["k"] == str(k)
    opened.until(lambda: opened.shown_k() == k, "K follows")
    ring = opened.until(
        lambda: (trace := opened.graph("bic-graph")["data"][19])["x"] == [k] and trace,
        "the ring marks it",
    )
    assert ring["y"] == [opened.curves()[chosen][k]]
    titles = opened.script("return centaurus.panels.describe().titles")
    assert [title["name"] for title in titles if title["selected"]] == [chosen]


def test_a_curve_that_was_hidden_stays_hidden(opened):
    hidden = "spher-tied"
    opened.script(
        """
        const item = [...document.querySelectorAll("#bic-graph .legend .traces")]
          .find((node) => node.textContent.includes(arguments[0]));
        const toggle = item.querySelector(".legendtoggle");
        for (const type of ["mousedown", "mouseup"]) {
          toggle.dispatchEvent(new MouseEvent(type, {bubbles: true, view: window}));
        }
        """,
        hidden,
    )

    def visible() -> list:
        data = opened.graph("bic-graph")["data"]
        return [trace.get("visible", True) for trace in data if trace.get("meta") == hidden]

    opened.until(lambda: visible() == ["legendonly"] * 3, "line and band are hidden")
    opened.click_text(".mantine-SegmentedControl-label", "ICL")
    opened.until(
        lambda: "ICL" in opened.graph("bic-graph")["layout"]["yaxis"]["title"]["text"],
        "the other criterion is drawn",
    )
    assert visible() == ["legendonly"] * 3


WRITE_DOWN = """
window.shown = {labels: [], panels: []};
const play = document.getElementById("play");
const note = (list, value) => { if (list.at(-1) !== value) list.push(value); };
new MutationObserver(() => note(shown.labels, play.textContent.trim()))
  .observe(play, {subtree: true, childList: true, characterData: true});
const draw = centaurus.panels.draw;
centaurus.panels.draw = () => {
  draw();
  note(shown.panels, centaurus.panels.describe().k);
};
"""
"""Labels of the button and Ks of the panels, in order."""


def test_play_steps_through_k_and_stops_at_the_end(opened):
    opened.slide("k-slider", "\ue010")  # End
    opened.until(lambda: opened.shown_k() == 6, "the last K is shown")
    # The page itself writes down what it shows: from here a step may pass unseen.
    opened.script(WRITE_DOWN)
    opened.click("play")
    opened.until(lambda: "Play" in opened.script("return shown.labels"), "it has stopped")
    assert opened.script("return shown.labels") == ["Pause", "Play"]
    panels = opened.script("return shown.panels")
    assert panels[panels.index(1) :] == [1, 2, 3, 4, 5, 6]
    assert opened.script("return centaurus.panels.describe().k") == 6
    opened.until(lambda: opened.shown_k() == 6, "the number beside the slider follows")
    values = opened.driver.find_element("css selector", "#k-slider [role=slider]")
    assert values.get_attribute("aria-valuenow") == "6"


def test_show_this_clustering_returns_to_the_recommended_one(opened, small_job):
    opened.slide("k-slider", "\ue010")
    opened.until(lambda: opened.query.get("k") == "6", "another K is selected")
    opened.click("rec-show")
    opened.until(lambda: opened.shown_k() == 3, "the recommended K is shown")
    opened.until(lambda: opened.text("rec-title") == "full-tied, K = 3", "#rec-title says it")
    assert small_job.spec.k_max == 6


def test_quick_steps_are_not_undone_by_late_echoes(opened):
    opened.slide("k-slider", "\ue011")  # Home
    for _ in range(5):
        opened.slide("k-slider", "\ue014")  # right
    opened.until(lambda: opened.shown_k() == 6, "all steps arrived")
    opened.until(lambda: opened.query.get("k") == "6", "the selection followed")
    assert opened.shown_k() == 6
    assert opened.script("return centaurus.panels.describe().k") == 6


def test_top_shows_where_models_compete_and_a_zoom_wins(opened):
    def shown() -> list[float]:
        return list(opened.graph("bic-graph")["layout"]["yaxis"]["range"])

    def choose(name: str) -> None:
        opened.click_text("#score-range label", name)

    everything = shown()
    choose("Top")
    opened.until(lambda: shown()[0] > everything[0], "the lowest scores are left out")
    peaks = [max(curve.values()) for curve in opened.curves().values()]
    low, high = shown()
    assert low < min(peaks)
    assert high > max(peaks)
    zoom = "Plotly.relayout(document.querySelector('#bic-graph .js-plotly-plot'), arguments[0])"
    own = [low + 1, high - 1]
    opened.script(zoom, {"yaxis.range": own, "yaxis.autorange": False})
    opened.click_text("#criterion label", "AIC")
    opened.until(
        lambda: "AIC" in opened.graph("bic-graph")["layout"]["yaxis"]["title"]["text"],
        "another criterion",
    )
    assert shown() != own  # other scores, other range
    opened.click_text("#criterion label", "BIC")
    opened.until(lambda: shown() == [low, high], "the top of the BIC again")
    opened.script(zoom, {"yaxis.range": own, "yaxis.autorange": False})
    opened.slide("k-slider", Keys.ARROW_RIGHT)
    opened.until(lambda: opened.query.get("k"), "the curves are drawn again")
    assert shown() == own
    choose("All")
    lowest = min(score for curve in opened.curves().values() for score in curve.values())
    opened.until(lambda: shown()[0] < lowest, "everything again")
